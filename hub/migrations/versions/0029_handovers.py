"""virtual goods that were handed over: what the channel and the ERP are told"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"


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
    """Make a partition for every month that orders have one of: goods of an earlier month may be handed over after this."""
    op.execute("""
        do $$
        declare one record;
        begin
            for one in select child.relname, pg_get_expr(child.relpartbound, child.oid) as bound
                       from pg_inherits join pg_class child on child.oid = inhrelid
                       where inhparent = 'order_line'::regclass loop
                execute format('create table %I partition of handover %s',
                               replace(one.relname, 'order_line', 'handover'), one.bound);
            end loop;
        end $$""")


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)
