from collections.abc import Mapping
from decimal import Decimal

import pytest

from connectors.sap_answers import check_delivered, commit, only, refusal_in, rows_of
from connectors.sap_drafts import Delivered, DeliveryDraft, DeliveryItem
from connectors.sap_options import SapOptions
from hub.errors import HubError, Misconfigured, NeedsOperator, OutcomeUnknown, Rejected, TryLater

OPTIONS = SapOptions.model_validate({"sales_org": "1710", "sold_to": "1"})
MADE: Mapping[str, object] = {"DOCUMENT": "0000004711", "RETURN": ()}
REFUSED = {"TYPE": "E", "ID": "V1", "NUMBER": "849", "MESSAGE": "Frau Muster has no credit", "FIELD": "SOLD_TO"}
DRAFT = DeliveryDraft(sale="4711", due_on="20261111", items=(DeliveryItem(item="000010", quantity="2.000", unit="ST"),))


class Session:
    """Answers each call with the next of its answers, and remembers what was called."""

    def __init__(self, *answers: Mapping[str, object] | HubError) -> None:
        self.answers = list(answers)
        self.called: list[str] = []

    def call(self, function: str, parameters: Mapping[str, object]) -> Mapping[str, object]:
        self.called.append(f"{function.removeprefix('BAPI_TRANSACTION_')}{' WAIT' if 'WAIT' in parameters else ''}")
        answer = self.answers.pop(0)
        if isinstance(answer, HubError):
            raise answer
        return answer

    def commit(self) -> Mapping[str, object]:
        return commit(self.call, "MAKE", {}, "DOCUMENT", OPTIONS)


def test_a_document_with_a_number_and_no_error_is_committed() -> None:
    session = Session({**MADE, "RETURN": [{"TYPE": "W"}, {"TYPE": "S"}]}, {"RETURN": {"TYPE": "S"}})
    assert session.commit()["DOCUMENT"] == "0000004711"
    assert session.called == ["MAKE", "COMMIT WAIT"]


@pytest.mark.parametrize(
    "answer", [{**MADE, "RETURN": [{"TYPE": "S"}, REFUSED]}, {**MADE, "RETURN": {**REFUSED, "TYPE": "A"}}]
)
def test_an_error_or_abort_is_rolled_back_whatever_number_comes_with_it(answer: Mapping[str, object]) -> None:
    session = Session(answer, {})
    with pytest.raises(Rejected) as caught:
        session.commit()
    assert (caught.value.code, session.called) == ("V1/849", ["MAKE", "ROLLBACK"])
    assert "SOLD_TO" in caught.value.message
    assert "Muster" not in caught.value.message


@pytest.mark.parametrize("number", ["", "   ", "0000000000", None])
def test_a_document_without_a_number_is_rolled_back(number: object) -> None:
    session = Session({"DOCUMENT": number}, {})
    with pytest.raises(Rejected) as caught:
        session.commit()
    assert (caught.value.code, session.called) == ("empty_document_number", ["MAKE", "ROLLBACK"])


@pytest.mark.parametrize("failure", [TryLater("x"), OutcomeUnknown("x"), Misconfigured("x"), Rejected("x")])
def test_whatever_goes_wrong_in_the_commit_leaves_the_outcome_unknown(failure: HubError) -> None:
    with pytest.raises(OutcomeUnknown):
        Session(MADE, failure).commit()


def test_an_error_in_the_commits_own_return_leaves_the_outcome_unknown() -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        Session(MADE, {"RETURN": REFUSED}).commit()
    assert caught.value.code == "V1/849"


def test_a_rollback_that_fails_leaves_the_outcome_unknown() -> None:
    with pytest.raises(OutcomeUnknown, match="rollback"):
        Session({"DOCUMENT": ""}, {"RETURN": REFUSED}).commit()


def test_a_rollback_nobody_answers_changes_nothing_about_the_refusal() -> None:
    with pytest.raises(Rejected):
        Session({"DOCUMENT": ""}, TryLater("x")).commit()


def test_a_failed_call_is_neither_committed_nor_rolled_back() -> None:
    session = Session(OutcomeUnknown("x"))
    with pytest.raises(OutcomeUnknown):
        session.commit()
    assert session.called == ["MAKE"]


def test_a_locked_document_is_tried_later() -> None:
    assert isinstance(refusal_in({"RETURN": {"TYPE": "E", "ID": "VL", "NUMBER": "046"}}, OPTIONS), TryLater)


@pytest.mark.parametrize("rows", [None, "", [], {"TYPE": "S"}, [{"TYPE": "I"}], [{}]])
def test_what_is_no_error_is_none(rows: object) -> None:
    assert refusal_in({"RETURN": rows}, OPTIONS) is None


def test_codes_that_look_like_words_are_left_out() -> None:
    refusal = refusal_in({"RETURN": {"TYPE": "E", "ID": "王 小姐", "NUMBER": "1"}}, OPTIONS)
    assert refusal is not None
    assert refusal.code == "/1"


def test_a_single_structure_is_one_row() -> None:
    assert rows_of({"TYPE": "S"}) == [{"TYPE": "S"}]


def delivered(*rows: tuple[str, str, str]) -> list[Delivered]:
    return [Delivered(delivery=number, item=item, quantity=Decimal(quantity)) for number, item, quantity in rows]


@pytest.mark.parametrize(
    "rows", [[("0080000001", "10", "2")], [("80000001", "000010", "1"), ("0080000001", "10", "1.000")]]
)
def test_one_delivery_with_every_piece_agrees(rows: list[tuple[str, str, str]]) -> None:
    check_delivered(DRAFT, delivered(*rows))


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([("1", "10", "1"), ("2", "10", "1")], "delivery_split"),
        ([("1", "10", "1")], "delivery_differs"),
        ([("1", "10", "3")], "delivery_differs"),
        ([("1", "10", "2"), ("1", "20", "1")], "delivery_differs"),
        ([], "delivery_differs"),
    ],
)
def test_any_other_delivery_needs_an_operator(rows: list[tuple[str, str, str]], code: str) -> None:
    with pytest.raises(NeedsOperator) as caught:
        check_delivered(DRAFT, delivered(*rows))
    assert caught.value.code == code


def test_one_document_found_in_several_rows_is_one() -> None:
    found = only(["1", "1"], "deliveries")
    assert found is not None
    assert found.partner_id == "1"


def test_several_documents_are_named() -> None:
    with pytest.raises(NeedsOperator, match="1, 2") as caught:
        only(["2", "1"], "sales orders")
    assert caught.value.code == "duplicate_document"
