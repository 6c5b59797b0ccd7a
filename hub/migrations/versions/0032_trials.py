"""which texts of rules and policies were tried on past orders"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "trial",
        *(_text("kind"), _text("digest"), _number("days"), _number("looked")),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        _text("tried_by"),
        sa.CheckConstraint("kind in ('policy', 'rule')", name=op.f("ck_trial_kind_known")),
        sa.PrimaryKeyConstraint("kind", "digest", name=op.f("pk_trial")),
    )


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)
