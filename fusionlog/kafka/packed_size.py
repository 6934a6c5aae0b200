"""The greatest size that a compressed batch of Kafka may have when it is unpacked, found without unpacking it.

| codec | by |
|---|---|
| gzip | the stream, a piece at a time, of which nothing is kept |
| snappy | the length that stands before each block |
| lz4, zstd | the headers of the blocks, and the greatest size of a block |
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from struct import unpack_from

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
"""The codecs in the attributes of a batch."""

GZIP_RATIO, LZ4_RATIO = 1032, 255
_PIECE = 1024 * 1024
_XERIAL, _XERIAL_HEADER = b"\x82SNAPPY\x00", 16
_LZ4_MAGIC, _ZSTD_MAGIC = 0x184D2204, 0xFD2FB528
_LZ4_BLOCKS: Mapping[int, int] = {4: 64 * 1024, 5: 256 * 1024, 6: 1024 * 1024, 7: 4 * 1024 * 1024}
_ZSTD_BLOCK = 128 * 1024
_ZSTD_ID, _ZSTD_SIZE = (0, 1, 2, 4), (0, 2, 4, 8)


def exceeds(payload: memoryview, codec: int, limit: int) -> bool:
    """Whether a payload may unpack to more than so many bytes. What is no stream of its codec does not: it is the
    decoder's to refuse."""
    total = 0
    try:
        for size in _SIZES.get(codec, _none)(payload, limit):
            total += size
            if total > limit:
                return True
    except (IndexError, ValueError, zlib.error):  # cut, or no such stream
        return False
    return False


def _none(payload: memoryview, limit: int) -> Iterator[int]:
    return iter(())


def _gzip(payload: memoryview, limit: int) -> Iterator[int]:
    if len(payload) * GZIP_RATIO <= limit:
        return
    rest = bytes(payload)
    while rest:
        stream = zlib.decompressobj(zlib.MAX_WBITS + 16)
        while rest and not stream.eof:
            yield len(stream.decompress(rest, _PIECE))
            rest = stream.unconsumed_tail
        rest = stream.unused_data


def _snappy(payload: memoryview, limit: int) -> Iterator[int]:
    if bytes(payload[:8]) != _XERIAL:
        yield _varint(payload)
        return
    place = _XERIAL_HEADER
    while place < len(payload):
        size = int.from_bytes(payload[place : place + 4], "big")
        yield _varint(payload[place + 4 :])
        place += 4 + size


def _varint(data: memoryview) -> int:
    value = 0
    for place in range(5):
        value |= (data[place] & 0x7F) << 7 * place
        if not data[place] & 0x80:
            break
    return value


def _lz4(payload: memoryview, limit: int) -> Iterator[int]:
    if len(payload) * LZ4_RATIO <= limit:
        return
    place = 0
    while place < len(payload) and _uint32(payload, place) == _LZ4_MAGIC:
        flags, most = payload[place + 4], _LZ4_BLOCKS.get(payload[place + 5] >> 4 & 7, 0)
        place += 7 + 8 * bool(flags & 0x08) + 4 * bool(flags & 0x01)
        while size := _uint32(payload, place):
            packed, size = not size >> 31, size & 0x7FFFFFFF
            yield min(most, LZ4_RATIO * size) if packed else size
            place += 4 + size + 4 * bool(flags & 0x10)
        place += 4 + 4 * bool(flags & 0x04)


def _zstd(payload: memoryview, limit: int) -> Iterator[int]:
    place = 0
    while place < len(payload) and _uint32(payload, place) == _ZSTD_MAGIC:
        flags = payload[place + 4]
        single, size = flags >> 5 & 1, flags >> 6
        place += 5 + (not single) + _ZSTD_ID[flags & 3] + (_ZSTD_SIZE[size] or single)
        last = False
        while not last:
            header = int.from_bytes(payload[place : place + 3], "little")
            last, kind, length = bool(header & 1), header >> 1 & 3, header >> 3
            if place + 3 > len(payload) or kind == 3:
                return
            yield _ZSTD_BLOCK if kind == 2 else length
            place += 3 + (1 if kind == 1 else length)
        place += 4 * bool(flags & 4)


def _uint32(payload: memoryview, place: int) -> int:
    if place + 4 > len(payload):
        raise ValueError("cut")
    value: int = unpack_from("<I", payload, place)[0]
    return value


_SIZES: Mapping[int, Callable[[memoryview, int], Iterator[int]]] = {
    GZIP: _gzip, SNAPPY: _snappy, LZ4: _lz4, ZSTD: _zstd
}  # fmt: skip
