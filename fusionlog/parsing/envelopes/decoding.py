"""Bytes of a record to text, by the system's encoding, or the reason why they are none."""

from __future__ import annotations

import re

from fusionlog.errors import RecordError

UNREADABLE_SHARE = 0.25
"""A record with more control and undecodable characters than this is binary: Avro, MessagePack, UTF-16, gzip."""

BYTE_ORDER_MARK = "\ufeff"

_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
_START = "^(?>(?:[^ ]{20,36} std(?:out|err) [PF] )?)"
_NEIGHBOURS = re.compile(f"{_START}\ufffd{{0,3}}+(?!\ufffd).*?\ufffd\ufffd|{_START}\ufffd{{4}}", re.DOTALL)
"""Neighbours behind the start of a text, where a piece may have the rest of a character: three bytes at most."""

_COMPRESSED = "let the producer compress by Kafka's compression.type, which is undone on the way"
_KINDS = tuple(
    (re.compile(magic, re.DOTALL), remedy)
    for magic, remedy in (
        (rb"\x1f\x8b", f"it is gzip: {_COMPRESSED}"),
        (rb"\x28\xb5\x2f\xfd", f"it is zstd: {_COMPRESSED}"),
        (rb"\x04\x22\x4d\x18", f"it is lz4: {_COMPRESSED}"),
        (rb"\xff\xfe\0\0|\0\0\xfe\xff", "it is UTF-32: set the system's encoding to utf-32"),
        (rb"\xff\xfe|\xfe\xff", "it is UTF-16: set the system's encoding to utf-16"),
        (rb"\0\0..(?!\0)", "it is Avro or Protobuf of a schema registry: let the shipper write text or JSON"),
        (rb"[\x81-\x8f][\xa1-\xbf]\w", "it is MessagePack: let the shipper write JSON"),
    )
)  # fmt: skip
"""Beginnings of what is not UTF-8 text, and what to do about it."""


def text_of(value: bytes, encoding: str | None) -> str:
    """The text of a record, without a byte order mark.

    :param encoding: None: UTF-8, in which single bytes that cannot be decoded become U+FFFD. Neighbours of them are
        another encoding's letters.
    :raises RecordError: `not-text`.
    """
    text = _utf8(value) if encoding is None else _declared(value, encoding)
    return text.lstrip(BYTE_ORDER_MARK)


def _utf8(value: bytes) -> str:
    try:
        text = value.decode()
        if "\x00" not in text:
            return text
    except UnicodeDecodeError:
        text = value.decode(errors="replace")
        if _NEIGHBOURS.search(text) or _known(value):
            raise RecordError("not-text", f"it is not UTF-8: {_remedy(value)}") from None
    return _readable(text, value, "UTF-8")


def _declared(value: bytes, encoding: str) -> str:
    try:
        text = value.decode(encoding)
        text.encode()
    except (UnicodeError, ValueError) as error:
        detail = f"it cannot be read as {encoding} ({error}): set the system's encoding to what its producer writes"
        raise RecordError("not-text", detail) from error
    return _readable(text, value, encoding)


def _readable(text: str, value: bytes, encoding: str) -> str:
    unreadable = len(_UNREADABLE.findall(text))
    if unreadable > UNREADABLE_SHARE * len(text):
        detail = f"{unreadable} of {len(text)} characters cannot be read as {encoding} text: {_remedy(value)}"
        raise RecordError("not-text", detail)
    return text


def _remedy(value: bytes) -> str:
    if known := _known(value):
        return known
    if value[1::2].count(0) > len(value) // 4:
        return "it looks like UTF-16: set the system's encoding to utf-16-le"
    if value[::2].count(0) > len(value) // 4:
        return "it looks like UTF-16: set the system's encoding to utf-16-be"
    return "set the system's encoding to what its producer writes, as gbk, shift_jis or latin-1"


def _known(value: bytes) -> str | None:
    return next((remedy for magic, remedy in _KINDS if magic.match(value)), None)
