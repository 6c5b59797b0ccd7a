"""what a channel does not know yet is told first without a look at all that is due"""

from alembic import op
from sqlalchemy import text

revision = "0086"
down_revision = "0085"


def upgrade() -> None:
    op.drop_index("ix_stock_offer_due", "stock_offer")
    columns = ["connection", "bucket", text("(not told is distinct from offered)"), "updated_at"]
    op.create_index("ix_stock_offer_due", "stock_offer", columns, postgresql_where=text("due"))
