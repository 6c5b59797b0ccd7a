"""soft reservations, safety stock, quotas of channels, flash sales"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    _widen_counters()
    _reservations()
    _sales()


def _widen_counters() -> None:
    for name in ("soft", "safety"):
        op.add_column("stock_level", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
        op.alter_column("stock_level", name, server_default=None)
    op.add_column("stock_movement", sa.Column("soft", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("stock_movement", "soft", server_default=None)
    op.create_index("ix_stock_movement_sku", "stock_movement", ["sku", "location", "id"])
    op.drop_constraint(op.f("ck_stock_level_never_oversold"), "stock_level", type_="check")
    op.create_check_constraint(
        op.f("ck_stock_level_never_oversold"),
        "stock_level",
        "allocated + soft <= on_hand + backorder_limit + short",
    )
    op.create_check_constraint(
        op.f("ck_stock_level_promises"), "stock_level", "allocated >= 0 and soft >= 0 and safety >= 0"
    )
    op.create_check_constraint(op.f("ck_stock_level_authority_known"), "stock_level", "authority in ('hub', 'owner')")
    op.drop_constraint(op.f("ck_stock_movement_reason_known"), "stock_movement", type_="check")
    op.create_check_constraint(
        op.f("ck_stock_movement_reason_known"),
        "stock_movement",
        "reason in ('receive', 'allocate', 'release', 'consume', 'adjust', 'count', 'hold', 'unhold', 'expire', 'take')",
    )


def _reservations() -> None:
    op.create_table(
        "reservation",
        *_entity(),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state in ('held', 'taken', 'released', 'expired')", name=op.f("ck_reservation_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
        sa.UniqueConstraint("shop", "ref", name=op.f("uq_reservation_shop_ref")),
    )
    op.create_index("ix_reservation_due", "reservation", ["expires_at"], postgresql_where=sa.text("state = 'held'"))
    op.create_index(
        "ix_reservation_settled", "reservation", ["updated_at"], postgresql_where=sa.text("state <> 'held'")
    )
    op.create_table(
        "reservation_line",
        sa.Column("reservation_id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_reservation_line_quantity")),
        sa.ForeignKeyConstraint(
            ["reservation_id"], ["reservation.id"], name=op.f("fk_reservation_line_reservation_id")
        ),
        sa.PrimaryKeyConstraint("reservation_id", "no", name=op.f("pk_reservation_line")),
    )


def _sales() -> None:
    op.create_table(
        "channel_quota",
        *_entity(),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode in ('exclusive', 'percentage', 'cap')", name=op.f("ck_channel_quota_mode_known")),
        sa.CheckConstraint("amount >= 0 and used >= 0", name=op.f("ck_channel_quota_amounts")),
        sa.CheckConstraint("mode <> 'percentage' or amount <= 100", name=op.f("ck_channel_quota_percent")),
        sa.ForeignKeyConstraint(["sku"], ["sku.code"], name=op.f("fk_channel_quota_sku")),
        sa.PrimaryKeyConstraint("sku", "shop", "location", name=op.f("pk_channel_quota")),
    )
    op.create_index("ix_channel_quota_sku", "channel_quota", ["sku"])
    op.create_table(
        "hot_sku",
        *_entity(),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("sale", sa.Text(), nullable=False),
        sa.Column("per_buyer", sa.BigInteger(), nullable=False),
        sa.Column("queue_limit", sa.BigInteger(), nullable=False),
        sa.Column("hold_s", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("per_buyer >= 0 and queue_limit > 0", name=op.f("ck_hot_sku_limits")),
        sa.ForeignKeyConstraint(["sku"], ["sku.code"], name=op.f("fk_hot_sku_sku")),
        sa.PrimaryKeyConstraint("sku", name=op.f("pk_hot_sku")),
    )
    op.create_table(
        "hot_buyer",
        sa.Column("reservation_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("sale", sa.Text(), nullable=False),
        sa.Column("buyer_index", sa.LargeBinary(), nullable=False),
        sa.Column("pieces", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("pieces > 0", name=op.f("ck_hot_buyer_pieces")),
        sa.PrimaryKeyConstraint("reservation_id", name=op.f("pk_hot_buyer")),
    )
    op.create_index("ix_hot_buyer_sale", "hot_buyer", ["sku", "sale", "buyer_index"])


def _entity() -> list[sa.Column[object]]:
    return [
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]
