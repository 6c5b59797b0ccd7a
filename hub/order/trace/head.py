"""The head of an order's trace: what it is, what it costs and who bears which reduction, why it waits."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from hub.database import records
from hub.document import Document
from hub.errors import NotFound
from hub.order.holds.view import NAMED
from hub.roles import Actor
from hub.scope import ORDER_SEEN, scope


class TracedLine(Document):
    """A line with what has become of its pieces; money in minor units, `unit_price` in major ones."""

    line_no: int
    external_line_id: str
    kind: str
    parent_no: int | None
    channel_sku: str
    sku: str
    title: str
    storage: str
    grams: int
    gift: bool
    unit_price: Decimal
    amount: int
    discount: int
    ordered: int
    allocated: int
    shipped: int
    delivered: int
    returned: int
    cancelled: int


class TracedAdjustment(Document):
    """One reduction, and how it is shared over the lines; 0 stands for the freight."""

    no: int
    source: str
    code: str
    funder: str
    amount: int
    shares: Mapping[int, int]


class TracedHold(Document):
    """Why the order waited: all of it, or the line (of that `sku`) or the fulfilment order (at that `location`)."""

    no: int
    type: str
    blocks: tuple[str, ...]
    rule: str
    rule_version: str
    evidence: dict[str, Any]
    created_at: datetime
    released_at: datetime | None
    released_by: str
    reason: str
    line_no: int | None
    fulfilment_no: int | None
    sku: str | None
    location: str | None


class TracedCase(Document):
    id: int
    cause: str
    subject: str
    detail: dict[str, Any]
    message: str
    state: str
    times: int
    assignee: str
    created_at: datetime
    resolved_at: datetime | None
    resolved_by: str
    resolution: str


class Head(Document):
    """An order as a whole; nothing in it is personal. `id` is text, for JavaScript."""

    id: str
    external_id: str
    brand: str
    shop: str
    channel: str
    platform: str
    type: str
    source_revision: int
    lifecycle: str
    payment: str
    fulfilment: str
    currency: str
    goods: int
    discount: int
    freight: int
    total: int
    deposit: int | None
    balance_due_at: datetime | None
    division: str
    province: str
    city: str
    county: str
    town: str
    placed_at: datetime
    placed_at_raw: str
    paid_at: datetime | None
    created_at: datetime
    updated_at: datetime
    lines: tuple[TracedLine, ...]
    adjustments: tuple[TracedAdjustment, ...]
    holds: tuple[TracedHold, ...]
    cases: tuple[TracedCase, ...]

    @property
    def pieces(self) -> int:
        """Pieces as they were sold: a bundle counts, its parts do not."""
        return sum(line.ordered for line in self.lines if line.kind != "component")

    @property
    def balance(self) -> int | None:
        """Say what is still to be paid of an order whose deposit was, where that is known; none once it has ended."""
        if self.payment != "deposit_paid" or self.deposit is None or self.lifecycle in {"closed", "cancelled"}:
            return None
        return self.total - self.deposit

    @property
    def open_holds(self) -> tuple[TracedHold, ...]:
        return tuple(hold for hold in self.holds if hold.released_at is None)

    @property
    def open_cases(self) -> tuple[TracedCase, ...]:
        return tuple(case for case in self.cases if case.state == "open")

    @property
    def by_funder(self) -> Mapping[str, int]:
        """Say how much of the reductions each funder bears."""
        borne = defaultdict[str, int](int)
        for one in self.adjustments:
            borne[one.funder] += one.amount
        return dict(sorted(borne.items()))


def trace_head(session: Session, order_id: int, actor: Actor) -> Head:
    """Give the head of an order that the actor may see.

    Raises: NotFound, also for an order of another brand or shop.
    """
    named = set(Head.model_fields) - {"id", "lines", "adjustments", "holds", "cases"}
    found = records(
        session,
        f"""select cast(o.id as text) as id, {", ".join(f"o.{name}" for name in sorted(named))}
            from sales_order o where o.id = :id and {ORDER_SEEN}""",
        id=order_id,
        **scope(actor),
    )
    if not found:
        raise NotFound(f"there is no order {order_id}", code="unknown_order")
    parts = {"lines": LINES, "adjustments": ADJUSTMENTS, "holds": HOLDS, "cases": CASES}
    return Head.model_validate(
        found[0] | {name: records(session, statement, id=order_id) for name, statement in parts.items()}
    )


LINES = f"select {', '.join(TracedLine.model_fields)} from order_line where order_id = :id order by line_no"
ADJUSTMENTS = """select no, source, code, funder, source_amount as amount, jsonb_object_agg(line_no, amount) as shares
                 from price_adjustment where order_id = :id group by 1, 2, 3, 4, 5 order by no"""
OWN = ", ".join(f"h.{name}" for name in TracedHold.model_fields if name not in {"sku", "location"})
HOLDS = f"select {OWN}, {NAMED} from order_hold h where h.order_id = :id order by h.no"
CASES = f"select {', '.join(TracedCase.model_fields)} from case_file where order_id = :id order by id desc limit 100"
