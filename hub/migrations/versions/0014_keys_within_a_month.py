"""foreign keys between the partitions of one month instead of the whole tables: those cost more with every month"""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("""
        do $$
        declare key record; part record; definition text;
        begin
            for key in select c.conname, c.conrelid::regclass::text as child, c.confrelid::regclass::text as parent,
                              pg_get_constraintdef(c.oid) as definition
                       from pg_constraint c
                       join pg_partitioned_table cut on cut.partrelid = c.conrelid
                       join pg_partitioned_table its on its.partrelid = c.confrelid
                       where c.contype = 'f' and c.conparentid = 0 loop
                execute format('alter table %s drop constraint %I', key.child, key.conname);
                for part in select child.relname, right(child.relname, 9) as month from pg_inherits
                            join pg_class child on child.oid = inhrelid
                            where inhparent = key.child::regclass loop
                    definition := replace(key.definition, 'REFERENCES ' || key.parent || '(',
                                          'REFERENCES ' || key.parent || part.month || '(');
                    execute format('alter table %I add constraint %I %s', part.relname, key.conname, definition);
                end loop;
            end loop;
        end $$""")
