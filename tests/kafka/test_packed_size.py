"""What a batch unpacks to is known before it is unpacked."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable

import cramjam
import pytest
from aiokafka import codec
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.kafka.packed_size import GZIP, LZ4, SNAPPY, ZSTD, exceeds

LIMIT = 10_000_000
CODECS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "gzip": (GZIP, codec.gzip_encode),
    "gzip of two members": (GZIP, lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:])),
    "snappy": (SNAPPY, codec.snappy_encode),
    "snappy, not in blocks": (SNAPPY, lambda data: codec.snappy_encode(data, xerial_compatible=False)),
    "lz4": (LZ4, codec.lz4_encode),
    "lz4, linked": (LZ4, lambda data: bytes(cramjam.lz4.compress(data))),
    "zstd": (ZSTD, codec.zstd_encode),
    "zstd, high": (ZSTD, lambda data: codec.zstd_encode(data, level=19)),
}
SOME = b"2026-01-01 10:00:00 INFO order accepted id=" + os.urandom(20).hex().encode()


@pytest.mark.parametrize("name", CODECS)
def test_a_batch_beyond_the_limit_is_found_however_small_it_is(name: str) -> None:
    number, encode = CODECS[name]
    packed = encode(bytes(LIMIT + 300_000))
    assert len(packed) < LIMIT // 10
    assert exceeds(memoryview(packed), number, LIMIT)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_usual_batches_are_within_it(name: str, size: int) -> None:
    number, encode = CODECS[name]
    for data in (SOME * (size // len(SOME)), os.urandom(size)):
        assert not exceeds(memoryview(encode(data)), number, LIMIT)


@given(st.binary(max_size=200), st.sampled_from([0, *range(1, 8)]), st.integers(0, 60))
def test_any_bytes_have_an_answer(data: bytes, number: int, cut: int) -> None:
    exceeds(memoryview(data), number, LIMIT)
    for each, encode in CODECS.values():
        packed = encode(data)
        assert not exceeds(memoryview(packed)[: len(packed) - cut], each, LIMIT)
