"""an order that is sent in exchange says for which return"""

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0073"


def upgrade() -> None:
    op.add_column("order_link", sa.Column("return_no", sa.BigInteger(), nullable=True))
