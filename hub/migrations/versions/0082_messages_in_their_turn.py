"""messages are read off their index in the order in which they are due, however many wait"""

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0081"


def upgrade() -> None:
    waiting = sa.text("state = 'received'")
    op.drop_index("ix_inbox_due")
    op.create_index("ix_inbox_due", "inbox", ["kind", "run_at", "id"], postgresql_where=waiting)
