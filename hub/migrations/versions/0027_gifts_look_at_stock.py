"""gifts that have run out when their order is placed"""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    # What was in force waited for goods, and a version never changes.
    op.execute("""update gift_strategy set body = body || '{"if_out": "wait"}' where not body ? 'if_out'""")
    verdict = op.f("ck_gift_decision_verdict_known")
    op.drop_constraint(verdict, "gift_decision", type_="check")
    op.create_check_constraint(
        verdict, "gift_decision", "verdict in ('given', 'exhausted', 'had_already', 'out_of_stock')"
    )
