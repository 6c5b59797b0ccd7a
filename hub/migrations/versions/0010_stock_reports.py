"""what partners count: their reports line by line, and watermarks of counters"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

CAUSES = (
    *("address", "backlog", "batch_mismatch", "cancel_refused", "connection_paused", "earlier_confirm_parked"),
    *("malformed", "order_conflict", "our_fault", "over_confirm", "poll_failed", "rejected", "review", "step_dead"),
    *("stock", "stock_drift", "stock_report", "stock_short", "totals", "unknown_document", "unknown_sku"),
    "withdrawn_late",
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(
        op.f("ck_case_file_cause_known"), "case_file", f"cause in ({', '.join(repr(cause) for cause in CAUSES)})"
    )
    op.create_index("ix_stock_level_short", "stock_level", ["location", "sku"], postgresql_where=sa.text("short > 0"))
    _reports()
    _counts()
    _watermarks()


def _reports() -> None:
    op.create_table(
        "stock_report",
        *(_text("connection"), _text("report"), _number("page"), _number("pages"), _text("brand"), _text("location")),
        *(_moment("counted_at"), _moment("received_at")),
        *(_number("lines"), _number("refused"), _number("differing"), _number("drift")),
        sa.CheckConstraint(
            "lines >= 0 and refused >= 0 and differing >= 0 and drift >= 0", name=op.f("ck_stock_report_counts")
        ),
        sa.ForeignKeyConstraint(["location"], ["location.code"], name=op.f("fk_stock_report_location")),
        sa.PrimaryKeyConstraint("connection", "report", "page", name=op.f("pk_stock_report")),
    )
    op.create_index("ix_stock_report_location", "stock_report", ["location", "counted_at"])
    op.create_index("ix_stock_report_received_at", "stock_report", ["received_at"])


def _counts() -> None:
    op.create_table(
        "stock_count",
        *(_text("connection"), _text("report"), _number("page"), _number("no"), _moment("received_at")),
        *(_text("location"), _text("sku"), _text("owner"), _text("condition")),
        *(_text("kind"), _number("said"), _number("was"), _number("difference"), _text("verdict")),
        sa.CheckConstraint("kind in ('count', 'change')", name=op.f("ck_stock_count_kind_known")),
        sa.CheckConstraint("verdict in ('taken', 'outdated', 'confirmed')", name=op.f("ck_stock_count_verdict_known")),
        sa.PrimaryKeyConstraint("connection", "report", "page", "no", name=op.f("pk_stock_count")),
    )
    op.create_index("ix_stock_count_sku", "stock_count", ["sku", "location"])
    op.create_index("ix_stock_count_received_at", "stock_count", ["received_at"])


def _watermarks() -> None:
    op.create_table(
        "stock_watermark",
        *(_text("location"), _text("sku"), _text("owner"), _text("condition")),
        *(_moment("counted_at"), _text("connection"), _text("report")),
        sa.ForeignKeyConstraint(["location"], ["location.code"], name=op.f("fk_stock_watermark_location")),
        sa.PrimaryKeyConstraint("location", "sku", "owner", "condition", name=op.f("pk_stock_watermark")),
    )


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)
