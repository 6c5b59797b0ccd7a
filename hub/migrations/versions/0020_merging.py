"""orders of one recipient in one delivery: policies of shops, windows, groups and their members"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0018"


def upgrade() -> None:
    _policies()
    op.create_table(
        "merge_recipient",
        *(_number("order_id"), _bytes("key")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_merge_recipient")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "merge_wait",
        *(_number("order_id"), _number("no"), _bytes("key"), _moment("until")),
        sa.PrimaryKeyConstraint("order_id", "no", name=op.f("pk_merge_wait")),
    )
    op.create_index("ix_merge_wait_until", "merge_wait", ["until"])
    op.create_index("ix_merge_wait_key", "merge_wait", ["key"])
    _groups()


def _policies() -> None:
    op.create_table(
        "merge_policy",
        *_entity(),
        *(_text("shop"), sa.Column("active", sa.Boolean(), nullable=False), _number("window_min")),
        sa.Column("brands", postgresql.ARRAY(sa.Text()), nullable=False),
        *(_number("most_orders"), _number("most_grams")),
        sa.Column("never", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("window_min between 1 and 10080", name=op.f("ck_merge_policy_window_min")),
        sa.CheckConstraint("most_orders >= 2 and most_grams > 0", name=op.f("ck_merge_policy_limits")),
        sa.PrimaryKeyConstraint("shop", name=op.f("pk_merge_policy")),
    )


def _groups() -> None:
    op.create_table(
        "merge_group",
        *_entity(),
        *(_number("id"), _text("location"), _text("connection"), _text("code"), _text("ending")),
        _moment("ended_at", nullable=True),
        sa.CheckConstraint("ending in ('', 'dissolved', 'over')", name=op.f("ck_merge_group_ending_known")),
        sa.CheckConstraint("(ending = '') = (ended_at is null)", name=op.f("ck_merge_group_ended")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_group")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_table(
        "merge_member",
        *(_number("order_id"), _number("no"), _number("group_id"), _number("place")),
        _moment("left_at", nullable=True),
        sa.CheckConstraint("place >= 1", name=op.f("ck_merge_member_place")),
        sa.PrimaryKeyConstraint("order_id", "no", "group_id", name=op.f("pk_merge_member")),
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index("ix_merge_member_group", "merge_member", ["group_id"])
    op.create_index(
        "uq_merge_member_live",
        "merge_member",
        ["order_id", "no"],
        unique=True,
        postgresql_where=sa.text("left_at is null"),
    )


def _entity() -> tuple[sa.Column[object], ...]:
    return _text("brand"), _number("version"), _moment("created_at"), _moment("updated_at")


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _bytes(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
