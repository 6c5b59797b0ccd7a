"""review rules as data, who is barred, and holds that expire and name who may let them go"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0019"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _rules()
    _barred()
    op.add_column("order_hold", sa.Column("resolver", sa.Text(), nullable=False, server_default=""))
    op.alter_column("order_hold", "resolver", server_default=None)
    op.create_index(
        "ix_order_hold_expiring",
        "order_hold",
        ["expires_at"],
        postgresql_where=sa.text("released_at is null and expires_at is not null"),
    )
    op.add_column("sales_order", sa.Column("address_confidence", sa.Numeric(20, 6), nullable=True))


def _rules() -> None:
    op.create_table(
        "review_rule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("shop", sa.Text(), nullable=True),
        sa.Column("expression", sa.Text(), nullable=False),
        sa.Column("verdict", postgresql.JSONB(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("drafted_at", MOMENT, nullable=False),
        sa.Column("drafted_by", sa.Text(), nullable=False),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("retired_at", MOMENT, nullable=True),
        sa.Column("retired_by", sa.Text(), nullable=False),
        sa.CheckConstraint("state in ('draft', 'in_force', 'retired')", name=op.f("ck_review_rule_state_known")),
        sa.CheckConstraint("shop is null or brand is not null", name=op.f("ck_review_rule_shop_has_brand")),
        sa.PrimaryKeyConstraint("name", "no", name=op.f("pk_review_rule")),
    )
    for state in ("in_force", "draft"):
        op.create_index(
            f"uq_review_rule_{state}",
            "review_rule",
            ["name"],
            unique=True,
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.create_table(
        "review_edition",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_review_edition_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_edition")),
    )


def _barred() -> None:
    op.create_table(
        "barred",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("index", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("barred_at", MOMENT, nullable=False),
        sa.Column("barred_by", sa.Text(), nullable=False),
        sa.Column("until", MOMENT, nullable=True),
        sa.Column("lifted_at", MOMENT, nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=False),
        sa.CheckConstraint("kind in ('phone', 'buyer', 'address')", name=op.f("ck_barred_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_barred")),
    )
    op.create_index(
        "uq_barred",
        "barred",
        ["brand", "kind", "index"],
        unique=True,
        postgresql_where=sa.text("lifted_at is null"),
    )
