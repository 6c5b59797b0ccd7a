"""the database refuses to alter movements of stock or to take one away; whole months can still go"""

from alembic import op

revision = "0081"
down_revision = "0080"


def upgrade() -> None:
    op.execute("""
        create function refuse_to_alter() returns trigger language plpgsql as $$
        begin
            raise exception '% is never altered: book another row that puts it right', tg_table_name
                using errcode = 'restrict_violation';
        end $$""")
    # Each month gets the first from the whole table, and loses it when it is detached; writing asks neither.
    op.execute("""
        create trigger never_altered before update or delete on stock_movement
        for each row execute function refuse_to_alter()""")
    op.execute("""
        create trigger never_emptied before truncate on stock_movement
        for each statement execute function refuse_to_alter()""")
