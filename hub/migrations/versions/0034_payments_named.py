"""the payer's own number of an order's first payment, and locations that say they stopped what they had sent"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"

CAUSES = (
    *("address", "backlog", "batch_mismatch", "cancel_refused", "change_asked", "change_refused", "connection_paused"),
    *("earlier_confirm_parked", "intercept", "lot_drift", "malformed", "order_conflict", "our_fault", "over_confirm"),
    *("paid_late", "poll_failed", "refund_failed", "rejected", "reroute_tries", "review", "step_dead", "stock"),
    *("stock_drift", "stock_push", "stock_report", "stock_short", "stopped_after_sent", "totals"),
    *("unknown_document", "unknown_sku", "withdrawn_late"),
)


def upgrade() -> None:
    # Orders before cases, as everybody locks them.
    op.add_column("sales_order", sa.Column("payment_reference", sa.Text(), nullable=True))
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(
        op.f("ck_case_file_cause_known"), "case_file", f"cause in ({', '.join(repr(cause) for cause in CAUSES)})"
    )
