"""jobs that repair many calls or messages; edited messages name their origin; what is stuck by an index"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    _job()
    _item()
    op.add_column("inbox", sa.Column("origin_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_inbox_stuck", "inbox", ["connection", "id"], postgresql_where=sa.text("state in ('parked', 'refused')")
    )
    op.create_index("ix_step_dead", "step", ["connection", "id"], postgresql_where=sa.text("state = 'dead'"))


def _job() -> None:
    op.create_table(
        "replay_job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("filter", postgresql.JSONB(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("in_doubt", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("brands", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("shops", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("connections", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("rate_per_s", sa.Numeric(20, 6), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("left_out", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("refilled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("what in ('step', 'message')", name=op.f("ck_replay_job_what_known")),
        sa.CheckConstraint(
            "act in ('retry', 'skip', 'cancel', 'replay', 'discard')", name=op.f("ck_replay_job_act_known")
        ),
        sa.CheckConstraint("state in ('running', 'paused', 'stopped', 'done')", name=op.f("ck_replay_job_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay_job")),
    )
    op.create_index(
        "ix_replay_job_running", "replay_job", ["refilled_at"], postgresql_where=sa.text("state = 'running'")
    )


def _item() -> None:
    op.create_table(
        "replay_item",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("thing_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('waiting', 'done', 'left', 'failed')", name=op.f("ck_replay_item_state_known")),
        sa.ForeignKeyConstraint(["job_id"], ["replay_job.id"], name=op.f("fk_replay_item_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "place", name=op.f("pk_replay_item")),
    )
    op.create_index(
        "ix_replay_item_waiting",
        "replay_item",
        ["thing_id", "job_id"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_replay_item_next", "replay_item", ["job_id", "place"], postgresql_where=sa.text("state = 'waiting'")
    )
