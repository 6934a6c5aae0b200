"""The session keys of a line: of its envelope, of a field of its header, else of the session's expression."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fusionlog.parsing.headers import Fields
from fusionlog.parsing.session_keys import KeyExpression, KeyMatch, canonical, distinct, trim, values, within
from fusionlog.settings import SystemSettings
from fusionlog.utils.expression_limit import Watch
from fusionlog.utils.json_format import Tree, value_at


class LineKeys:
    """The session keys of one system's lines.

    :param watch: of the session's expression.
    :raises SettingError: it matches nothing at all.
    """

    def __init__(self, system: SystemSettings, watch: Watch) -> None:
        expression = KeyExpression(system.session)
        self._is_free = expression.is_free
        self.field, self._every = system.session_field, system.keys == "all"
        self.is_one = not self.field and not self._every
        """Whether a line has one key at most, by the expression alone."""
        self.find: Callable[[str], list[KeyMatch]] = expression.find
        """The matches of the session's expression in a line."""
        if system.session:
            self.find = watch.guarded_search(f"session {system.session}", expression.find)

    def outer(self, fields: Tree | None) -> tuple[str, ...]:
        """The keys that the envelope's fields give, as they are written there."""
        return self._limit(values(value_at(fields, self.field))) if fields and self.field else ()

    def needed(self, fields: Tree) -> Tree:
        """The field of an envelope that the keys depend on."""
        key = value_at(fields, self.field) if self.field else None
        return {} if self.field is None or key is None else {self.field: key}

    def places(self, line: str, header: Fields, matches: Sequence[KeyMatch]) -> tuple[slice, ...]:
        """The places of the keys in the line: of a field of its header, else of the session's expression."""
        field = header.place(self.field) if self.field else None
        if field is not None:
            key = trim(line, field.start, field.stop)
            return (key,) if key else ()
        places = []
        for _, _, start, stop in matches:
            key = trim(line, start, stop)
            if key and not self._every:
                return (key,)
            places += [key] if key else []
        return tuple(places)

    def of(self, line: str, header: Fields, outer: tuple[str, ...], places: tuple[slice, ...]) -> tuple[str, ...]:
        """The keys of a line as they are written: of its envelope, of a decoded field, else of its text."""
        keys = outer or self._decoded(header) if self.field else ()
        return keys or tuple([line[place] for place in places])

    def inside(self, matches: Sequence[KeyMatch], content: str, start: int | None) -> Sequence[KeyMatch]:
        """The matches of the session's expression in the content: where it is no part of the line, by a search.

        :param matches: those in the line, one at least.
        """
        if start is not None:
            if len(matches) > 1:
                return within(matches, start, start + len(content))
            first, last, key, stop = matches[0]
            is_in = start <= first and last <= start + len(content)
            return ((first - start, last - start, key - start, stop - start),) if is_in else ()
        return self.find(content) if self._is_free else ()

    def _decoded(self, header: Fields) -> tuple[str, ...]:
        """The keys that a decoded field of the line gives, as they are written there."""
        return self._limit(values(header.value(self.field or ""))) if header.values else ()

    def _limit(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        return keys if self._every else keys[:1]


def sessions(keys: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The first key and the others, each in its one spelling."""
    if len(keys) == 1:
        key = keys[0]
        return key if key == key.lower() else canonical(key), ()
    first, *more = distinct(keys) or (None,)
    return first, tuple(each for each in more if each)
