"""the spine"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("create sequence id_serial")  # hub.ids draws from it
    op.create_table(
        "attempt",
        sa.Column("step_id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("exchanges", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("step_id", "token", "started_at", name=op.f("pk_attempt")),
        postgresql_partition_by="RANGE (started_at)",
    )
    op.create_index("ix_attempt_step", "attempt", ["step_id"], unique=False)
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=True),
        sa.Column("seal", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("place", name=op.f("uq_audit_entry_place")),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject", "id"], unique=False)
    op.create_index(
        "ix_audit_entry_unsealed", "audit_entry", ["id"], unique=False, postgresql_where=sa.text("place is null")
    )
    op.create_table(
        "case_file",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "cause in ('address', 'batch_mismatch', 'cancel_refused', 'earlier_confirm_parked', 'malformed', 'order_conflict', 'our_fault', 'over_confirm', 'rejected', 'review', 'step_dead', 'stock', 'totals', 'unknown_document', 'unknown_sku')",
            name=op.f("ck_case_file_cause_known"),
        ),
        sa.CheckConstraint("state in ('open', 'resolved')", name=op.f("ck_case_file_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_file")),
    )
    op.create_index(
        "ix_case_file_order", "case_file", ["order_id"], unique=False, postgresql_where=sa.text("order_id is not null")
    )
    op.create_index(
        "uq_case_file_open", "case_file", ["cause", "subject"], unique=True, postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "client_nonce",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client", "nonce", name=op.f("pk_client_nonce")),
    )
    op.create_index("ix_client_nonce_expiry", "client_nonce", ["expires_at"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index("ix_idempotency_key_created", "idempotency_key", ["created_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('received', 'done', 'refused', 'parked', 'superseded')", name=op.f("ck_inbox_state_known")
        ),
        sa.PrimaryKeyConstraint("id", "received_at", name=op.f("pk_inbox")),
        postgresql_partition_by="RANGE (received_at)",
    )
    op.create_index(
        "ix_inbox_due", "inbox", ["kind", "run_at"], unique=False, postgresql_where=sa.text("state = 'received'")
    )
    op.create_index(
        "ix_inbox_order", "inbox", ["order_id"], unique=False, postgresql_where=sa.text("order_id is not null")
    )
    op.create_table(
        "inbox_key",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection", "kind", "message_id", name=op.f("pk_inbox_key")),
        sa.UniqueConstraint("inbox_id", name=op.f("uq_inbox_key_inbox_id")),
    )
    op.create_table(
        "location",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("division", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("longitude", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("storages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("courier", sa.Text(), nullable=False),
        sa.Column("handling", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("handling >= 0", name=op.f("ck_location_handling")),
        sa.CheckConstraint(
            "latitude between -90 and 90 and longitude between -180 and 180", name=op.f("ck_location_coordinates")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_location")),
    )
    op.create_table(
        "order_key",
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "external_id", name=op.f("pk_order_key")),
        sa.UniqueConstraint("order_id", name=op.f("uq_order_key_order_id")),
    )
    op.create_table(
        "routing_decision",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("solver_version", sa.Text(), nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False),
        sa.Column("input", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("outcome", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("bound", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_routing_decision")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "sku",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("storage", sa.Text(), nullable=False),
        sa.Column("grams", sa.BigInteger(), nullable=False),
        sa.Column("bundle", sa.Boolean(), nullable=False),
        sa.CheckConstraint("storage in ('ambient', 'chilled', 'frozen')", name=op.f("ck_sku_storage_known")),
        sa.CheckConstraint("grams >= 0", name=op.f("ck_sku_grams")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_sku")),
    )
    op.create_table(
        "step",
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("doubt", sa.Boolean(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'pending', 'in_flight', 'unknown', 'done', 'dead', 'cancelled')",
            name=op.f("ck_step_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_step_idempotency_key")),
    )
    op.create_index(
        "ix_step_due",
        "step",
        ["run_at", "id"],
        unique=False,
        postgresql_where=sa.text("state in ('pending', 'unknown', 'in_flight')"),
    )
    op.create_index(
        "ix_step_finished",
        "step",
        ["settled_at"],
        unique=False,
        postgresql_where=sa.text("state in ('done', 'cancelled')"),
    )
    op.create_index("ix_step_lane", "step", ["lane", "id"], unique=False)
    op.create_index("ix_step_order", "step", ["order_id"], unique=False)
    op.create_index(
        "ix_step_waiting", "step", ["lane", "id"], unique=False, postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_index(
        "uq_step_lane_in_flight", "step", ["lane"], unique=True, postgresql_where=sa.text("state = 'in_flight'")
    )
    op.create_table(
        "step_history",
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("doubt", sa.Boolean(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", "settled_at", name=op.f("pk_step_history")),
        postgresql_partition_by="RANGE (settled_at)",
    )
    op.create_index("ix_step_history_order", "step_history", ["order_id"], unique=False)
    op.create_table(
        "stock_movement",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "reason in ('receive', 'allocate', 'release', 'consume', 'adjust')",
            name=op.f("ck_stock_movement_reason_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movement")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_table(
        "stock_movement_key",
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("movement_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "reason", "ref", "location", "sku", "owner", "condition", name=op.f("pk_stock_movement_key")
        ),
    )
    op.create_table(
        "subject",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("reference_index", sa.LargeBinary(), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject")),
        sa.UniqueConstraint("brand", "reference_index", name=op.f("uq_subject_brand_reference_index")),
    )
    op.create_table(
        "bundle_part",
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_bundle_part_quantity")),
        sa.CheckConstraint("weight >= 0", name=op.f("ck_bundle_part_weight")),
        sa.ForeignKeyConstraint(["bundle"], ["sku.code"], name=op.f("fk_bundle_part_bundle")),
        sa.ForeignKeyConstraint(["sku"], ["sku.code"], name=op.f("fk_bundle_part_sku")),
        sa.PrimaryKeyConstraint("bundle", "sku", name=op.f("pk_bundle_part")),
    )
    op.create_table(
        "channel_binding",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("channel_sku", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sku"], ["sku.code"], name=op.f("fk_channel_binding_sku")),
        sa.PrimaryKeyConstraint("shop", "channel_sku", name=op.f("pk_channel_binding")),
    )
    op.create_index("ix_channel_binding_sku", "channel_binding", ["sku"], unique=False)
    op.create_table(
        "sales_order",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("source_revision", sa.BigInteger(), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("lifecycle", sa.Text(), nullable=False),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("fulfilment", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("goods", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("freight", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("buyer_nick", sa.LargeBinary(), nullable=True),
        sa.Column("receiver_name", sa.LargeBinary(), nullable=False),
        sa.Column("receiver_phone", sa.LargeBinary(), nullable=False),
        sa.Column("receiver_street", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone_tail_index", sa.LargeBinary(), nullable=False),
        sa.Column("remark", sa.LargeBinary(), nullable=True),
        sa.Column("division", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("town", sa.Text(), nullable=False),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_at_raw", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "fulfilment in ('none', 'partial', 'shipped')", name=op.f("ck_sales_order_fulfilment_known")
        ),
        sa.CheckConstraint(
            "lifecycle in ('received', 'accepted', 'in_fulfilment', 'completed', 'cancelled', 'closed')",
            name=op.f("ck_sales_order_lifecycle_known"),
        ),
        sa.CheckConstraint(
            "payment in ('unpaid', 'deposit_paid', 'authorised', 'partial', 'paid', 'partially_refunded', 'refunded')",
            name=op.f("ck_sales_order_payment_known"),
        ),
        sa.CheckConstraint(
            "type in ('normal', 'presale', 'exchange', 'reship', 'gift', 'o2o')", name=op.f("ck_sales_order_type_known")
        ),
        sa.CheckConstraint("total = goods - discount + freight", name=op.f("ck_sales_order_total")),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name=op.f("fk_sales_order_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_order")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "ix_sales_order_open",
        "sales_order",
        ["lifecycle", "id"],
        unique=False,
        postgresql_where=sa.text("lifecycle in ('accepted', 'received', 'in_fulfilment')"),
    )
    op.create_index("ix_sales_order_phone", "sales_order", ["phone_index"], unique=False)
    op.create_index("ix_sales_order_phone_tail", "sales_order", ["brand", "phone_tail_index"], unique=False)
    op.create_index("ix_sales_order_shop", "sales_order", ["shop", "id"], unique=False)
    op.create_index("ix_sales_order_subject", "sales_order", ["subject_id", "placed_at"], unique=False)
    op.create_table(
        "stock_level",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("incoming", sa.BigInteger(), nullable=False),
        sa.Column("backorder_limit", sa.BigInteger(), nullable=False),
        sa.Column("short", sa.BigInteger(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.CheckConstraint("condition in ('saleable', 'damaged')", name=op.f("ck_stock_level_condition_known")),
        sa.CheckConstraint(
            "allocated between 0 and on_hand + backorder_limit + short", name=op.f("ck_stock_level_never_oversold")
        ),
        sa.CheckConstraint(
            "on_hand >= 0 and incoming >= 0 and backorder_limit >= 0 and short >= 0",
            name=op.f("ck_stock_level_counters"),
        ),
        sa.ForeignKeyConstraint(["location"], ["location.code"], name=op.f("fk_stock_level_location")),
        sa.ForeignKeyConstraint(["sku"], ["sku.code"], name=op.f("fk_stock_level_sku")),
        sa.PrimaryKeyConstraint("location", "sku", "owner", "condition", name=op.f("pk_stock_level")),
    )
    op.create_index("ix_stock_level_sku", "stock_level", ["sku", "location"], unique=False)
    op.create_table(
        "fulfilment_order",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("courier", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("replaces_no", sa.BigInteger(), nullable=True),
        sa.Column("decision_no", sa.BigInteger(), nullable=False),
        sa.Column("execution", sa.Text(), nullable=False),
        sa.Column("negotiation", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "execution in ('open', 'scheduled', 'on_hold', 'in_progress', 'closed', 'incomplete', 'cancelled')",
            name=op.f("ck_fulfilment_order_execution_known"),
        ),
        sa.CheckConstraint("method in ('parcel', 'pickup')", name=op.f("ck_fulfilment_order_method_known")),
        sa.CheckConstraint(
            "negotiation in ('unsubmitted', 'submitted', 'accepted', 'rejected', 'cancel_requested', 'cancel_accepted', 'cancel_rejected')",
            name=op.f("ck_fulfilment_order_negotiation_known"),
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_fulfilment_order_attempt")),
        sa.ForeignKeyConstraint(["location"], ["location.code"], name=op.f("fk_fulfilment_order_location")),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_fulfilment_order_order_id")),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_fulfilment_order")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index("ix_fulfilment_order_location", "fulfilment_order", ["location", "execution"], unique=False)
    op.create_table(
        "order_hold",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("blocks", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_order_hold_order_id")),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_order_hold")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        "ix_order_hold_open",
        "order_hold",
        ["type", "order_id"],
        unique=False,
        postgresql_where=sa.text("released_at is null"),
    )
    op.create_table(
        "order_line",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("external_line_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent_no", sa.BigInteger(), nullable=True),
        sa.Column("channel_sku", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("storage", sa.Text(), nullable=False),
        sa.Column("grams", sa.BigInteger(), nullable=False),
        sa.Column("gift", sa.Boolean(), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("ordered", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("shipped", sa.BigInteger(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("cancelled", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'component') = (parent_no is not null)", name=op.f("ck_order_line_components_have_parents")
        ),
        sa.CheckConstraint(
            "kind <> 'bundle' or (allocated = 0 and shipped = 0)", name=op.f("ck_order_line_bundles_do_not_ship")
        ),
        sa.CheckConstraint("kind in ('item', 'bundle', 'component')", name=op.f("ck_order_line_kind_known")),
        sa.CheckConstraint(
            "allocated + shipped + cancelled <= ordered", name=op.f("ck_order_line_no_more_than_ordered")
        ),
        sa.CheckConstraint("cancelled >= 0 and allocated >= 0 and shipped >= 0", name=op.f("ck_order_line_counters")),
        sa.CheckConstraint("delivered between 0 and shipped", name=op.f("ck_order_line_delivered")),
        sa.CheckConstraint("ordered > 0", name=op.f("ck_order_line_ordered")),
        sa.CheckConstraint("returned between 0 and shipped", name=op.f("ck_order_line_returned")),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_order_line_order_id")),
        sa.PrimaryKeyConstraint("order_id", "line_no", name=op.f("pk_order_line")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index("ix_order_line_sku", "order_line", ["sku", "order_id"], unique=False)
    op.create_table(
        "price_adjustment",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("funder", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("source_amount", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "funder in ('merchant', 'platform', 'brand', 'distributor')", name=op.f("ck_price_adjustment_funder_known")
        ),
        sa.CheckConstraint(
            "source in ('coupon', 'promotion', 'points', 'gift_card', 'shipping', 'platform')",
            name=op.f("ck_price_adjustment_source_known"),
        ),
        sa.CheckConstraint("amount between 0 and source_amount", name=op.f("ck_price_adjustment_share")),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_price_adjustment_order_id")),
        sa.PrimaryKeyConstraint("order_id", "no", "line_no", name=op.f("pk_price_adjustment")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "fulfilment_line",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("shipped", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_fulfilment_line_quantity")),
        sa.CheckConstraint(
            "shipped >= 0 and released >= 0 and shipped + released <= quantity",
            name=op.f("ck_fulfilment_line_counters"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "no"],
            ["fulfilment_order.order_id", "fulfilment_order.no"],
            name=op.f("fk_fulfilment_line_order_id_no"),
        ),
        sa.PrimaryKeyConstraint("order_id", "no", "line_no", name=op.f("pk_fulfilment_line")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "shipment",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("fulfilment_no", sa.BigInteger(), nullable=False),
        sa.Column("confirm_key", sa.Text(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id", "fulfilment_no"],
            ["fulfilment_order.order_id", "fulfilment_order.no"],
            name=op.f("fk_shipment_order_id_fulfilment_no"),
        ),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_shipment")),
        sa.UniqueConstraint(
            "order_id", "fulfilment_no", "confirm_key", name=op.f("uq_shipment_order_id_fulfilment_no_confirm_key")
        ),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "parcel",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("shipment_no", sa.BigInteger(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("courier", sa.Text(), nullable=False),
        sa.Column("tracking_no", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id", "shipment_no"],
            ["shipment.order_id", "shipment.no"],
            name=op.f("fk_parcel_order_id_shipment_no"),
        ),
        sa.PrimaryKeyConstraint("order_id", "shipment_no", "no", name=op.f("pk_parcel")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index("ix_parcel_tracking", "parcel", ["tracking_no"], unique=False)
    op.create_table(
        "parcel_line",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("shipment_no", sa.BigInteger(), nullable=False),
        sa.Column("parcel_no", sa.BigInteger(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_parcel_line_quantity")),
        sa.ForeignKeyConstraint(
            ["order_id", "shipment_no", "parcel_no"],
            ["parcel.order_id", "parcel.shipment_no", "parcel.no"],
            name=op.f("fk_parcel_line_order_id_shipment_no_parcel_no"),
        ),
        sa.PrimaryKeyConstraint("order_id", "shipment_no", "parcel_no", "line_no", name=op.f("pk_parcel_line")),
        postgresql_partition_by="RANGE (order_id)",
    )
