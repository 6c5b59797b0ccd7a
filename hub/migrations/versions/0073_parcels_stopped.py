"""what couriers were asked: to stop parcels and bring them back; and what they said"""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0071"

CAUSES = ("intercept_refused", "intercept_uncovered")


def upgrade() -> None:
    _known_causes()
    op.create_table(
        "parcel_intercept",
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("shipment_no", sa.BigInteger(), nullable=False),
        sa.Column("parcel_no", sa.BigInteger(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("return_no", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state in ('asked', 'accepted', 'rejected', 'unknown', 'back')",
            name=op.f("ck_parcel_intercept_state_known"),
        ),
        sa.PrimaryKeyConstraint("order_id", "shipment_no", "parcel_no", name=op.f("pk_parcel_intercept")),
        postgresql_partition_by="RANGE (order_id)",
    )
    _cut()


def _known_causes() -> None:
    """Allow some causes more than there are by now."""
    found = op.get_bind().execute(
        sa.text(
            """select array(select m[1] from regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''', 'g') as m)
               from pg_constraint where conname = 'ck_case_file_cause_known'"""
        )
    )
    causes = ", ".join(repr(cause) for cause in sorted({*found.scalar_one(), *CAUSES}))
    op.drop_constraint(op.f("ck_case_file_cause_known"), "case_file", type_="check")
    op.create_check_constraint(op.f("ck_case_file_cause_known"), "case_file", f"cause in ({causes})")


def _cut() -> None:
    """Make a partition for every month that orders have one of, with its foreign key within the month."""
    op.execute("""
        do $$
        declare one record; made text; month text;
        begin
            for one in select child.relname, pg_get_expr(child.relpartbound, child.oid) as bound
                       from pg_inherits join pg_class child on child.oid = inhrelid
                       where inhparent = 'sales_order'::regclass loop
                month := right(one.relname, 9);
                made := 'parcel_intercept' || month;
                execute format('create table %I partition of parcel_intercept %s', made, one.bound);
                execute format('alter table %I add constraint fk_parcel_intercept_order_id_shipment_no_parcel_no
                                foreign key (order_id, shipment_no, parcel_no)
                                references %I (order_id, shipment_no, no)', made, 'parcel' || month);
            end loop;
        end $$""")
