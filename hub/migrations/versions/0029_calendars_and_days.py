"""calendars of public holidays, and how many documents are made for a location's day"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "calendar_day",
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("works", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("calendar", "day", name=op.f("pk_calendar_day")),
    )
    op.create_table(
        "location_day",
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("documents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("documents >= 0", name=op.f("ck_location_day_documents")),
        sa.ForeignKeyConstraint(["location"], ["location.code"], name=op.f("fk_location_day_location")),
        sa.PrimaryKeyConstraint("location", "day", name=op.f("pk_location_day")),
    )
