"""orders that follow from another: exchanges, and goods sent once more"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "order_link",
        *(_text("brand"), _number("version"), _moment("created_at"), _moment("updated_at")),
        *(_number("order_id"), _number("origin_order_id"), _text("actor"), _text("reason")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_link")),
    )
    op.create_index("ix_order_link_origin", "order_link", ["origin_order_id", "order_id"])


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)
