"""Lines with one id for all: a key that no mask takes makes a template of every session, and no key could be ranked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from fusionlog.onboarding.tokens import Token, tokens

MANY = 10
"""Values of a form, from which on they are ids; fewer may be steps, hosts or stages."""


def with_equal_ids(lines: Sequence[str]) -> list[str]:
    """The lines with the id-like tokens of each form replaced by the first one, where it has `MANY` values.

    So a header still matches. Bare numbers stay: they are codes, or masked.
    """
    found = [[each for each in tokens(line) if _is_id(each)] for line in lines]
    values: dict[str, dict[str, None]] = defaultdict(dict)
    for each in (each for ids in found for each in ids):
        values[each.form][each.value] = None
    first = {form: next(iter(known)) for form, known in values.items() if len(known) >= MANY}
    return [_replaced(line, ids, first) for line, ids in zip(lines, found, strict=True)]


def _is_id(token: Token) -> bool:
    return token.kind != "number" and any(map(str.isdigit, token.value))


def _replaced(line: str, ids: Sequence[Token], first: dict[str, str]) -> str:
    """A line with its ids replaced, the longest first, each once."""
    changed = {each.value: first[each.form] for each in reversed(ids) if each.form in first}
    for value in sorted(changed, key=len, reverse=True):
        line = line.replace(value, changed[value])
    return line
