"""the day of a look at stock: lots expire at midnight without a movement"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0040"


def upgrade() -> None:
    op.add_column("stock_look", sa.Column("day", sa.Date()))
