from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from fusionlog.utils.decompression import GZIP_BITS, decompress

LIMIT = 10_000


@pytest.mark.parametrize("size", [0, 1, LIMIT])
def test_what_is_within_the_limit_is_whole(size: int) -> None:
    data = bytes(size)
    assert decompress(zlib.compress(data), LIMIT) == decompress(gzip.compress(data), LIMIT, GZIP_BITS) == data


def test_no_more_than_the_limit_is_ever_made() -> None:
    bomb = zlib.compress(bytes(200_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="it unpacks to more than 10000 bytes"):
            decompress(bomb, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_stream_that_was_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="it ends early"):
        decompress(zlib.compress(b"some text")[:-3], LIMIT)
    with pytest.raises(zlib.error):
        decompress(b"no such stream", LIMIT)
