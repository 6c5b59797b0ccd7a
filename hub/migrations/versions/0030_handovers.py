"""virtual goods that were handed over: what the channel and the ERP are told"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "handover",
        *(_text("brand"), _number("version"), _moment("created_at"), _moment("updated_at")),
        *(_number("order_id"), _number("no"), _moment("handed_at"), _text("connection"), _number("freight")),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        _text("sale_id"),
        sa.Column("sale_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_handover")),
        postgresql_partition_by="RANGE (order_id)",
    )
    _cut_like_orders()


def _cut_like_orders() -> None:
    """Make a partition for every month that orders have one of, with its foreign key within the month."""
    op.execute("""
        do $$
        declare one record; month text; made text;
        begin
            for one in select child.relname, pg_get_expr(child.relpartbound, child.oid) as bound
                       from pg_inherits join pg_class child on child.oid = inhrelid
                       where inhparent = 'sales_order'::regclass loop
                month := replace(one.relname, 'sales_order', '');
                made := 'handover' || month;
                execute format('create table %I partition of handover %s', made, one.bound);
                execute format('alter table %I add constraint fk_handover_order_id foreign key (order_id)
                                references %I (id)', made, one.relname);
            end loop;
        end $$""")


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)
