"""What is planned while there are no orders is kept by a connection, and must still do when there are a million."""

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.order.place.twins import TWINS, ask_twins
from tests.hub.making import AT


def test_twins_are_looked_for_by_buyer_even_as_planned_on_an_empty_table(session: Session) -> None:
    # As after a first start: the server may have looked at it meanwhile, and knows then that it is empty.
    run(session, "update pg_class set relpages = 0, reltuples = -1 where relname like 'sales_order_y%'")
    run(session, "set local plan_cache_mode = force_generic_plan")
    planned = "\n".join(one[0] for one in rows(session, f"explain {TWINS}", **ask_twins({}, {}, AT).values))
    assert "Index Cond: ((subject_id = mine.subject_id)" in planned
    assert "Seq Scan on sales_order" not in planned
    assert "pkey" not in planned
