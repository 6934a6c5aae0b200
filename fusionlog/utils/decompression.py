"""Decompression with a limit: a megabyte that someone wrote may unpack to gigabytes."""

from __future__ import annotations

import zlib

GZIP_BITS = zlib.MAX_WBITS + 16
"""The `bits` of a gzip file; those of a bare zlib stream are the default."""


def decompress(data: bytes, limit: int, bits: int = zlib.MAX_WBITS) -> bytes:
    """The content of a zlib stream; no more than `limit` bytes of it are ever made.

    :raises ValueError: it has more, or ends early. :raises zlib.error: it is no such stream.
    """
    stream = zlib.decompressobj(bits)
    found = stream.decompress(data, limit + 1)
    if len(found) > limit:
        raise ValueError(f"it unpacks to more than {limit} bytes")
    if not stream.eof:
        raise ValueError("it ends early")
    return found
