"""a message may tell of changes of several moments: each is kept with its change, for a count that comes late"""

import sqlalchemy as sa
from alembic import op

revision = "0087"
down_revision = "0086"


def upgrade() -> None:
    op.add_column("stock_count", sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        """update stock_count line set counted_at = page.counted_at from stock_report page
           where (page.connection, page.report, page.page) = (line.connection, line.report, line.page)
             and line.kind = 'change' and line.verdict = 'taken'"""
    )
