"""Junk in any field of a warehouse's push becomes a case, or is taken: never a failure of ours."""

from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.receive_shipments import ReceiveShipments
from hub.inbox import claim, keep, read
from hub.partitions import make_partitions
from tests.connectors.exemplars import sample
from tests.hub.making import ZONE, order, placed, stock
from tests.staging import settings_in

NOW = datetime.now(UTC)
NUMBERS = count()
SAMPLES = {
    "confirm": sample("qimen/deliveryorder_confirm_final.xml"),
    "report": sample("qimen/orderprocess_report_accept.xml"),
}
LEGAL = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
JUNK = st.one_of(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=20
    ),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(
        ["0", "1", "2", "REJECT", "1.5", "1e400", "x" * 5_000, "1999-01-01 00:00:00", "2099-12-31 23:59:59"]
    ),
)


@pytest.fixture
def taker(session: Session, tmp_path: Path) -> ReceiveShipments:
    make_partitions(session, NOW)
    stock(session, {"sh": {"apple": 100}, "bj": {"apple": 100}})
    return ReceiveShipments(Registry(settings_in(tmp_path)), ZONE)


def spoil(root: Element, place: int, text: str | None) -> None:
    """Replace the text of one element, or take its children out."""
    elements = list(root.iter())
    chosen = elements[place % len(elements)]
    if text is None:
        chosen.clear()
    else:
        chosen.text = text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["confirm", "report"]),
    changes=st.lists(st.tuples(st.integers(0, 99), st.one_of(st.none(), JUNK)), min_size=1, max_size=3),
)
def test_junk_never_makes_the_hub_fail(
    session: Session, taker: ReceiveShipments, kind: str, changes: list[tuple[int, str | None]]
) -> None:
    number = f"J{next(NUMBERS)}"
    code = f"{placed(session, order({'apple': 2}, number))}-1"
    root = fromstring(SAMPLES[kind].replace(b"2611000000000001-1", code.encode()))
    for place, text in changes:
        spoil(root, place, text)
    inbox_id, _ = keep(session, "wms-sh", kind, number, tostring(root), NOW)
    taker.handle(session, claim(session, taker.kinds, taker.batch, NOW), NOW)
    assert read(session, inbox_id).state in {"done", "parked"}
