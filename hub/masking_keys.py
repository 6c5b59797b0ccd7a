"""What the key of a value tells of it: a secret, a person's name, a way to reach somebody, or nothing of anybody."""

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

_OPEN: Final = re.compile(
    r"(province|city|county|district|town|state|country|countrycode|area|region|regioncode|divisioncode|addressid|mailno"
    r"|acceptaddress|role|type|version)$|^(shop|seller)nick$"
)
_SECRET: Final = re.compile(
    r"token(?!type)|secret|passw|pwd|sign$|signature|authori[sz]ation|accesskey|apikey|privatekey|credential|cookie"
    r"|^session(key|id)?$|checkword|verifycode|authcode|digest$|密码|签名"
)
_HIDDEN: Final = re.compile(
    r"phone|mobile|^tel|tel(no|number)?(last4)?$|fax|cellno|email|^mail$|mailbox"
    r"|address|addr(ess)?\d?$|^addr|postaddr|street|strsuppl|houseno|detailinfo|encrypt|cipher"
    r"|remark|memo|buyerwords|(buyer|seller|leave|gift|user)message|receivermsg|^notes?$|(customer|merchant)notes?|noteattr"
    r"|idcard|idno$|certno|passport|taxno|taxpayer|invoicetitle|bankaccount|cardno|logonid|openid|unionid|openuid|oaid"
    r"|ouid|(buyer|user|member|customer)u?id$|^(client|browser|buyer|user|remote)?ip$|useragent"
    r"|手机|电话|地址|备注|留言|身份证|邮箱"
)
_NAME: Final = re.compile(
    r"(receiver|consignee|recipient|buyer|sender|contact|linkman|customer|cust|member|user|payer|person|real|full|first"
    r"|last|operator|author|account|signer|driver|staff|encrypt)s?(person)?name(mask)?$|nick(name)?$|^name\d$|linkman"
    r"|^(contact|consignee|receiver|recipient|sender|signer|deliveryman|deliverer)$|contactperson"
    r"|姓名|收货人|收件人|寄件人|联系人|买家|签收人"
)
_PERSON: Final = re.compile(
    r"(receiver|sender|buyer|consignee|consignor|recipient|contact|customer|payer|member|user|person|invoice|address"
    r"|(shipping|billing|default|delivery|receiver|sender)address|orderpartners?|partneraddress(es)?|e1edka1|e1adrm1"
    r"|addr1data|收货人|收件人|寄件人|买家)(s|info|infos|list|infolist|detail|details|msg)?$"
)
"""A container of these keys is a person's: all in it is masked but the divisions of the country."""


class Key(NamedTuple):
    """A key without its marks, and what it tells: of its own value, and as a secret or a person of all under it."""

    plain: str
    secret: bool
    person: bool
    tells: Literal["open", "name", "hidden", ""]


@lru_cache(maxsize=4_096)
def read_key(name: str) -> Key:
    """Read a key once: messages repeat few of them for each of their values."""
    plain = re.sub(r"[\W_]", "", name.rpartition(":")[2]).lower()
    secret, person = bool(_SECRET.search(plain)), bool(_PERSON.fullmatch(plain))
    if _OPEN.search(plain):
        return Key(plain, secret, person, "open")
    if _NAME.search(plain):
        return Key(plain, secret, person, "name")
    return Key(plain, secret, person, "hidden" if _HIDDEN.search(plain) else "")
