"""what an order without a cart takes in flash sales counts for its buyer, by SKU"""

from alembic import op

revision = "0063"
down_revision = "0062"


def upgrade() -> None:
    op.drop_constraint("pk_hot_buyer", "hot_buyer", type_="primary")
    op.create_primary_key("pk_hot_buyer", "hot_buyer", ["reservation_id", "sku"])
