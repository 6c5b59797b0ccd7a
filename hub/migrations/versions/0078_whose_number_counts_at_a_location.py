"""whose number counts at a location, which its new counters begin with"""

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0077"


def upgrade() -> None:
    op.add_column("location", sa.Column("authority", sa.Text(), nullable=False, server_default="hub"))
    op.create_check_constraint(op.f("ck_location_authority_known"), "location", "authority in ('hub', 'owner')")
    # Where all counters were set so by hand, the next one is meant to be as well.
    op.execute(
        """update location place set authority = 'owner'
           where exists (select 1 from stock_level level
                         where (level.location, level.authority) = (place.code, 'owner'))
             and not exists (select 1 from stock_level level
                             where (level.location, level.authority) = (place.code, 'hub'))"""
    )
