"""orders that change: what is wanted and what became of it, and the money given back"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0022"
down_revision = "0017"

CAUSES = (
    *("address", "backlog", "batch_mismatch", "cancel_refused", "change_asked", "change_refused", "connection_paused"),
    *("earlier_confirm_parked", "intercept", "lot_drift", "malformed", "order_conflict", "our_fault", "over_confirm"),
    *("paid_late", "poll_failed", "rejected", "reroute_tries", "review", "step_dead", "stock", "stock_drift"),
    *("stock_push", "stock_report", "stock_short", "totals", "unknown_document", "unknown_sku", "withdrawn_late"),
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(
        op.f("ck_case_file_cause_known"), "case_file", f"cause in ({', '.join(repr(cause) for cause in CAUSES)})"
    )
    _revisions()
    _refunds()
    for table, key, of in (
        ("order_revision", "order_id", "sales_order (id)"),
        ("refund_due", "order_id", "sales_order (id)"),
        ("refund_line", "order_id, no", "refund_due (order_id, no)"),
    ):
        _cut(table, key, of)


def _revisions() -> None:
    op.create_table(
        "order_revision",
        *(_text("brand"), _number("version"), _moment("created_at"), _moment("updated_at")),
        *(_number("order_id"), _number("no"), _text("source"), _number("source_revision")),
        *(_text("actor"), _text("reason"), sa.Column("kinds", ARRAY(sa.Text()), nullable=False)),
        *(sa.Column("pieces", JSONB(), nullable=False), sa.Column("stops", JSONB(), nullable=False)),
        *(_text("target"), sa.Column("avoid", ARRAY(sa.Text()), nullable=False)),
        *(sa.Column("contents", sa.LargeBinary(), nullable=True), sa.Column("former", sa.LargeBinary(), nullable=True)),
        *(_text("state"), _text("note"), sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True)),
        sa.CheckConstraint("source in ('hub', 'channel')", name=op.f("ck_order_revision_source_known")),
        sa.CheckConstraint(
            "state in ('waiting', 'asked', 'applied', 'part', 'refused')", name=op.f("ck_order_revision_state_known")
        ),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_order_revision")),
        postgresql_partition_by="RANGE (order_id)",
    )
    still = sa.text("state in ('waiting', 'asked')")
    op.create_index("ix_order_revision_open", "order_revision", ["order_id"], postgresql_where=still)


def _refunds() -> None:
    op.create_table(
        "refund_due",
        *(_text("brand"), _number("version"), _moment("created_at"), _moment("updated_at")),
        *(_number("order_id"), _number("no"), _text("reason"), _number("amount"), _number("freight")),
        sa.CheckConstraint("amount >= 0 and freight >= 0", name=op.f("ck_refund_due_amounts")),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_refund_due")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "refund_line",
        *(_number("order_id"), _number("no"), _number("line_no"), _number("pieces"), _number("amount")),
        sa.Column("reductions", JSONB(), nullable=False),
        sa.CheckConstraint("pieces > 0", name=op.f("ck_refund_line_pieces")),
        sa.PrimaryKeyConstraint("order_id", "no", "line_no", name=op.f("pk_refund_line")),
        postgresql_partition_by="RANGE (order_id)",
    )


def _cut(table: str, key: str, of: str) -> None:
    """Make a partition for every month that orders have one of, with its foreign key within the month."""
    parent, columns = of.split(" ", 1)
    name = f"fk_{table}_{key.replace(', ', '_')}"
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
                execute format('alter table %I add constraint {name} foreign key ({key}) references %I {columns}',
                               made, '{parent}' || month);
            end loop;
        end $$""")


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)
