"""couriers' rate cards of the brands"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "rate_card",
        *(_text("brand"), sa.Column("version", sa.BigInteger(), nullable=False)),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("created_at", "updated_at")),
        *(_text(name) for name in ("edition", "digest", "content", "loaded_by")),
        sa.PrimaryKeyConstraint("brand", "edition", name=op.f("pk_rate_card")),
    )


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)
