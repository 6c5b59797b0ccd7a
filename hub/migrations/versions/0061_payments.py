"""each payment of an order, and what of a refund goes back to which of them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    op.create_table(
        "order_payment",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_order_payment_amount")),
        sa.CheckConstraint("kind in ('full', 'deposit', 'balance', 'due')", name=op.f("ck_order_payment_kind_known")),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_order_payment")),
        postgresql_partition_by="RANGE (order_id)",
    )
    _cut("order_payment", "order_id", "sales_order", "order_id", "id")
    op.add_column("refund_due", sa.Column("parts", JSONB(), nullable=False, server_default="[]"))
    op.alter_column("refund_due", "parts", server_default=None)
    _keep_what_was_paid()


def _keep_what_was_paid() -> None:
    """Write the payments that are known from before: deposits, and what was due for goods that were added."""
    op.execute("""
        insert into order_payment (brand, version, created_at, updated_at, order_id, no, kind, amount, paid_at, reference)
        select brand, 1, updated_at, updated_at, id, 2, 'deposit', deposit, placed_at, ''
        from sales_order where deposit is not null""")
    op.execute("""
        insert into order_payment (brand, version, created_at, updated_at, order_id, no, kind, amount, paid_at, reference)
        select d.brand, 1, d.settled_at, d.settled_at, d.order_id, 2 + row_number() over (partition by d.order_id order by d.no),
               'due', d.amount - d.set_off, d.settled_at, d.reference
        from amount_due d where d.state = 'paid'""")


def _cut(table: str, key: str, of: str, columns: str, its: str) -> None:
    """Make a partition for every month that orders have one of, with its foreign key within the month."""
    op.execute(f"""
        do $$
        declare one record; made text; month text;
        begin
            for one in select child.relname, pg_get_expr(child.relpartbound, child.oid) as bound
                       from pg_inherits join pg_class child on child.oid = inhrelid
                       where inhparent = 'sales_order'::regclass loop
                month := right(one.relname, 9);
                made := '{table}' || month;
                execute format('create table %I partition of {table} %s', made, one.bound);
                execute format('alter table %I add constraint fk_{table}_{key} foreign key ({columns})
                                references %I ({its})', made, '{of}' || month);
            end loop;
        end $$""")
