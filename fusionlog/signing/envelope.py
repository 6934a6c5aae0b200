"""What a signature covers, and the header that it travels in."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from fusionlog.errors import RecordError
from fusionlog.signing.kinds import Kind

HEADER = "fusionlog.signature"
"""The Kafka header of a record that has its signature."""
FORM = "1"
MAX_CHARS = 200
"""Of a signature: it has 130; the rest of a longer one is not looked at."""
DOMAIN = b"fusionlog record signature 1"


@dataclass(frozen=True)
class Signature:
    """A signature: the id of its key, when it was made (Unix milliseconds), and its 64 bytes."""

    key: str
    at: int
    value: bytes

    def encode(self) -> str:
        """The text that `of` reads: form, key, time and Base64, separated by dots."""
        return f"{FORM}.{self.key}.{self.at}.{base64.urlsafe_b64encode(self.value).decode()}"

    @classmethod
    def of(cls, text: str) -> Signature:
        """The signature of a text.

        :raises RecordError: `bad-signature`, it is not of the form.
        """
        try:
            form, key, at, value = text.split(".")
            if form != FORM or not at.isascii() or not at.isdigit() or len(at) > 15:
                raise ValueError
            return cls(key, int(at), base64.b64decode(value, b"-_", validate=True))
        except (ValueError, binascii.Error):
            raise RecordError(
                "bad-signature", f"the signature {text[:40]!r} is not of the form 1.KEY.TIME.BASE64"
            ) from None


def message(kind: Kind, topic: str, key: bytes, at: int, value: bytes) -> bytes:
    """The bytes that are signed: a domain, then the kind, the topic without its prefix, the record's key, the time in
    Unix milliseconds, and the record's own bytes, each after its length in 8 bytes.

    Equal bytes are of equal parts: a record cannot be moved to another key or topic, nor turned into another kind.

    >>> message("label", "labels", b"shop/ab", 0, b"{}") == message("label", "labels", b"shop/a", 0, b"b{}")
    False
    """
    parts = (kind.encode(), topic.encode(), key, str(at).encode(), value)
    return b"".join([DOMAIN, *(len(part).to_bytes(8, "big") + part for part in parts)])


def signature_in(headers: Iterable[tuple[str, bytes | None]] | None) -> str | None:
    """The signature among a record's headers, pairs of name and bytes; None where there is none."""
    for name, value in headers or ():
        if name == HEADER:
            return (value or b"")[:MAX_CHARS].decode("ascii", "replace")
    return None


def key_of(signature: str | None) -> str | None:
    """The id of the key of a signature, which is not verified; None where it is none, or of no known form."""
    try:
        return Signature.of(signature).key if signature is not None else None
    except RecordError:
        return None
