"""a partner that falls behind is a case; how full the hub is lies in one row"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

CAUSES = (
    *("address", "backlog", "batch_mismatch", "cancel_refused", "connection_paused", "earlier_confirm_parked"),
    *("malformed", "order_conflict", "our_fault", "over_confirm", "poll_failed", "rejected", "review", "step_dead"),
    *("stock", "totals", "unknown_document", "unknown_sku", "withdrawn_late"),
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(
        op.f("ck_case_file_cause_known"), "case_file", f"cause in ({', '.join(repr(cause) for cause in CAUSES)})"
    )
    op.create_table(
        "fullness",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_of", sa.Text(), nullable=False),
        sa.Column("inbox_waiting", sa.BigInteger(), nullable=False),
        sa.Column("free_disk_mb", sa.BigInteger(), nullable=True),
        sa.Column("database_mb", sa.BigInteger(), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "full_of in ('nothing', 'inbox', 'disk', 'database')", name=op.f("ck_fullness_full_of_known")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_fullness")),
    )
