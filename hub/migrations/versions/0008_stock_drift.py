"""a stock counter that its ledger does not bear out is a case"""

from alembic import op

revision = "0008"
down_revision = "0007"

CAUSES = (
    *("address", "backlog", "batch_mismatch", "cancel_refused", "connection_paused", "earlier_confirm_parked"),
    *("malformed", "order_conflict", "our_fault", "over_confirm", "poll_failed", "rejected", "review", "step_dead"),
    *("stock", "stock_drift", "totals", "unknown_document", "unknown_sku", "withdrawn_late"),
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(
        op.f("ck_case_file_cause_known"), "case_file", f"cause in ({', '.join(repr(cause) for cause in CAUSES)})"
    )
