"""a confirm that repeats the number of another with other contents is a person's"""

import sqlalchemy as sa
from alembic import op

revision = "0088"
down_revision = "0087"

CAUSE = "confirm_differs"


def upgrade() -> None:
    found = op.get_bind().execute(
        sa.text(
            """select array(select m[1] from regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''', 'g') as m)
               from pg_constraint where conname = 'ck_case_file_cause_known'"""
        )
    )
    causes = ", ".join(repr(cause) for cause in sorted({*found.scalar_one(), CAUSE}))
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(op.f("ck_case_file_cause_known"), "case_file", f"cause in ({causes})")
