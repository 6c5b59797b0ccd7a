"""sourcing policies of the brands"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "routing_policy",
        *(_text("brand"), sa.Column("version", sa.BigInteger(), nullable=False)),
        *(_moment("created_at"), _moment("updated_at")),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *(_text(name) for name in ("label", "state", "note", "content")),
        *(_moment("drafted_at"), _text("drafted_by")),
        *(_moment("published_at", nullable=True), _text("published_by")),
        *(_moment("retired_at", nullable=True), _text("retired_by")),
        sa.CheckConstraint("state in ('draft', 'in_force', 'retired')", name=op.f("ck_routing_policy_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_policy")),
        sa.UniqueConstraint("brand", "label", name="uq_routing_policy_label"),
    )
    op.create_index(
        "uq_routing_policy_in_force",
        "routing_policy",
        ["brand"],
        unique=True,
        postgresql_where=sa.text("state = 'in_force'"),
    )


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
