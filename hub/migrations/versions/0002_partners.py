"""what the first partners need: tokens, polls, connection health, tracks, postings; masked receivers and invoices"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

CAUSES = (
    *("address", "batch_mismatch", "cancel_refused", "connection_paused", "earlier_confirm_parked", "malformed"),
    *(
        "order_conflict",
        "our_fault",
        "over_confirm",
        "poll_failed",
        "rejected",
        "review",
        "step_dead",
        "stock",
        "totals",
    ),
    *("unknown_document", "unknown_sku", "withdrawn_late"),
)


def upgrade() -> None:
    op.create_table(
        "connection_token",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_connection_token")),
    )
    op.create_table(
        "connection_health",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error_code", sa.Text(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_connection_health")),
    )
    op.create_table(
        "poll",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("watermark", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "name", name=op.f("pk_poll")),
    )
    op.create_index("ix_poll_due", "poll", ["run_at"], unique=False)
    op.create_table(
        "brand_audience",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("brand", "family", name=op.f("pk_brand_audience")),
    )
    _make_by_order()
    op.add_column("sales_order", sa.Column("platform", sa.Text(), nullable=False, server_default="OTHER"))
    op.alter_column("sales_order", "platform", server_default=None)
    for column in ("receiver_token", "seller_note", "invoice"):
        op.add_column("sales_order", sa.Column(column, sa.LargeBinary(), nullable=True))
    _replace_check("sales_order", "fulfilment_known", "fulfilment in ('none', 'partial', 'shipped', 'delivered')")
    _replace_check("case_file", "cause_known", f"cause in ({', '.join(repr(cause) for cause in CAUSES)})")


def _make_by_order() -> None:
    op.create_table(
        "parcel_track",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("shipment_no", sa.BigInteger(), nullable=False),
        sa.Column("parcel_no", sa.BigInteger(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("events", sa.LargeBinary(), nullable=True),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("subscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status in ('awaited', 'collected', 'in_transit', 'out_for_delivery', 'ready_for_pickup', 'delivered', "
            "'trouble', 'returned')",
            name=op.f("ck_parcel_track_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "shipment_no", "parcel_no"],
            ["parcel.order_id", "parcel.shipment_no", "parcel.no"],
            name=op.f("fk_parcel_track_order_id_shipment_no_parcel_no"),
        ),
        sa.PrimaryKeyConstraint("order_id", "shipment_no", "parcel_no", name=op.f("pk_parcel_track")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        "ix_parcel_track_open",
        "parcel_track",
        ["asked_at"],
        unique=False,
        postgresql_where=sa.text("status not in ('delivered', 'returned')"),
    )
    op.create_table(
        "posting",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("freight", sa.BigInteger(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("sale_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issue_id", sa.Text(), nullable=False),
        sa.Column("issue_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id", "no"],
            ["fulfilment_order.order_id", "fulfilment_order.no"],
            name=op.f("fk_posting_order_id_no"),
        ),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_posting")),
        postgresql_partition_by="RANGE (order_id)",
    )


def _replace_check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
