"""gifts: strategies in versions, what limited ones have given, who had one, what orders got and why; lines that are gifts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0022"

KINDS = ("item", "bundle", "component", "gift")


def upgrade() -> None:
    _strategies()
    op.create_table(
        "gift_decision",
        *(_number("order_id"), _number("no"), _text("brand"), _text("strategy"), _number("strategy_no")),
        *(_text("verdict"), _document("seen"), _number("times"), _number("pieces")),
        sa.Column("counted", sa.Boolean(), nullable=False),
        _document("lines"),
        sa.Column("given_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "verdict in ('given', 'exhausted', 'had_already')", name=op.f("ck_gift_decision_verdict_known")
        ),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_gift_decision")),
        postgresql_partition_by="RANGE (order_id)",
    )
    _cut_like_orders()
    op.drop_constraint(op.f("ck_order_line_kind_known"), "order_line", type_="check")
    op.create_check_constraint(
        op.f("ck_order_line_kind_known"), "order_line", f"kind in ({', '.join(repr(kind) for kind in KINDS)})"
    )


def _strategies() -> None:
    op.create_table(
        "gift_strategy",
        *(_text("brand"), _number("version"), _moment("created_at"), _moment("updated_at")),
        *(_text("name"), _number("no"), _text("state"), _document("body")),
        sa.CheckConstraint("state in ('draft', 'in_force', 'retired')", name=op.f("ck_gift_strategy_state_known")),
        sa.PrimaryKeyConstraint("brand", "name", "no", name=op.f("pk_gift_strategy")),
    )
    for state in ("in_force", "draft"):
        op.create_index(
            f"uq_gift_strategy_{state}",
            "gift_strategy",
            ["brand", "name"],
            unique=True,
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.create_table(
        "gift_counter",
        *(_text("brand"), _text("name"), _number("orders"), _number("pieces")),
        sa.CheckConstraint("orders >= 0 and pieces >= 0", name=op.f("ck_gift_counter_counters")),
        sa.PrimaryKeyConstraint("brand", "name", name=op.f("pk_gift_counter")),
    )
    op.create_table(
        "gift_member",
        *(_text("brand"), _text("name"), _number("subject_id"), _number("order_id")),
        sa.PrimaryKeyConstraint("brand", "name", "subject_id", name=op.f("pk_gift_member")),
    )
    op.create_index("ix_gift_member_order", "gift_member", ["order_id"])


def _cut_like_orders() -> None:
    """Make a partition for every month that orders have one of: an order of an earlier month may be placed after this."""
    op.execute("""
        do $$
        declare one record;
        begin
            for one in select child.relname, pg_get_expr(child.relpartbound, child.oid) as bound
                       from pg_inherits join pg_class child on child.oid = inhrelid
                       where inhparent = 'order_line'::regclass loop
                execute format('create table %I partition of gift_decision %s',
                               replace(one.relname, 'order_line', 'gift_decision'), one.bound);
            end loop;
        end $$""")


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _document(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)
