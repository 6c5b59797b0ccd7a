"""holds of a line or of a fulfilment order, and refunds that buyers ask for at the channel"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("order_hold", sa.Column("line_no", sa.BigInteger(), nullable=True))
    op.add_column("order_hold", sa.Column("fulfilment_no", sa.BigInteger(), nullable=True))
    op.create_check_constraint(
        op.f("ck_order_hold_one_scope"), "order_hold", "line_no is null or fulfilment_no is null"
    )
    for of, column in (("line", "line_no"), ("fulfilment", "fulfilment_no")):
        op.create_index(
            f"uq_order_hold_{of}",
            "order_hold",
            ["order_id", column, "rule", "rule_version"],
            unique=True,
            postgresql_where=sa.text(f"released_at is null and {column} is not null"),
        )
    op.add_column("order_line", sa.Column("refund_requested", sa.Boolean(), nullable=False, server_default="false"))
