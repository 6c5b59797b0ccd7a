"""Pack what is kept but seldom read, such as a partner's answer, into fewer bytes."""

import threading
import zlib
from typing import Final

from zstandard import MAGIC_NUMBER, ZstdCompressor, ZstdDecompressor

LEVEL: Final = 1
"""Beyond it a message of a thousand bytes becomes no smaller, but slower to pack."""

MAGIC: Final = MAGIC_NUMBER.to_bytes(4, "little")


class _Tools(threading.local):
    """What packs and opens for one thread: making them anew takes three times as long as using them."""

    def __init__(self) -> None:
        self.pack = ZstdCompressor(LEVEL).compress
        self.unpack = ZstdDecompressor().decompress


_tools: Final = _Tools()


def pack(data: bytes) -> bytes:
    return _tools.pack(data)


def unpack(packed: bytes) -> bytes:
    """Open what `pack` made, or what zlib made before it.

    Raises: ZstdError or zlib.error for anything else.
    """
    return _tools.unpack(packed) if packed.startswith(MAGIC) else zlib.decompress(packed)
