"""gift strategies are tried before they are in force, as rules and policies are"""

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_trial_kind_known"), "trial", type_="check")
    op.create_check_constraint(op.f("ck_trial_kind_known"), "trial", "kind in ('policy', 'rule', 'gift')")
