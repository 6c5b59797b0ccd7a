"""orders that grow: goods that a change adds, what is still to be paid for them, and what becomes of a refund"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0028"
down_revision = "0027"

CAUSES = (
    *("address", "backlog", "batch_mismatch", "cancel_refused", "change_asked", "change_refused", "connection_paused"),
    *("earlier_confirm_parked", "intercept", "lot_drift", "malformed", "order_conflict", "our_fault", "over_confirm"),
    *("paid_late", "poll_failed", "refund_failed", "rejected", "reroute_tries", "review", "step_dead", "stock"),
    *("stock_drift", "stock_push", "stock_report", "stock_short", "totals", "unknown_document", "unknown_sku"),
    "withdrawn_late",
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(
        op.f("ck_case_file_cause_known"), "case_file", f"cause in ({', '.join(repr(cause) for cause in CAUSES)})"
    )
    _add("order_revision", sa.Column("added", JSONB(), nullable=False, server_default="[]"))
    _add("order_revision", sa.Column("charge", sa.Text(), nullable=False, server_default=""))
    for name in ("was", "stands"):
        _add("order_revision", sa.Column(name, JSONB(), nullable=False, server_default="{}"))
    _add("refund_due", sa.Column("set_off", sa.BigInteger(), nullable=False, server_default="0"))
    _add("refund_due", sa.Column("state", sa.Text(), nullable=False, server_default="due"))
    for name in ("reference", "settled_by"):
        _add("refund_due", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("refund_due", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_refund_due_set_off"), "refund_due", "set_off between 0 and amount")
    op.create_check_constraint(
        op.f("ck_refund_due_state_known"), "refund_due", "state in ('due', 'asked', 'done', 'failed', 'set_off')"
    )
    op.add_column("order_key", sa.Column("said", JSONB(), nullable=True))
    _dues()
    _cut()


def _add(table: str, column: sa.Column[object]) -> None:
    """Add a column that rows written before need a value in, and no new row goes without."""
    op.add_column(table, column)
    op.alter_column(table, column.name, server_default=None)


def _dues() -> None:
    op.create_table(
        "amount_due",
        *(_text("brand"), _number("version"), _moment("created_at"), _moment("updated_at")),
        *(_number("order_id"), _number("no"), _number("revision_no"), _number("amount"), _number("set_off")),
        *(_text("state"), _text("reference"), _text("settled_by")),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_amount_due_amount")),
        sa.CheckConstraint("set_off between 0 and amount", name=op.f("ck_amount_due_set_off")),
        sa.CheckConstraint("state in ('open', 'paid', 'set_off')", name=op.f("ck_amount_due_state_known")),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_amount_due")),
        postgresql_partition_by="RANGE (order_id)",
    )


def _cut() -> None:
    """Make a partition for every month that orders have one of, with its foreign key within the month."""
    op.execute("""
        do $$
        declare one record; made text; month text;
        begin
            for one in select child.relname, pg_get_expr(child.relpartbound, child.oid) as bound
                       from pg_inherits join pg_class child on child.oid = inhrelid
                       where inhparent = 'sales_order'::regclass loop
                month := right(one.relname, 9);
                made := 'amount_due' || month;
                execute format('create table %I partition of amount_due %s', made, one.bound);
                execute format('alter table %I add constraint fk_amount_due_order_id foreign key (order_id)
                                references %I (id)', made, 'sales_order' || month);
            end loop;
        end $$""")


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)
