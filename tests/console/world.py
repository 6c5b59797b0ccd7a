"""A small world for the console: orders in every state, made by the hub's own acts, and connections good and bad."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.access import Token
from hub.cases import NewCase, open_cases
from hub.connections import Outcomes, heed, note_outcomes
from hub.database import Database, keyring_of, rows, run
from hub.errors import Misconfigured, Rejected
from hub.exchange import Exchange, write_exchanges
from hub.exchange import place as place_of_exchange
from hub.inbox import InboxState, keep, read, settle
from hub.order.change.cancel import cancel
from hub.order.model import Buyer
from hub.order.place.batch import place
from hub.order.ship.progress import record_confirm, record_report
from hub.partitions import make_partitions
from hub.people import add_person
from hub.polls import ORDERS, plan_polls
from hub.roles import Role
from hub.settings import Connection, Settings, Targets
from hub.tokens import store_token
from tests.console.engine import keep_schedule
from tests.hub.making import BRAND, RECEIVER, ZONE, confirm, order, rejection, stock

PASSWORD: Final = "a-made-up-password"
PEOPLE: Final = {role: role.value for role in Role}
"""One person for each role, named for it."""

HOSTILE: Final = "<img src=x onerror=alert(1)>"
PHONE: Final = "10000000042"
NAME: Final = "金丝雀"
STREET: Final = "金丝雀路7号"
"""Personal data that no page may show unasked."""

TOLD: Final = f'{{"code": "C1", "result": "没有找到{NAME}，地址{STREET}"}}'.encode()
"""What a partner says in free text: nothing but the order tells who is meant."""

LATE: Final = timedelta(hours=26)


def settings() -> Settings:
    """Give the settings of the world: two shops, two warehouses, an ERP and a courier that were never called."""
    shops = {
        "mall-pc": Connection(kind="channels.storefront", brand=BRAND, shop="pc", stock="all"),
        "mall-h5": Connection(kind="channels.storefront", brand=BRAND, shop="h5", stock="all"),
    }
    others = {"wms-sh": "warehouses.qimen", "wms-bj": "warehouses.qimen", "sap": "erp.sap", "kdniao": "couriers.kdniao"}
    rest = {name: Connection(kind=kind, brand=BRAND) for name, kind in others.items()}
    rest["wms-sh"] = rest["wms-sh"].model_copy(update={"rate_per_s": 5, "burst": 20, "at_once": 4})
    return Settings(connections={**shops, **rest}, targets=Targets(open_cases=3))


def fill(database: Database, now: datetime) -> dict[str, int]:
    """Make the world as of `now`, and give its orders by what they stand for."""
    with database.transaction() as session:
        make_partitions(session, now)
        stock(session, {"sh": {"apple": 500, "pear": 4}, "bj": {"apple": 200}}, ref="world")
        for role, name in PEOPLE.items():
            add_person(session, name=name, password=PASSWORD, roles=[role], at=now, display=f"{name} 王敏")
        made = _orders(session, now)
        _progress(session, made, now)
        _trouble(session, made, now)
        _connections(session, now)
        keep_schedule(session, now)
    return made


def _orders(session: Session, now: datetime) -> dict[str, int]:
    """Place one order for each thing to look at, in the order of time; some of them yesterday."""
    late = int(LATE / timedelta(minutes=1))
    wanted: list[tuple[int, str, str, dict[str, int], dict[str, object]]] = [
        (late + 3, "shipped", "W-1001", {"apple": 2}, {}),
        (late + 2, "slow", "W-1002", {"apple": 1}, {}),
        (late + 1, "delivered", "W-1003", {"apple": 1}, {}),
        (50, "partial", "W-2001", {"apple": 3, "pear": 2}, {}),
        (40, "rejected", "W-2002", {"apple": 1}, {}),
        (35, "cancelled", "W-2003", {"apple": 1}, {}),
        (20, "accepted", "W-2004", {"apple": 2}, {}),
        (18, "short", "W-2005", {"pear": 9}, {}),
        (12, "review", "W-2006", {"apple": 1}, {"remark": "买家要求改地址"}),
        (9, "unpaid", "W-2007", {"apple": 1}, {"paid_at": None}),
        (6, "open", "W-2008", {"apple": 1}, {"buyer": Buyer(ref="hostile", nick=HOSTILE)}),
        *((3 * n, f"many{n}", f"W-3{n:03}", {"apple": 1 + n % 3}, {}) for n in range(18)),
    ]
    return {
        name: _place(session, number, pieces, now - timedelta(minutes=ago), **changes)
        for ago, name, number, pieces, changes in sorted(wanted, key=lambda one: -one[0])
    }


def _place(session: Session, number: str, pieces: dict[str, int], at: datetime, **changes: object) -> int:
    receiver = RECEIVER.model_copy(update={"name": NAME, "phone": PHONE, "street": STREET})
    one = order(pieces, number, receiver=receiver, **{"placed_at": at, "paid_at": at, **changes})
    placed = place(session, [one], at, ZONE)[0]
    if isinstance(placed, Rejected):
        raise placed
    return placed.order_id


def _progress(session: Session, made: dict[str, int], now: datetime) -> None:
    """Let the warehouses ship, cut short, reject and accept."""
    record_confirm(session, confirm(made["shipped"], 1, {"apple": 2}, "k1"), now - LATE + timedelta(hours=2))
    record_confirm(session, confirm(made["slow"], 1, {"apple": 1}, "k2"), now - timedelta(minutes=30))
    record_confirm(session, confirm(made["delivered"], 1, {"apple": 1}, "k3"), now - LATE + timedelta(hours=1))
    record_confirm(session, confirm(made["partial"], 1, {"apple": 2}, "k4", final=False), now - timedelta(minutes=15))
    record_report(session, rejection(made["rejected"], 1), now - timedelta(minutes=25))
    cancel(session, made["cancelled"], "operator", "the buyer changed their mind", now - timedelta(minutes=30))
    for number in range(12):
        key, at = f"m{number}", now - timedelta(minutes=2 * number)
        record_confirm(session, confirm(made[f"many{number}"], 1, {"apple": 1 + number % 3}, key), at)


def _trouble(session: Session, made: dict[str, int], now: datetime) -> None:
    """Let a call die, a message stay unread and a product be unknown."""
    run(
        session,
        """update step set state = 'dead', attempts = 12, last_error = :error
           where order_id = :id and state in ('pending', 'waiting')""",
        id=made["open"],
        error=f"the warehouse does not know {HOSTILE}",
    )
    dead = rows(session, "select id, order_id from step where state = 'dead' order by id")
    for one in dead:
        _answered(session, one.id, now - timedelta(minutes=5))
    mine, _ = keep(session, "mall-h5", "order", "of-an-order", TOLD, now - timedelta(hours=3))
    run(session, "update inbox set state = 'done', order_id = :order where id = :id", id=mine, order=made["open"])
    cases = [
        NewCase("step_dead", f"step:{one.id}", BRAND, f"wms-sh: {HOSTILE}", one.order_id, {"step": one.id})
        for one in dead
    ]
    for number, code in enumerate(("unknown_sku", "malformed")):
        at = now - timedelta(hours=2, minutes=20 - number)
        inbox, _ = keep(session, "mall-h5", "order", f"lost-{number}", b'{"external_id": "L1"}', at)
        settle(session, read(session, inbox), InboxState.PARKED, at, code=code, error="APPLE-99 is bound to nothing")
        detail = {"inbox": inbox, "connection": "mall-h5", "channel_sku": "APPLE-99"}
        cases.append(NewCase(code, f"inbox:{inbox}", BRAND, "APPLE-99 is bound to no SKU", None, detail))
    open_cases(session, cases, now - timedelta(hours=2))


def _answered(session: Session, step_id: int, at: datetime) -> None:
    """Let a partner refuse a call in words that name the receiver."""
    said = Exchange(
        request=f"POST http://wms/r/{NAME}", request_body=TOLD, status=400, answer_body=TOLD, seconds=1, error=STREET
    )
    run(
        session,
        """insert into attempt (step_id, token, started_at, finished_at, outcome, error_code, error, exchanges)
           values (:id, 1, :at, :at, 'dead', 'http_400', :error, :sealed)""",
        id=step_id,
        at=at,
        error="refused",
        sealed=keyring_of(session).seal_body(write_exchanges([said]), place_of_exchange(step_id, 1)),
    )


def _connections(session: Session, now: datetime) -> None:
    """Let one connection work, one fail, one be paused and one be about to lose its token."""
    note_outcomes(
        session,
        {
            "mall-pc": Outcomes(last_success_at=now - timedelta(seconds=20)),
            "mall-h5": Outcomes(last_success_at=now - timedelta(minutes=3)),
            "wms-sh": Outcomes(last_success_at=now - timedelta(seconds=4)),
            "wms-bj": Outcomes(
                now - timedelta(minutes=11), now - timedelta(minutes=1), "try_later", "no answer in 10 s"
            ),
        },
    )
    refused_at = now - timedelta(minutes=44)
    heed(session, "sap", BRAND, Misconfigured("the logon is refused"), refused_at, refused_at)
    plan_polls(session, [("mall-h5", ORDERS)], now - timedelta(minutes=1), now - timedelta(hours=1))
    token = Token(access="made-up", expires_at=now + timedelta(hours=20))
    store_token(session, "mall-h5", token, now - timedelta(days=2))
