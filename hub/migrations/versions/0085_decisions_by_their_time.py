"""what was decided in the last days is found without a look at all that was ever decided"""

from alembic import op

revision = "0085"
down_revision = "0084"


def upgrade() -> None:
    op.create_index("ix_routing_decision_decided", "routing_decision", ["decided_at"])
