import json
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pytest

from hub.masking import CAP, decoded, mask, mask_phone, mask_url

SAMPLES: Final = Path(__file__).parent.parent / "samples"
PHONE: Final = "10000000042"
NAME: Final = "金丝雀"
STREET: Final = "测试路99号"
PERSON: Final = {"name": NAME, "mobile": PHONE, "detailAddress": STREET}
PLANTED: Final = ("收件人甲", "买家昵称", "测试路1号", NAME)


def survivors(text: str) -> list[str]:
    return [value for value in (PHONE, NAME, STREET) if value in text]


@pytest.mark.parametrize("path", sorted(SAMPLES.rglob("*.*")), ids=lambda path: path.name)
def test_of_no_sample_a_planted_person_survives(path: Path) -> None:
    text = decoded(path.read_bytes())
    for name in PLANTED:
        text = text.replace(name, NAME)
    shown = mask(text.replace("10000000001", PHONE))
    assert not survivors(shown)
    assert not re.search(r"(?<!\d)1\d{10}(?!\d)", shown)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"receiver": PERSON}),
        json.dumps({"receiver": PERSON}, ensure_ascii=False),
        json.dumps({"data": json.dumps({"contactInfoList": [PERSON]})}),
        json.dumps({"receiver": {**PERSON, "mobile": int(PHONE)}}),
        json.dumps(
            {"receiver_name": NAME, "receiver_phone": f"+86 {PHONE}", "text": f"给{NAME}送到{STREET}", "addr": STREET}
        ),
        urlencode({"method": "order", "content": json.dumps({"receiver": PERSON}), "sign": "abc"}),
        f"<r><receiverInfo><name>{NAME}</name><mobile>{PHONE}</mobile></receiverInfo><x>{NAME}</x></r>",
        f"<r><receiverInfo><name><![CDATA[{NAME}]]></name><tel>{PHONE}</tel></receiverInfo></r>",
        f'<o:Order xmlns:o="x" j_contact="{NAME}" receiver_name="{NAME}" d_tel="{PHONE}" address="{STREET}"/>',
        "<receiver><name>&#37329;&#19997;&#38592;</name></receiver>",
        f"快件已由派件员：{NAME}（{PHONE}）签收,签收人：{NAME}",
        f"请联系 {NAME}，电话100-0000-0042",
    ],
)
def test_a_person_is_masked_in_every_shape_that_messages_have(text: str) -> None:
    shown = mask(text)
    assert not survivors(shown)
    assert "&#37329;" not in shown
    assert "100-0000-0042" not in shown


@pytest.mark.parametrize("cut", [20, 60, 100, 140])
def test_a_message_that_was_cut_off_is_masked_too(cut: int) -> None:
    whole = json.dumps({"id": "T1", "receiver": {**PERSON, "city": "上海市"}, "lines": []}, ensure_ascii=False)
    assert not survivors(mask(whole[:cut]))


def test_secrets_are_masked_by_their_keys_and_in_plain_words() -> None:
    body = {"access_token": "t0p", "app_secret": "t0p", "sign": "t0p", "oaid": "t0p", "token": {"refresh": "t0p"}}
    for text in (
        json.dumps(body),
        "Bearer t0psecrett0p",
        "password=t0p and more",
        urlencode({"a": 1, "x_sign": "t0p"}),
    ):
        assert "t0p" not in mask(text)


def test_what_was_masked_under_its_key_is_masked_elsewhere_in_the_message() -> None:
    shown = mask(json.dumps({"receiver": {"name": NAME}, "track": f"{NAME}已签收"}, ensure_ascii=False))
    assert "金**已签收" in shown


def test_what_is_known_of_the_receiver_is_masked_without_any_key() -> None:
    assert mask(f"放在{STREET}门口，{NAME}收", also=[NAME, STREET]) == "放在***门口，***收"


def test_what_is_not_personal_stays_readable() -> None:
    text = json.dumps(
        {
            "order_id": "2611000000000042",
            "sku": {"name": "苹果"},
            "receiver": {"city": "上海市", "district": "浦东新区"},
            "mailno": "SF0000000000042",
            "total": 129900,
            "at": "2026-11-11T10:00:00+08:00",
            "message": "订单已存在",
            "ok": True,
        }
    )
    assert json.loads(mask(text)) == json.loads(text)


def test_structure_stays_and_is_laid_out_for_reading() -> None:
    assert mask("<a><b>1</b><c/></a>") == "<a>\n  <b>1</b>\n  <c/>\n</a>"
    assert mask('{"a":[1,2]}') == '{\n  "a": [\n    1,\n    2\n  ]\n}'
    assert mask("a=1&b=%E8%8B%B9") == "a=1\nb=苹"


def test_a_phone_keeps_what_parcels_show() -> None:
    assert mask_phone(PHONE) == "100****0042"
    assert mask('{"tel": "10000000042"}') == '{\n  "tel": "100****0042"\n}'
    assert mask_phone("1234") == "***"


def test_an_address_of_a_call_keeps_its_path_and_masks_its_query() -> None:
    shown = mask_url(f"POST https://wms.test/router?method=create&sign=abc&mobile={PHONE}")
    assert shown == "POST https://wms.test/router?method=create&sign=***&mobile=100****0042"
    assert mask_url("GET https://wms.test/") == "GET https://wms.test/"


def test_a_long_message_is_cut_and_says_so() -> None:
    shown = mask("x" * (CAP + 10))
    assert len(shown) < CAP + 20
    assert str(CAP + 10) in shown


def test_what_no_encoding_explains_is_shown_escaped() -> None:
    assert decoded("苹果".encode("gb18030")) == "苹果"
    assert decoded(b"\xff\xff ok") == "\\xff\\xff ok"


HOSTILE: Final = {
    "names that begin again": "token-" * CAP,
    "a name without end": "a-token" + "a" * CAP,
    "a name and blanks": "token" + " " * CAP,
    "an attribute without end": "<a " + "b" * CAP,
    "attributes without values": "<a " + "b = " * CAP,
    "quotes that do not end": '["' + '\\"' * (CAP // 2 - 2) + "\\",
    "tags in quotes": "<a b='\"" * CAP,
    "brackets": "[" * CAP,
    "deep and wide": "[" * 900 + "1," * CAP,
    "deep, wide and whole": "[" * 900 + ",".join("1" * 60_000) + "]" * 900,
    "many under many keys": '{"receivers":' * 64 + "[" + "1," * CAP,
    "many under a long key": '{"' + "k" * (CAP // 2) + '":[' + "1," * CAP,
    "many keys": ",".join(["{", *(f'"{number:x}":1' for number in range(CAP))]),
    "mailboxes without hosts": "a@" * CAP,
    "a mailbox without end": "a." * CAP,
    "digits": "1" * CAP,
    "pluses": "+1" * CAP,
    "a header without a proof": "bearer" + " " * CAP,
    "couriers": "签收人" * CAP,
    "names": "张" * CAP,
    "a form": "a=b&" * CAP,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_message_makes_masking_go_over_it_again_and_again(text: str) -> None:
    assert mask(text[:CAP])


def test_a_secret_is_hidden_however_long_its_name_is() -> None:
    for name in ("a-" * 60 + "token", "token" + "-a" * 60, "x-sign", "my.sign", "a=secret", "我" * 60 + "token"):
        assert "hunter2" not in mask(f"it said {name}=hunter2 and so on")


def test_nothing_is_shown_under_a_key_that_nobody_names() -> None:
    assert "hunter2" not in mask(json.dumps({"k" * 300: {"a": "hunter2"}}))
