"""the flow engine: gates per connection, a schedule, steps without an order, due steps found by their connection"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _gates()
    _schedule()
    op.add_column("poll", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    for table in ("step", "step_history"):
        op.alter_column(table, "order_id", existing_type=sa.BigInteger(), nullable=True)
        op.add_column(table, sa.Column("traceparent", sa.Text(), nullable=False, server_default=""))
        op.alter_column(table, "traceparent", server_default=None)
    op.drop_index("ix_step_due", table_name="step")
    op.create_index(
        "ix_step_due",
        "step",
        ["connection", "run_at", "id"],
        postgresql_where=sa.text("state in ('pending', 'unknown', 'in_flight')"),
    )
    op.drop_index("ix_step_lane", table_name="step")
    op.create_index(
        "ix_step_lane", "step", ["lane", "id"], postgresql_where=sa.text("state not in ('done', 'cancelled')")
    )
    op.create_index("ix_step_in_flight", "step", ["connection"], postgresql_where=sa.text("state = 'in_flight'"))


def _gates() -> None:
    op.create_table(
        "connection_gate",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Numeric(20, 6), nullable=False),
        sa.Column("refilled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breaker", sa.Text(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("opens", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_step", sa.BigInteger(), nullable=True),
        sa.Column("probe_token", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("breaker in ('closed', 'open', 'half_open')", name=op.f("ck_connection_gate_breaker_known")),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_connection_gate")),
    )


def _schedule() -> None:
    op.create_table(
        "schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("every_s", sa.BigInteger(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule")),
    )
    op.create_table(
        "schedule_run",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint("state in ('running', 'done', 'failed')", name=op.f("ck_schedule_run_state_known")),
        sa.PrimaryKeyConstraint("name", "slot", name=op.f("pk_schedule_run")),
    )
    op.create_index("ix_schedule_run_started", "schedule_run", ["started_at"])
