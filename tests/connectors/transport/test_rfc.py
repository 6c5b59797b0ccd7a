import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest

from connectors.transport.deadline import Deadline
from connectors.transport.rfc import IDLE_S, RfcPool
from hub.errors import HubError, Malformed, Misconfigured, OutcomeUnknown, Rejected, TryLater
from hub.exchange import listening
from hub.settings import Http
from tests.connectors.erp import fake_pyrfc as fake
from tests.connectors.erp.fake_pyrfc import FakeSap
from tests.connectors.exemplars import CANARY, SECRET, told

PARAMETERS = {"user": "OMS", "passwd": SECRET.decode(), "ashost": "sap.test"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def sap(monkeypatch: pytest.MonkeyPatch) -> FakeSap:
    system = FakeSap()
    monkeypatch.setitem(sys.modules, "pyrfc", system.library())
    return system


def ping(
    pool: RfcPool, parameters: Mapping[str, Any] | None = None, function: str = "RFC_PING"
) -> Mapping[str, object]:
    with pool.session(Deadline(Http())) as session:
        return session.call(function, parameters or {})


def test_a_session_is_lent_again_after_it_came_back(sap: FakeSap) -> None:
    pool = RfcPool(PARAMETERS)
    ping(pool)
    ping(pool)
    assert len(sap.opened) == 1


def test_two_callers_at_once_have_a_session_each(sap: FakeSap) -> None:
    pool = RfcPool(PARAMETERS)
    with pool.session(Deadline(Http())) as one, pool.session(Deadline(Http())) as another:
        assert one.connection is not another.connection
    assert len(sap.opened) == 2


def test_many_threads_never_share_a_session(sap: FakeSap) -> None:
    pool = RfcPool(PARAMETERS)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ping, [pool] * 80))
    assert 1 <= len(sap.opened) <= 8


def test_what_a_session_left_uncommitted_is_gone_before_the_next_caller(sap: FakeSap) -> None:
    pool = RfcPool(PARAMETERS)
    ping(pool)
    sap.opened[0].pending.orders.append(fake.Order("1", "2", "3", {}, {}))
    ping(pool)
    assert not sap.opened[0].pending.orders


def test_a_session_that_cannot_be_reset_is_closed_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    system = FakeSap()
    monkeypatch.setitem(sys.modules, "pyrfc", system.library(resettable=False))
    pool = RfcPool(PARAMETERS)
    ping(pool)
    ping(pool)
    assert [one.open for one in system.opened] == [False, False]


def test_a_session_that_has_rested_is_pinged_before_it_is_trusted(sap: FakeSap) -> None:
    clock = Clock()
    pool = RfcPool(PARAMETERS, clock)
    ping(pool)
    sap.opened[0].broken = True
    clock.now = IDLE_S
    ping(pool)
    assert [one.open for one in sap.opened] == [False, True]


def test_a_session_that_failed_is_not_used_again(sap: FakeSap) -> None:
    pool = RfcPool(PARAMETERS)
    sap.raises.append(ValueError())  # taken by the opening
    sap.raises.clear()
    ping(pool)
    sap.raises.append(fake.ABAPRuntimeError("dump", 3, "SYSTEM_FAILURE"))
    with pytest.raises(OutcomeUnknown):
        ping(pool)
    ping(pool)
    assert [one.open for one in sap.opened] == [False, True]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (fake.CommunicationError(CANARY, 1, "RFC_COMMUNICATION_FAILURE"), OutcomeUnknown),
        (fake.CommunicationError(CANARY, 7, "RFC_CANCELED"), OutcomeUnknown),
        (fake.ABAPRuntimeError(CANARY, 3, "SYSTEM_FAILURE"), OutcomeUnknown),
        (fake.ABAPRuntimeError(CANARY, 4, "RFC_ABAP_MESSAGE"), OutcomeUnknown),
        (fake.ABAPApplicationError(CANARY, 5, "TABLE_NOT_AVAILABLE"), Rejected),
        (fake.ABAPApplicationError(CANARY, 5, "FOREIGN_LOCK"), TryLater),
        (fake.ABAPApplicationError(CANARY, 5, "FU_NOT_FOUND"), Misconfigured),
        (fake.LogonError(CANARY, 2, "RFC_LOGON_FAILURE"), Misconfigured),
        (fake.ExternalAuthorizationError(CANARY, 29, "RFC_AUTHORIZATION_FAILURE"), Misconfigured),
        (fake.ExternalRuntimeError(CANARY, 20, "RFC_INVALID_PARAMETER"), Malformed),
        (fake.ExternalRuntimeError(CANARY, 22, "RFC_CONVERSION_FAILURE"), Malformed),
        (fake.ExternalRuntimeError(CANARY, 13, "RFC_INVALID_HANDLE"), TryLater),
        (fake.ExternalRuntimeError(CANARY, 15, "RFC_EXTERNAL_FAILURE"), OutcomeUnknown),
        (fake.RFCError(f"{CANARY}: the connection is closed"), TryLater),
    ],
    ids=lambda value: getattr(value, "key", ""),
)
def test_a_failed_call_is_sorted_by_class_and_key(sap: FakeSap, error: Exception, kind: type[HubError]) -> None:
    pool = RfcPool(PARAMETERS)
    ping(pool)
    sap.raises.append(error)
    with pytest.raises(kind) as caught:
        ping(pool)
    assert CANARY not in told(caught.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (fake.CommunicationError(CANARY, 1, "RFC_COMMUNICATION_FAILURE"), TryLater),
        (fake.LogonError(CANARY, 2, "RFC_LOGON_FAILURE"), Misconfigured),
        (fake.RFCError(CANARY), Misconfigured),
    ],
)
def test_a_failed_logon_is_sorted_too(sap: FakeSap, error: Exception, kind: type[HubError]) -> None:
    sap.raises.append(error)
    with pytest.raises(kind) as caught:
        ping(RfcPool(PARAMETERS))
    assert CANARY not in told(caught.value)


def test_a_missing_sdk_says_what_to_install(sap: FakeSap, monkeypatch: pytest.MonkeyPatch) -> None:
    native: Any = ModuleType("pyrfcx")
    native.SdkNotFoundError = fake.SdkNotFoundError
    monkeypatch.setitem(sys.modules, "pyrfcx", native)
    sap.raises.append(fake.SdkNotFoundError("no libsapnwrfc.so"))
    with pytest.raises(Misconfigured, match="SAPNWRFC_HOME") as caught:
        ping(RfcPool(PARAMETERS))
    assert caught.value.code == "sdk_missing"


def test_what_was_said_is_noted_without_the_password(sap: FakeSap) -> None:
    pool = RfcPool(PARAMETERS)
    with listening() as heard:
        ping(pool)
        sap.raises.append(fake.ABAPRuntimeError("dump", 3, "SYSTEM_FAILURE"))
        with pytest.raises(OutcomeUnknown):
            ping(pool, {"WAIT": "X"}, "BAPI_TRANSACTION_COMMIT")
    assert [(one.request, one.status, one.request_body) for one in heard] == [
        ("RFC RFC_PING", 200, b"{}"),
        ("RFC BAPI_TRANSACTION_COMMIT", None, b'{"WAIT": "X"}'),
    ]
    assert SECRET.decode() not in str(heard)
