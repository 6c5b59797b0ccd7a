"""Returns as Qimen puts them: what is to come back (returnorder.create), and what has (returnorder.confirm)."""

from collections.abc import Iterator, Mapping
from typing import Final

from connectors.reading import make_as, read_as, write_with
from connectors.warehouses.qimen.delivery import ToldLot, own_line
from connectors.warehouses.qimen.stock import CONDITIONS, GOOD
from hub.aftersale.model import Announced, ReturnConfirm
from hub.document import Document, Moment
from hub.errors import Malformed
from hub.inbox import message_id_of
from hub.inventory.condition import Condition
from mappings import MappingError
from mappings.table import Table

METHOD: Final = "returnorder.confirm"
OTHER: Final = "OTHER"


class BackBatch(ToldLot):
    """Pieces of one lot and type, as the mapping table reads them."""

    quantity: int
    type: str = ""


class BackLine(ToldLot):
    """A line of what came back as the mapping table reads it."""

    line_ref: str = ""
    sku: str
    quantity: int
    type: str = GOOD
    batches: tuple[BackBatch, ...] = ()

    def goods(self) -> Iterator[dict[str, object]]:
        """Give its pieces by batch, and those of none; a type that is not known is not to be sold either.

        Raises: Malformed when its batches hold more than the line.
        """
        rest = self.quantity - sum(one.quantity for one in self.batches)
        if rest < 0:
            told = (
                f"line {self.line_ref or self.sku}: its batches hold {self.quantity - rest} pieces, not {self.quantity}"
            )
            raise Malformed(told, code="batch_mismatch")
        ref = own_line(self.line_ref, self.sku)
        for pieces, kind, lot in (
            *((one.quantity, one.type or self.type, one if one.lot or one.expires else self) for one in self.batches),
            (rest, self.type, self),
        ):
            if pieces:
                days = lot.days
                code = days.pop("batch_code") or (str(days["expires_on"]) if days["expires_on"] else "")
                condition = CONDITIONS.get(kind, Condition.DAMAGED)
                yield {"sku": self.sku, "pieces": pieces, "condition": condition, "line_ref": ref, "lot": code, **days}


class BackMessage(Document):
    """A confirm of a return as the mapping table reads it."""

    code: str
    warehouse_code: str = ""
    out_biz_code: str = ""
    final: bool = True
    confirmed_at: Moment | None = None
    lines: tuple[BackLine, ...] = ()


def write_return(table: Table, announced: Announced) -> dict[str, object]:
    """Bring a return into returnorder.create; a courier that Qimen has no word for is another one.

    Raises: Malformed.
    """
    return write_with(table, "return_order", announced.model_copy(update={"courier_code": _courier(table, announced)}))


def read_return(table: Table, contents: Mapping[str, object], body: bytes) -> ReturnConfirm:
    """Read returnorder.confirm; without an outBizCode the message's own bytes name it.

    Raises: Malformed.
    """
    message = read_as(BackMessage, table, "return_confirm", contents)
    arrived = {
        "document": message.out_biz_code or message_id_of(body),
        "final": message.final,
        "arrived_at": message.confirmed_at,
        "location": message.warehouse_code,
        "goods": [one for line in message.lines for one in line.goods()],
    }
    return make_as(ReturnConfirm, METHOD, {"code": message.code, "arrived": arrived})


def _courier(table: Table, announced: Announced) -> str:
    try:
        return table.code("courier", announced.courier_code)
    except MappingError:  # buyers send with whom they like
        return OTHER
