"""how many pieces of a SKU a shop has sold before they arrive, kept in sums and not added up line by line"""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"


def upgrade() -> None:
    op.create_table(
        "presold_count",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("shop", sa.Text(), nullable=False),
        sa.Column("pieces", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_presold_count")),
    )
    # Nothing is sold between the sum and the end of this; it takes as long as one reading of an index.
    op.execute("lock table presold_line in access exclusive mode")
    op.execute(
        "insert into presold_count (sku, shop, pieces) select sku, shop, sum(pieces) from presold_line group by 1, 2"
    )
    op.create_index("ix_presold_count_sku", "presold_count", ["sku", "shop"], postgresql_include=["pieces"])
    op.drop_index("ix_presold_line_sku", table_name="presold_line")
