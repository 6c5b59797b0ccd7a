"""what channels are told of stock, and stock alerts"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

CAUSES = (
    *("address", "backlog", "batch_mismatch", "cancel_refused", "connection_paused", "earlier_confirm_parked"),
    *("malformed", "order_conflict", "our_fault", "over_confirm", "poll_failed", "rejected", "review", "step_dead"),
    *("stock", "stock_drift", "stock_push", "stock_report", "stock_short", "totals", "unknown_document"),
    *("unknown_sku", "withdrawn_late"),
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(
        op.f("ck_case_file_cause_known"), "case_file", f"cause in ({', '.join(repr(cause) for cause in CAUSES)})"
    )
    _looks()
    _offers()
    _rules()
    _alerts()


def _looks() -> None:
    op.create_table(
        "stock_look",
        _text("name"),
        _number("seen"),
        _number("closed"),
        _number("next_n"),
        _moment("next_at"),
        _number("next_xid", nullable=True),
        _text("swept"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_stock_look")),
    )
    op.create_table(
        "stock_guard",
        _text("connection"),
        _moment("held_at", nullable=True),
        _moment("passed_until", nullable=True),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_stock_guard")),
    )


def _offers() -> None:
    op.create_table(
        "stock_offer",
        *_entity(),
        *(_text("connection"), _text("sku"), _text("shop")),
        *(_number("bucket"), _number("offered"), _number("told", nullable=True), _moment("told_at", nullable=True)),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("due", "asking", "held", "alone")),
        *(_moment("zero_at", nullable=True), _text("refused"), _moment("refused_at", nullable=True)),
        sa.CheckConstraint("offered >= 0", name=op.f("ck_stock_offer_offered")),
        sa.ForeignKeyConstraint(["sku"], ["sku.code"], name=op.f("fk_stock_offer_sku")),
        sa.PrimaryKeyConstraint("connection", "sku", name=op.f("pk_stock_offer")),
    )
    _partial("ix_stock_offer_due", "stock_offer", ["connection", "bucket", "updated_at"], "due")
    _partial("ix_stock_offer_held", "stock_offer", ["connection"], "held")
    _partial("ix_stock_offer_zero", "stock_offer", ["connection", "zero_at"], "zero_at is not null")
    _partial("ix_stock_offer_refused", "stock_offer", ["connection", "refused_at"], "refused <> ''")


def _rules() -> None:
    op.create_table(
        "stock_rule",
        *_entity(),
        *(_text("sku"), _text("location"), _number("below_pieces"), _number("below_days")),
        sa.CheckConstraint("below_pieces >= 0 and below_days >= 0", name=op.f("ck_stock_rule_thresholds")),
        sa.PrimaryKeyConstraint("brand", "sku", "location", name=op.f("pk_stock_rule")),
    )
    op.create_table(
        "stock_sale",
        *(_text("sku"), _text("location"), _moment("day"), _number("pieces")),
        sa.PrimaryKeyConstraint("sku", "location", "day", name=op.f("pk_stock_sale")),
    )
    op.create_index("ix_stock_sale_day", "stock_sale", ["day"])


def _alerts() -> None:
    op.create_table(
        "stock_alert",
        *_entity(),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *(_text("sku"), _text("location"), _text("kind"), _text("state"), _number("pieces"), _number("threshold")),
        sa.Column("cover_days", sa.Numeric(20, 6), nullable=True),
        _moment("closed_at", nullable=True),
        sa.Column("due", sa.Boolean(), nullable=False),
        _moment("acknowledged_at", nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.CheckConstraint("kind in ('stock_out', 'low_pieces', 'low_cover')", name=op.f("ck_stock_alert_kind_known")),
        sa.CheckConstraint("state in ('open', 'closed')", name=op.f("ck_stock_alert_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_alert")),
    )
    _partial("uq_stock_alert_open", "stock_alert", ["sku", "location", "kind"], "state = 'open'", unique=True)
    _partial("ix_stock_alert_due", "stock_alert", ["id"], "due")
    _partial("ix_stock_alert_closed", "stock_alert", ["closed_at"], "state = 'closed'")


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where))


def _entity() -> list[sa.Column[object]]:
    return [_text("brand"), _number("version"), _moment("created_at"), _moment("updated_at")]


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
