"""SAP to run without: mock-sap as it is, with the four things the hub needs that it lacks.

It has stock (sandbox/sap_stock.py), and a delivery's header takes a bill of lading. An answer can be lost: a fault rule
whose message is `lost_answer` lets the call be executed and then cuts the connection. And a call can be late: a rule
whose message is `late_by_s` and a number has it executed only then. (mock-sap's own `timeout` is always late by two
minutes, which is to wait for nothing: a caller listens for seconds.)
"""

import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any, Final, cast

import mocksap.__main__ as program  # pyright: ignore[reportMissingTypeStubs] # mock-sap says nothing of its types
from mocksap import Config, make_server, schema  # pyright: ignore[reportMissingTypeStubs] # as above

from sandbox.sap_books import LATE, LOST
from sandbox.sap_stock import declare_stock, with_stock

HEADER: Final = "A_OutbDeliveryHeader"
BILL_OF_LADING: Final = "BillOfLading"


def open_sap(**options: object) -> ThreadingHTTPServer:
    """Make a server with mock-sap's own options (port, basic_auth, slow_ms …); `serve_forever` runs it."""
    header = schema.ENTITY_TYPES[HEADER]
    if header.prop(BILL_OF_LADING) is None:
        header.props.append(schema.Prop(BILL_OF_LADING, "Edm.String", max_length=35))
    declare_stock()
    server = cast("ThreadingHTTPServer", make_server(Config(**options)))
    server.RequestHandlerClass = with_stock(_failing(server.RequestHandlerClass))
    return server


def _failing(handler: Any) -> Any:  # noqa: ANN401 # mock-sap binds its handler to a server at run time
    class Failing(handler):
        """Answers, unless the answer is to be lost, and at once, unless it is to be late."""

        disable_nagle_algorithm = True  # mock-sap writes head and body apart, which costs 40 ms a call otherwise

        def _inject_faults(self, *asked: object) -> object:
            answer = handler._inject_faults(self, *asked)  # noqa: SLF001 # where mock-sap makes a call wait
            message = str(self._injected_message)
            if message.startswith(LATE):
                self._injected_message = None  # else the answer would quote it
                time.sleep(float(message.removeprefix(LATE)))
            return answer

        def _send(self, response: object, *, head_only: bool = False) -> None:
            if getattr(self, "_injected_message", None) != LOST:
                handler._send(self, response, head_only=head_only)  # noqa: SLF001 # where mock-sap sends its answers
                return
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    return Failing


def main(words: Sequence[str] | None = None) -> None:
    """Serve until interrupted; takes what the command mock-sap takes."""
    options = vars(program.build_parser().parse_args(words))
    with open_sap(**options) as server, suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
