"""when a person last let a connection go on"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.add_column("connection_health", sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True))
