"""the runs of one connection, found by an index however rare they are"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("ix_step_connection", "step", ["connection", "id"], unique=False)
    op.create_index("ix_step_history_connection", "step_history", ["connection", "id"], unique=False)
