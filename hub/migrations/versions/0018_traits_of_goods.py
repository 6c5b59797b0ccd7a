"""what sets goods apart on their way: hazard, size, volume, supplier, bond, the day they come; and goods that are not sent"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"

STORAGES = ("ambient", "chilled", "frozen", "none")


def upgrade() -> None:
    op.add_column("sku", sa.Column("hazard", sa.Text(), nullable=False, server_default=""))
    op.add_column("sku", sa.Column("oversize", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column("sku", sa.Column("cm3", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("sku", sa.Column("supplier", sa.Text(), nullable=False, server_default=""))
    op.add_column("sku", sa.Column("bonded", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column("sku", sa.Column("available_from", sa.Date(), nullable=True))
    op.create_check_constraint(op.f("ck_sku_cm3"), "sku", "cm3 >= 0")
    op.create_check_constraint(op.f("ck_sku_hazard"), "sku", r"hazard ~ '^([1-9](\.[1-6])?)?$'")
    op.drop_constraint(op.f("ck_sku_storage_known"), "sku", type_="check")
    op.create_check_constraint(
        op.f("ck_sku_storage_known"), "sku", f"storage in ({', '.join(repr(one) for one in STORAGES)})"
    )
