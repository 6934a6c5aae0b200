"""The headers of dead letters, as a test reads them."""

from __future__ import annotations

from collections.abc import Sequence


def read_headers(headers: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    """The fields of a dead letter's headers, without their prefix; other headers are left out."""
    return {
        name.removeprefix("fusionlog."): value.decode("utf-8", "replace")
        for name, value in headers
        if name.startswith("fusionlog.")
    }
