"""a month of movements cannot be emptied by itself either; it can still be detached and dropped"""

from alembic import op

revision = "0084"
down_revision = "0083"


def upgrade() -> None:
    # What is asked of a statement is of the table that it names: months got nothing of the whole table's.
    op.execute("""
        do $$
        declare month regclass;
        begin
            for month in select inhrelid::regclass from pg_inherits where inhparent = 'stock_movement'::regclass loop
                execute format('create trigger never_emptied before truncate on %s
                                for each statement execute function refuse_to_alter()', month);
            end loop;
        end $$""")
