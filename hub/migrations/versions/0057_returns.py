"""returns: what is wanted back, what has arrived, and the money that goes back for it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0057"
down_revision = "0048"

REASONS = (
    *("receive", "allocate", "release", "consume", "adjust", "count", "hold", "unhold", "expire", "take"),
    *("block", "unblock", "return"),
)
CAUSE = "return_differs"


def upgrade() -> None:
    _known_reasons()
    _known_causes()
    _cases()
    _lines()
    _receipts()
    for table, key in (
        ("return_case", ("order_id", "sales_order", "order_id", "id")),
        ("return_line", ("order_id_no", "return_case", "order_id, no", "order_id, no")),
        ("return_receipt", ("order_id_no", "return_case", "order_id, no", "order_id, no")),
    ):
        _cut(table, *key)


def _known_reasons() -> None:
    """Allow a reason more. The rows that are there, which can be many, are asked by the next migration."""
    op.drop_constraint(op.f("ck_stock_movement_reason_known"), "stock_movement", type_="check")
    reasons = ", ".join(repr(reason) for reason in REASONS)
    op.execute(
        f"alter table stock_movement add constraint ck_stock_movement_reason_known check (reason in ({reasons})) not valid"
    )


def _known_causes() -> None:
    """Allow a cause more than there are by now."""
    found = op.get_bind().execute(
        sa.text(
            """select array(select m[1] from regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''', 'g') as m)
               from pg_constraint where conname = 'ck_case_file_cause_known'"""
        )
    )
    causes = ", ".join(repr(cause) for cause in sorted({*found.scalar_one(), CAUSE}))
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(op.f("ck_case_file_cause_known"), "case_file", f"cause in ({causes})")


def _cases() -> None:
    op.create_table(
        "return_case",
        *_entity(),
        *(_number("order_id"), _number("no")),
        *(_text(name) for name in ("code", "kind", "state", "fault", "reason", "actor")),
        sa.Column("freight_back", sa.Boolean(), nullable=False),
        *(_text(name) for name in ("location", "connection", "owner", "courier", "tracking_no", "partner_id")),
        _text("decided_by"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        _text("note"),
        sa.Column("refunds", JSONB(), nullable=False),
        sa.CheckConstraint("kind in ('refund_only', 'return_refund')", name=op.f("ck_return_case_kind_known")),
        sa.CheckConstraint(
            "state in ('requested', 'approved', 'sent', 'received', 'closed', 'rejected', 'withdrawn')",
            name=op.f("ck_return_case_state_known"),
        ),
        sa.CheckConstraint("fault in ('buyer', 'merchant')", name=op.f("ck_return_case_fault_known")),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_return_case")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        "ix_return_case_open",
        "return_case",
        ["order_id"],
        postgresql_where=sa.text("state in ('requested', 'approved', 'sent')"),
    )


def _lines() -> None:
    op.create_table(
        "return_line",
        *(_number(name) for name in ("order_id", "no", "line_no", "asked", "arrived", "damaged", "refunded")),
        sa.CheckConstraint("asked >= 0 and damaged between 0 and arrived", name=op.f("ck_return_line_counters")),
        sa.CheckConstraint("refunded >= 0", name=op.f("ck_return_line_refunded")),
        sa.PrimaryKeyConstraint("order_id", "no", "line_no", name=op.f("pk_return_line")),
        postgresql_partition_by="RANGE (order_id)",
    )


def _receipts() -> None:
    op.create_table(
        "return_receipt",
        *_entity(),
        *(_number("order_id"), _number("no"), _number("receipt_no")),
        *(_text("document_key"), _text("location"), _text("actor")),
        sa.Column("final", sa.Boolean(), nullable=False),
        _moment("received_at"),
        *(sa.Column(name, JSONB(), nullable=False) for name in ("goods", "beyond")),
        sa.PrimaryKeyConstraint("order_id", "no", "receipt_no", name=op.f("pk_return_receipt")),
        sa.UniqueConstraint("order_id", "no", "document_key", name=op.f("uq_return_receipt_order_id_no_document_key")),
        postgresql_partition_by="RANGE (order_id)",
    )


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


def _entity() -> tuple[sa.Column[object], ...]:
    return (_text("brand"), _number("version"), _moment("created_at"), _moment("updated_at"))


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)
