"""Names of text encodings."""

from __future__ import annotations

NO_ENCODINGS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Codecs of Python that decode to text, but from other things than text files: host names, source code."""


def check_encoding(name: str) -> str:
    """Return the name of a text encoding.

    :raises ValueError: Python has no text encoding of that name.
    """
    try:
        b"x".decode(name)
    except UnicodeDecodeError:  # a byte is too short for UTF-16
        pass
    except (LookupError, ValueError) as error:
        raise ValueError(_remedy(name)) from error
    if name.lower().replace("-", "_") in NO_ENCODINGS:
        raise ValueError(_remedy(name))
    return name


def _remedy(name: str) -> str:
    return f"there is no text encoding {name!r}: give one that Python has, such as utf-8, gbk, shift_jis or latin-1"
