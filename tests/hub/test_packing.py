import threading
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zstandard import ZstdError

from hub.packing import MAGIC, pack, unpack


@given(st.binary(max_size=5_000))
def test_what_is_packed_opens(data: bytes) -> None:
    assert unpack(pack(data)) == data


@given(st.binary(max_size=500))
def test_what_zlib_packed_before_still_opens(data: bytes) -> None:
    assert unpack(zlib.compress(data, 6)) == data


def test_text_takes_fewer_bytes() -> None:
    assert len(pack("一二三四五六七八九十".encode() * 100)) < 100


@pytest.mark.parametrize(("broken", "error"), [(b"", zlib.error), (b"text", zlib.error), (MAGIC + b"\x00", ZstdError)])
def test_what_was_never_packed_is_an_error(broken: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        unpack(broken)


def test_threads_pack_beside_each_other() -> None:
    wrong: list[bytes] = []

    def often(no: int) -> None:
        data = str(no).encode() * 4_000
        wrong.extend(data for _ in range(300) if unpack(pack(data)) != data)

    threads = [threading.Thread(target=often, args=(no,)) for no in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong
