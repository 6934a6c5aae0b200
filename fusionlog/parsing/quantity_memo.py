"""Where lines have quantities, found once a masked text: what stands around a number is the same in all its lines.

A text with `<TIME>` in it (a clock may be a duration), or with `<NUM>,<NUM>` (a number may have commas), has a rule for
its lines with clocks and numbers of the same shape there. One whose tokens are not those of the line has none: then the
places are those of the lines that differ in digits alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog.parsing.digits import zeroed
from fusionlog.parsing.quantities import NONE, Place, Quantities, TokenPlace, places, read, read_tokens, token_places
from fusionlog.utils.bounded_cache import BoundedCache

CACHED_TEXTS, CACHED_CHARS = 20_000, 2_000

Rule = tuple[TokenPlace, ...]
_BY_LINE: Rule = (TokenPlace("", -1, 0, None, 1.0, False),)
"""For a text without a rule."""


class QuantityMemo:
    """The quantities of lines by their masked texts."""

    def __init__(self) -> None:
        self._cache: BoundedCache[str, Rule] = BoundedCache(CACHED_TEXTS)
        self._shapes: BoundedCache[str, tuple[Place, ...]] = BoundedCache(CACHED_TEXTS)

    def rule(self, masked: str) -> Rule:
        """Where the lines of a masked text have quantities; empty where they have none."""
        found = self._cache.get(masked)
        if found is None:
            found = _BY_LINE if "<TIME>" in masked or "<NUM>,<NUM>" in masked else _places(masked)
            if len(masked) <= CACHED_CHARS:
                self._cache.put(masked, found)
        return found

    def read(self, content: str, masked: str, rule: Rule) -> Quantities:
        """The quantities of a line, by the rule of its masked text."""
        if not rule:
            return NONE
        tokens = content.split()
        found = self._by_tokens(tokens, masked, rule)
        return read(content, self._of_shape(content)) if found is _BY_LINE else read_tokens(tokens, found)

    def places(self, line: str, content: str, start: int, masked: str) -> tuple[Place, ...]:
        """The places of the quantities in a line whose content begins at `start`, for all lines of its shape."""
        rule = self.rule(masked)
        if not rule:
            return ()
        tokens = content.split()
        found = self._by_tokens(tokens, masked, rule)
        if found is _BY_LINE:
            return tuple(
                each._replace(start=each.start + start, stop=each.stop + start) for each in self._of_shape(content)
            )
        return tuple(_in_line(each, line, tokens, start) for each in found)

    def _by_tokens(self, tokens: Sequence[str], masked: str, rule: Rule) -> Rule:
        """The rule of a line: where that of its masked text is none, that of the text with its own clocks and lists."""
        if len(tokens) != masked.count(" ") + 1:
            return _BY_LINE
        if rule is not _BY_LINE:
            return rule
        own = " ".join(
            zeroed(token) if "<TIME>" in shown or "<NUM>,<NUM>" in shown else shown
            for token, shown in zip(tokens, masked.split(" "), strict=True)
        )
        found = self._cache.get(own)
        if found is None:
            found = _places(own)
            if len(own) <= CACHED_CHARS:
                self._cache.put(own, found)
        return found

    def _of_shape(self, content: str) -> tuple[Place, ...]:
        shape = zeroed(content)
        found = self._shapes.get(shape)
        if found is None:
            found = places(content)
            if len(shape) <= CACHED_CHARS:
                self._shapes.put(shape, found)
        return found


def _places(masked: str) -> Rule:
    found = token_places(masked.replace("<NUM>", "0"), masked)
    tokens = masked.split(" ")
    if found is None or any(_has_others(tokens[each.token], each) for each in found):
        return _BY_LINE
    return found


def _has_others(token: str, place: TokenPlace) -> bool:
    """Whether a masked token has placeholders beside the number: their texts differ in length from line to line."""
    return token.count("<") > ("<NUM>" in token)


def _in_line(place: TokenPlace, line: str, tokens: Sequence[str], start: int) -> Place:
    begin = start
    for token in tokens[: place.token + 1]:
        begin = line.index(token, begin)
        end = begin + len(token)
        begin, last = end, begin
    stop = end if place.stop is None else end + place.stop
    return Place(place.name, last + place.start, stop, place.scale, place.is_duration, place.by_point)
