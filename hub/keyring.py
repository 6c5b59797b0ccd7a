"""Keys for personal data: fields are sealed per subject, bodies per key ring, and found again by blind index.

Sealed bytes: 1 (version) | length of key id | key id | 12-byte nonce | AES-256-GCM ciphertext and tag. The place a
value belongs to ("table|column|row") is authenticated with it, so that a sealed value moved elsewhere does not open.
"""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, Self, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from hub.errors import NeedsOperator
from hub.packing import pack, unpack

VERSION: Final = 1
NONCE_BYTES: Final = 12
INDEX_BYTES: Final = 16
KEY_BYTES: Final = 32
SUBJECT: Final = "subject"


@dataclass(frozen=True)
class Keyring:
    """Named 256-bit keys, the active one of which seals; separate keys for blind indexes and the audit chain."""

    active: str
    keys: dict[str, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)
    audit_key: bytes = field(repr=False)

    @classmethod
    def read(cls, text: bytes) -> Self:
        """Read the JSON of `generate`.

        Raises: NeedsOperator when it is not one.
        """
        try:
            ring = cast("dict[str, object]", json.loads(text))
            keys = {name: base64.b64decode(key) for name, key in cast("dict[str, str]", ring["keys"]).items()}
            index, audit = (base64.b64decode(cast("str", ring[name])) for name in ("index", "audit"))
            active = cast("str", ring["active"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NeedsOperator(
                "the key ring cannot be read: make one with ./oms keys new",
                code="keyring",
                zh="密钥环无法读取：请用 ./oms keys new 生成",
            ) from error
        if active not in keys or any(len(key) != KEY_BYTES for key in (*keys.values(), index, audit)):
            raise NeedsOperator(
                "the key ring needs an active key, and every key 32 bytes",
                code="keyring",
                zh="密钥环须含启用的密钥，且每个密钥为 32 字节",
            )
        return cls(active, keys, index, audit)

    @staticmethod
    def generate() -> str:
        """Make a fresh key ring as JSON; it is a secret."""
        names = ("k1", "index", "audit")
        k1, index, audit = (base64.b64encode(os.urandom(KEY_BYTES)).decode() for _ in names)
        return json.dumps({"active": "k1", "keys": {"k1": k1}, "index": index, "audit": audit})

    def seal(self, plain: bytes, place: str) -> bytes:
        return self.seal_all([(plain, place)])[0]

    def seal_all(self, plain: Sequence[tuple[bytes, str]]) -> list[bytes]:
        """Seal values, each for its place, in their order."""
        return _seal_all(self.active, self._ciphers[self.active], plain)

    def open(self, sealed: bytes, place: str) -> bytes:
        """Open what `seal` made for the same place.

        Raises: NeedsOperator when the key is gone or the bytes were changed or moved.
        """
        name = sealed[2 : 2 + sealed[1]].decode(errors="replace") if len(sealed) > 1 else ""
        if name not in self.keys:
            told, zh = f"key {name} is not in the key ring", f"密钥环中没有密钥 {name}"
            raise NeedsOperator(told, code="key_missing", zh=zh)
        return _open(self._ciphers[name], sealed, place)

    @cached_property
    def _ciphers(self) -> dict[str, AESGCM]:
        return {name: AESGCM(key) for name, key in self.keys.items()}

    def seal_body(self, body: bytes, place: str) -> bytes:
        """Pack and seal a whole request or answer body."""
        return self.seal(pack(body), place)

    def open_body(self, sealed: bytes, place: str) -> bytes:
        return unpack(self.open(sealed, place))

    def index(self, kind: str, brand: str, value: str) -> bytes:
        """Give the blind index of a normalised value: 16 bytes of HMAC-SHA256 under a key of its own."""
        mac = self._index_mac.copy()
        mac.update(f"{kind}|{brand}|{value}".encode())
        return mac.finalize()[:INDEX_BYTES]

    @cached_property
    def _index_mac(self) -> HMAC:
        """Begin the code of a blind index: its key is taken in once instead of for every value."""
        return HMAC(self.index_key, SHA256())

    def new_subject_keys(self, places: Sequence[str]) -> list[tuple["SubjectKey", bytes]]:
        """Make a data key for each of these people, and the same key sealed for keeping in its place."""
        keys = _draw(KEY_BYTES, len(places))
        return list(zip(map(SubjectKey, keys), self.seal_all(list(zip(keys, places, strict=True))), strict=True))

    def open_subject_key(self, sealed: bytes, place: str) -> "SubjectKey":
        return SubjectKey(self.open(sealed, place))

    def chain(self, previous: bytes, entry: bytes) -> bytes:
        """Give the link of the audit chain that follows `previous`."""
        return hmac.digest(self.audit_key, previous + entry, hashlib.sha256)


class SubjectKey:
    """One person's data key: throwing it away erases what it sealed."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, text: str, place: str) -> bytes:
        return self.seal_all([(text.encode(), place)])[0]

    def seal_all(self, plain: Sequence[tuple[bytes, str]]) -> list[bytes]:
        """Seal values, each for its place, in their order."""
        return _seal_all(SUBJECT, self._cipher, plain)

    def open(self, sealed: bytes, place: str) -> str:
        return _open(self._cipher, sealed, place).decode()


def _seal_all(name: str, cipher: AESGCM, plain: Sequence[tuple[bytes, str]]) -> list[bytes]:
    head, encrypt, nonces = _head(name), cipher.encrypt, _draw(NONCE_BYTES, len(plain))
    return [
        head + nonce + encrypt(nonce, value, head + place.encode())
        for nonce, (value, place) in zip(nonces, plain, strict=True)
    ]


def _draw(size: int, count: int) -> list[bytes]:
    """Draw so many random values at once, for asking the kernel costs as much as sealing.

    None is kept for later: a child process would draw the same.
    """
    drawn = os.urandom(size * count)
    return [drawn[start : start + size] for start in range(0, len(drawn), size)]


@lru_cache(maxsize=64)
def _head(name: str) -> bytes:
    return bytes([VERSION, len(name)]) + name.encode()


def _open(cipher: AESGCM, sealed: bytes, place: str) -> bytes:
    try:
        start = 2 + sealed[1]
        head, nonce, rest = sealed[:start], sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        return cipher.decrypt(nonce, rest, head + place.encode())
    except (InvalidTag, ValueError, IndexError) as error:  # the latter two: cut short
        raise NeedsOperator(
            f"sealed bytes of {place} do not open: changed, moved or another key",
            code="seal",
            zh=f"{place} 的密文无法解开：内容被改动、移动，或密钥不对",
        ) from error
