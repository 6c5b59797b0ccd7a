"""how many pieces may be sold before they arrive, and which were"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0063"


def upgrade() -> None:
    op.create_table(
        "presale_limit",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_presale_limit_amount")),
        sa.ForeignKeyConstraint(["sku"], ["sku.code"], name=op.f("fk_presale_limit_sku")),
        sa.PrimaryKeyConstraint("sku", "shop", name=op.f("pk_presale_limit")),
    )
    op.create_table(
        "presold_line",
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("pieces", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("pieces > 0", name=op.f("ck_presold_line_pieces")),
        sa.PrimaryKeyConstraint("order_id", "line_no", name=op.f("pk_presold_line")),
    )
    op.create_index("ix_presold_line_sku", "presold_line", ["sku", "shop"], postgresql_include=["pieces"])
    # What waits by now: all of an order of a pre-sale that is held as one, and of others what is still to come.
    op.execute(
        """insert into presold_line (order_id, line_no, sku, shop, pieces)
           select o.id, line.line_no, line.sku, o.shop,
                  line.ordered - line.cancelled - line.allocated - line.shipped
           from sales_order o
           cross join lateral (select * from order_line own where own.order_id = o.id) line
           join sku on sku.code = line.sku
           where o.lifecycle in ('received', 'accepted', 'in_fulfilment')
             and line.kind <> 'bundle' and line.storage <> 'none' and not line.gift
             and line.ordered > line.cancelled + line.allocated + line.shipped
             and (sku.available_from > current_date or exists (
                      select 1 from order_hold h
                      where h.order_id = o.id and h.rule = 'presale' and h.released_at is null))"""
    )
