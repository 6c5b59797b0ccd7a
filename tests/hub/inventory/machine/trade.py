"""Carts, flash sales, quotas, and orders that take them."""

from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy.orm import Session

from hub.errors import HubError
from hub.inventory import reserve as acts
from hub.inventory import soft
from hub.inventory.hot import HotWish, book
from hub.inventory.hot_sale import Sale, cool, heat
from hub.inventory.ledger import StockKey
from hub.inventory.quota import Quota, count_sold, drop_quota, set_quota
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.reserve import Claim
from hub.inventory.soft import Wish
from tests.hub.inventory.cutting import Cut
from tests.hub.inventory.machine import basket
from tests.hub.inventory.machine.basket import Buyer, Claims
from tests.hub.inventory.machine.books import PARTS, SHOPS, SKUS, TTL, Books, Cart, Sold, gathered
from tests.hub.inventory.machine.ground import CUT, KEY, Ground
from tests.hub.making import BRAND

WISHES: Final = st.dictionaries(st.sampled_from([*SKUS, *PARTS]), st.integers(1, 2), min_size=1)
GROUP: Final = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), min_size=1, max_size=4)
SKU: Final = st.sampled_from(SKUS)
SHOP: Final = st.sampled_from(SHOPS)
CHOICE: Final = st.integers(0)


class Carts(Ground):
    """Carts that are held, asked for again, let go, or run out."""

    @rule(wishes=WISHES, buyer=st.sampled_from(["a", "b", "c", ""]), cut=CUT)
    def hold(self, wishes: dict[str, int], buyer: str, cut: Cut) -> None:
        self._hold(self.ref("cart"), wishes, buyer, cut)

    @precondition(lambda self: self.books.carts)
    @rule(choice=CHOICE, cut=CUT)
    def hold_again(self, choice: int, cut: Cut) -> None:
        ref, cart = self.cart(choice)
        self._hold(ref, dict(cart.pieces), cart.buyer, cut)

    @precondition(lambda self: self.books.carts)
    @rule(choice=CHOICE, cut=CUT)
    def release_cart(self, choice: int, cut: Cut) -> None:
        ref, _ = self.cart(choice)
        self.act(
            lambda session: soft.release_held(session, "pc", ref, self.now),
            lambda books: basket.let_go(books, ref, "released"),
            cut,
        )

    @precondition(lambda self: any(one.state == "held" for one in self.books.carts.values()))
    @rule(minutes=st.integers(1, 6), cut=CUT)
    def expire(self, minutes: int, cut: Cut) -> None:
        self.now += timedelta(minutes=minutes)
        self.act(lambda session: soft.expire_due(session, self.now), lambda books: basket.expire(books, self.now), cut)

    def cart(self, choice: int) -> tuple[str, Cart]:
        return list(self.books.carts.items())[choice % len(self.books.carts)]

    def _hold(self, ref: str, wishes: dict[str, int], buyer: str, cut: Cut) -> None:
        asked = [Wish(sku, pieces) for sku, pieces in wishes.items()]
        self.act(
            lambda session: gathered(soft.hold(session, BRAND, "pc", ref, asked, TTL, self.now, buyer=buyer).claims),
            lambda books: basket.hold(books, ref, wishes, buyer, self.now),
            cut,
        )


class Sales(Carts):
    """Flash sales and quotas."""

    @rule(sku=SKU, per_buyer=st.integers(0, 3))
    def heat(self, sku: str, per_buyer: int) -> None:
        def put(books: Books) -> None:
            number = books.sales[sku][1] if sku in books.sales else self.number
            books.sales[sku] = (per_buyer, number)

        sale = Sale(brand=BRAND, sku=sku, sale="11.11", per_buyer=per_buyer, hold_s=int(TTL.total_seconds()))
        self.number += 1
        self.act(lambda session: heat(session, "op", sale, self.now), put)

    @precondition(lambda self: len(self.books.sales) == len(SKUS))
    @rule(sku=SKU)
    def cool(self, sku: str) -> None:
        def end(books: Books) -> None:
            del books.sales[sku]

        self.act(lambda session: cool(session, "op", BRAND, sku, self.now), end)

    @precondition(lambda self: self.books.sales)
    @rule(choice=CHOICE, wishes=GROUP, cut=CUT)
    def sell(self, choice: int, wishes: list[tuple[str, int]], cut: Cut) -> None:
        sku = sorted(self.books.sales)[choice % len(self.books.sales)]
        group = [Buyer(self.ref("hot"), name, quantity) for name, quantity in wishes]
        self.act(
            lambda session: self._sold(session, sku, group),
            lambda books: basket.sell(books, sku, group, self.now),
            cut,
        )

    def _sold(self, session: Session, sku: str, group: list[Buyer]) -> list[Claims | str]:
        asked = [HotWish(BRAND, "pc", one.ref, one.name, sku, one.quantity) for one in group]
        answers = book(session, sku, asked, self.now).answers
        return [one.code if isinstance(one, HubError) else gathered(one.claims) for one in answers]

    @rule(shop=SHOP, sku=SKU, mode=st.sampled_from(QuotaMode), amount=st.integers(0, 9), cut=CUT)
    def share(self, shop: str, sku: str, mode: QuotaMode, amount: int, cut: Cut) -> None:
        quota = Quota(sku=sku, shop=shop, mode=mode, amount=amount * 10 if mode is QuotaMode.PERCENTAGE else amount)
        self.act(
            lambda session: set_quota(session, "op", BRAND, quota, self.now),
            lambda books: books.share(shop, sku, mode, quota.amount),
            cut,
        )

    @precondition(lambda self: len(self.books.shares) > 1)
    @rule(shop=SHOP, sku=SKU, cut=CUT)
    def share_no_more(self, shop: str, sku: str, cut: Cut) -> None:
        self.act(
            lambda session: drop_quota(session, "op", sku, shop, "", self.now),
            lambda books: books.shares.pop((shop, sku), None) is not None,
            cut,
        )


class Orders(Sales):
    """Orders that reserve, take their carts, give up and leave."""

    def __init__(self) -> None:
        super().__init__()
        self.standing: list[Sold] = []
        self.gone: list[Claim] = []

    @rule(shop=SHOP, wishes=st.dictionaries(KEY, st.integers(1, 4), min_size=1, max_size=2), cut=CUT)
    def reserve(self, shop: str, wishes: dict[StockKey, int], cut: Cut) -> None:
        line = self.ref("line")
        self._place([Sold(shop, Claim(line, key, pieces)) for key, pieces in wishes.items()], "", cut)

    @precondition(lambda self: self.books.carts)
    @rule(choice=CHOICE, cut=CUT)
    def pay(self, choice: int, cut: Cut) -> None:
        """An order takes its cart, if that still stands, and reserves the same pieces."""
        ref, cart = self.cart(choice)
        line = self.ref("line")
        self._place([Sold("pc", Claim(line, key, pieces)) for key, pieces in cart.claims.items()], ref, cut)

    @precondition(lambda self: self.standing)
    @rule(choice=CHOICE, leaves=st.booleans(), cut=CUT)
    def end_promise(self, choice: int, leaves: bool, cut: Cut) -> None:  # noqa: FBT001 # hypothesis passes it by name
        one = self.standing[choice % len(self.standing)]
        if leaves:
            self._consume(one.claim, cut)
        else:
            self.act(lambda session: self._give_up(session, one), lambda books: basket.give_up(books, one), cut)
        self._look_what_stands()

    @precondition(lambda self: self.gone)
    @rule(choice=CHOICE, cut=CUT)
    def consume_again(self, choice: int, cut: Cut) -> None:
        self._consume(self.gone[choice % len(self.gone)], cut)

    def _place(self, sold: list[Sold], cart: str, cut: Cut) -> None:
        def place(session: Session) -> str:
            along = soft.take_held(session, {self.number: ("pc", cart)}, self.now) if cart else []
            acts.reserve(session, [one.claim for one in sold], self.now, along=along)
            count_sold(session, _by_shop(sold), along)
            return "done"

        self.act(place, lambda books: basket.place(books, sold, self.now, cart), cut)
        if ("allocate", sold[0].claim.ref) in {cause for cause, _ in self.books.booked}:
            self.standing += sold

    def _consume(self, claim: Claim, cut: Cut) -> None:
        self.act(
            lambda session: acts.consume(session, [claim], self.now) or "done",
            lambda books: basket.leave(books, claim),
            cut,
        )

    def _give_up(self, session: Session, one: Sold) -> str:
        acts.release(session, [one.claim], self.now)
        count_sold(session, {(one.shop, one.claim.key.sku): -one.claim.quantity})
        return "done"

    def _look_what_stands(self) -> None:
        def ended(one: Sold, how: str) -> bool:
            return ((how, one.claim.ref), one.claim.key) in self.books.booked

        self.gone += [one.claim for one in self.standing if ended(one, "consume")]
        self.standing = [one for one in self.standing if not ended(one, "consume") and not ended(one, "release")]


def _by_shop(sold: list[Sold]) -> dict[tuple[str, str], int]:
    pieces: dict[tuple[str, str], int] = {}
    for one in sold:
        where = (one.shop, one.claim.key.sku)
        pieces[where] = pieces.get(where, 0) + one.claim.quantity
    return pieces
