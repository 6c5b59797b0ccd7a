"""decisions are kept as they were written: taking them apart was the dearest part of placing, and nobody searches them"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    for column in ("input", "outcome"):
        op.alter_column("routing_decision", column, type_=sa.JSON(), postgresql_using=f"{column}::text::json")
