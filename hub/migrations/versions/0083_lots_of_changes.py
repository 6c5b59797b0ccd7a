"""what a change said of lots is kept with it, for a count that comes late to stand on"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0083"
down_revision = "0082"


def upgrade() -> None:
    op.add_column("stock_count", sa.Column("lots", JSONB(), nullable=True))
