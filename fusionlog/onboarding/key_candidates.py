"""Candidates of a session key: expressions that find one class of id-like tokens in many lines of a sample."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from fusionlog.onboarding.tokens import START, Kind, expression, fitted, name_of, simpler, tokens

MIN_SHARE = 0.2
"""Share of lines that have a candidate, at least; less cannot cut a log into sessions."""
MIN_ADDED_SHARE = 0.0005
"""Share of lines for which another place of the same key is worth an alternative in the expression."""
MAX_CANDIDATES = 60
MAX_PLACES = 6
SCANNED_LINES = 3_000
TRIED_LINES = 500
CLOCK_SHARE = 0.98

Keys = Sequence[str | None]


class Candidate(NamedTuple):
    """A candidate: its kind and name, its expression or the path of its field, and the key of every line of the sample.

    `columns` counts the places of the expression that are columns: words are safer. A field with several ids counts as
    two. `part` is that of `tokens.Token`.
    """

    kind: Kind
    name: str
    pattern: str
    keys: Keys
    field: str | None = None
    columns: int = 0
    part: bool = False


class _Class(NamedTuple):
    """Tokens of one form at one place."""

    kind: Kind
    form: str
    place: str
    part: bool


_Places = Mapping[_Class, Sequence[tuple[int, str]]]
"""The lines that have a class, each with its first value."""


def text_candidates(lines: Sequence[str]) -> list[Candidate]:
    """The candidates in the text of lines."""
    scanned = _spread(lines, SCANNED_LINES)
    places = _find_places(scanned)
    enough = Counter({each: len(found) for each, found in places.items() if len(found) >= MIN_SHARE * len(scanned)})
    candidates = {}
    for each, _ in enough.most_common(MAX_CANDIDATES):
        values = [value for _, value in places[each]]
        if len(set(values)) >= 2 and not (each.kind in ("number", "value") and is_clock(values)):
            form = fitted(each.form, values)
            for chosen in ([each.place], _wider(each, places, scanned)):
                pattern = _expression(chosen, form)
                candidates[pattern] = Candidate(
                    each.kind, name_of(each.place, each.form), pattern, keys_of(pattern, lines),
                    columns=sum(place.startswith("^") for place in chosen), part=each.part,
                )  # fmt: skip
    return list(candidates.values())


def keys_of(pattern: str, lines: Iterable[str]) -> list[str | None]:
    """The key of each line, as the parser takes it: group 1 of the first match."""
    search = re.compile(pattern).search
    return [found.group(1) if (found := search(line)) else None for line in lines]


def simplified(candidate: Candidate, lines: Sequence[str]) -> Candidate:
    """The candidate with the simplest expression that gives every line the same key."""
    tried = [*range(0, len(lines), max(1, len(lines) // TRIED_LINES))]
    few, known = [lines[place] for place in tried], [candidate.keys[place] for place in tried]
    for pattern in simpler(candidate.pattern) if candidate.pattern else ():
        if keys_of(pattern, few) == known and keys_of(pattern, lines) == candidate.keys:
            return candidate._replace(pattern=pattern)
    return candidate


def _spread(lines: Sequence[str], count: int, parts: int = 10) -> Sequence[str]:
    """Stretches of consecutive lines from the whole of a sample."""
    if len(lines) <= count:
        return lines
    stretch = count // parts
    step = (len(lines) - stretch) // (parts - 1)
    return [line for part in range(parts) for line in lines[part * step : part * step + stretch]]


def _find_places(lines: Iterable[str]) -> _Places:
    places: dict[_Class, list[tuple[int, str]]] = defaultdict(list)
    for number, line in enumerate(lines):
        seen = set()
        for token in tokens(line):
            for place in token.places:
                each = _Class(token.kind, token.form, place, token.part)
                if each not in seen:
                    seen.add(each)
                    places[each].append((number, token.value))
    return places


def is_clock(values: Sequence[str]) -> bool:
    """Whether numbers never get less from line to line, as those of a clock or a counter."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return False
    grows = sum(later >= earlier for earlier, later in pairwise(numbers))
    return grows >= CLOCK_SHARE * (len(numbers) - 1)


def _wider(base: _Class, places: _Places, lines: Sequence[str]) -> list[str]:
    """The place of a class, and the words before which lines without it have one of its values."""
    chosen = [base.place]
    keys = keys_of(_expression(chosen, base.form), lines)
    if not base.place or None not in keys or not _is_wide(base, places):
        return chosen
    known = set(keys)
    others = [each for each in places if each.form == base.form and each.place.startswith(START) and each != base]
    while len(chosen) < MAX_PLACES and others:
        added = {
            each: sum(keys[number] is None and value in known for number, value in places[each]) for each in others
        }
        best = max(others, key=lambda each: added[each])
        if added[best] < max(2, MIN_ADDED_SHARE * len(lines)):
            break
        others.remove(best)
        wider = keys_of(_expression([*chosen, best.place], base.form), lines)
        if _extends(wider, keys, known):
            chosen.append(best.place)
            keys = wider
    return chosen


def _is_wide(base: _Class, places: _Places) -> bool:
    """Whether equal tokens are hardly so by chance, at whatever places: not small numbers, nor any value."""
    values = [value for _, value in places[base]]
    return base.kind != "value" and sum(len(value) >= 4 for value in values) >= 0.9 * len(values)


def _expression(chosen: Sequence[str], form: str) -> str:
    return expression(chosen[0] if len(chosen) == 1 else f"(?:{'|'.join(chosen)})", form)


def _extends(wider: Keys, keys: Keys, known: set[str | None]) -> bool:
    """Whether keys stay as they were, and lines that had none mostly get known ones."""
    changed = sum(before is not None and after != before for before, after in zip(keys, wider, strict=True))
    new = [after for before, after in zip(keys, wider, strict=True) if before is None and after is not None]
    return changed <= 0.005 * len(keys) and sum(key in known for key in new) >= 0.9 * len(new)
