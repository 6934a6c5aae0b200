"""The remedy for a name that does not exist: the nearest one that does."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_NAMES = 20
"""Names in a message, at most."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar, whatever its case; None where none is similar."""
    by_folded = {each.casefold(): each for each in sorted(known, reverse=True)}
    found = difflib.get_close_matches(name.casefold(), by_folded, 1)
    return by_folded[found[0]] if found else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """`did you mean NAME?` where a known name is similar, else the known names."""
    names = sorted(set(known))
    if (near := nearest(name, names)) is not None:
        return f"did you mean {near}?"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"there are {', '.join(names[:MOST_NAMES]) or 'none'}{more}"
