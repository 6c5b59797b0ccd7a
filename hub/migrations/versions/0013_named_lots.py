"""lots named for deliveries, and of which lots goods have left"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

CAUSES = (
    *("address", "backlog", "batch_mismatch", "cancel_refused", "connection_paused", "earlier_confirm_parked"),
    *("lot_drift", "malformed", "order_conflict", "our_fault", "over_confirm", "poll_failed", "rejected", "review"),
    *("step_dead", "stock", "stock_drift", "stock_push", "stock_report", "stock_short", "totals"),
    *("unknown_document", "unknown_sku", "withdrawn_late"),
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(
        op.f("ck_case_file_cause_known"), "case_file", f"cause in ({', '.join(repr(cause) for cause in CAUSES)})"
    )
    _named()
    _shipped()
    _cut_like_parcels()


def _named() -> None:
    op.create_table(
        "named_lot",
        *(_number("order_id"), _number("no"), _number("line_no"), _text("lot")),
        *(_text("location"), _text("sku"), _text("owner"), _text("condition"), *_days()),
        *(_number("quantity"), _number("due")),
        sa.CheckConstraint("condition in ('saleable', 'damaged')", name=op.f("ck_named_lot_condition_known")),
        sa.CheckConstraint("quantity >= 0 and due >= 0", name=op.f("ck_named_lot_counters")),
        sa.ForeignKeyConstraint(["location"], ["location.code"], name=op.f("fk_named_lot_location")),
        sa.ForeignKeyConstraint(["sku"], ["sku.code"], name=op.f("fk_named_lot_sku")),
        sa.PrimaryKeyConstraint("order_id", "no", "line_no", "lot", name=op.f("pk_named_lot")),
    )
    op.create_index("ix_named_lot_counter", "named_lot", ["location", "sku", "owner", "condition"])


def _shipped() -> None:
    op.create_table(
        "shipped_lot",
        *(_number("order_id"), _number("shipment_no"), _number("line_no"), _text("lot"), _text("sku"), *_days()),
        *(_number("quantity"), _number("assumed")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shipped_lot_quantity")),
        sa.CheckConstraint("assumed between 0 and quantity", name=op.f("ck_shipped_lot_assumed")),
        sa.ForeignKeyConstraint(
            ["order_id", "shipment_no"],
            ["shipment.order_id", "shipment.no"],
            name=op.f("fk_shipped_lot_order_id_shipment_no"),
        ),
        sa.PrimaryKeyConstraint("order_id", "shipment_no", "line_no", "lot", name=op.f("pk_shipped_lot")),
        postgresql_partition_by="RANGE (order_id)",
    )


def _cut_like_parcels() -> None:
    """Make a partition for every month that parcels have one of: older orders may ship after this."""
    op.execute("""
        do $$
        declare one record;
        begin
            for one in select child.relname, pg_get_expr(child.relpartbound, child.oid) as bound
                       from pg_inherits join pg_class child on child.oid = inhrelid
                       where inhparent = 'parcel'::regclass loop
                execute format('create table %I partition of shipped_lot %s',
                               replace(one.relname, 'parcel', 'shipped_lot'), one.bound);
            end loop;
        end $$""")


def _days() -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Date(), nullable=True) for name in ("produced_on", "expires_on")]


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)
