"""returns are listed by state, the newest first"""

from alembic import op

revision = "0079"
down_revision = "0078"


def upgrade() -> None:
    op.create_index("ix_return_case_listed", "return_case", ["state", "created_at", "order_id", "no"])
