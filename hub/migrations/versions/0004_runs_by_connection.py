"""runs of one connection by an index; calls that were not heard are counted apart from those that were refused"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("ix_step_connection", "step", ["connection", "id"], unique=False)
    op.create_index("ix_step_history_connection", "step_history", ["connection", "id"], unique=False)
    for table in ("step", "step_history"):
        op.add_column(table, sa.Column("unheard", sa.BigInteger(), nullable=False, server_default="0"))
        op.alter_column(table, "unheard", server_default=None)
