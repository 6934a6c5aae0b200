"""The parser: a log line to its event, by JSON format, session key, header, masks and template."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from fusionlog.parsing.components import Components
from fusionlog.parsing.headers import Header
from fusionlog.parsing.line_cache import CachedLine, LineCache, LineParts
from fusionlog.parsing.masks import Masks
from fusionlog.parsing.templates import WILDCARD, TemplateMiner
from fusionlog.records import Seconds, Template, template_id
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.bounded_cache import BoundedCache
from fusionlog.utils.json_format import JsonFormat

EXAMPLE_CHARS = 500
"""A line is cut to this many characters where it stands as an example."""

MAX_CONTENT_CHARS = 8_000
"""What stands behind is not masked: the miner looks at a quarter of it at most."""


class Event(Struct, frozen=True, gc=False):
    """A parsed line: the id and text of its event, its session key (None: none in it), and the line."""

    template: str
    text: str
    session: str | None
    line: str
    more: tuple[str, ...] = ()
    matched: bool = True
    stamp: str | None = None


class _KnownEvent(NamedTuple):
    id: str
    text: str
    example: str
    replaces: str | None


class Parser:
    """Parses the lines of one system.

    :param shapes: whether lines that differ in digits and UUIDs alone are parsed once (see `line_cache`); the events
        are the same.

    An event is a component and a template. The events of a template that is generalised are all replaced at once.
    """

    def __init__(self, name: str, system: SystemSettings, ingest: IngestSettings, shapes: bool = True) -> None:
        self.name = name
        self.json_lines = JsonFormat(system.json_line)
        self._header = Header(system.header)
        self.matches = None
        self._masks = Masks(system.session, system.masks)
        self._line_cache = LineCache(system.header, system.session, bool(system.masks), self._masks)
        self._line_cache.usable &= shapes
        self._session = re.compile(system.session) if system.session else None
        self._miner = TemplateMiner(
            ingest.drain_similarity, ingest.drain_depth, ingest.max_tokens, ingest.max_templates
        )
        self._components = Components(self._masks.mask)
        self._events: BoundedCache[str, dict[str | None, _KnownEvent]] = BoundedCache(ingest.max_templates)
        self._found: deque[_KnownEvent] = deque(maxlen=ingest.max_templates)

    @property
    def templates(self) -> int:
        """The number of kept templates."""
        return len(self._miner)

    def parse(self, line: str, fields: object = None) -> Event:
        """The event of a line, line breaks included; a JSON line is first written as text by `json_lines`."""
        if self.json_lines:
            line = self.json_lines.text(line)
        shape = self._line_cache.get(line)
        if shape is not None and self._miner.still_matches(shape.standing):
            return Event(shape.id, shape.text, line[shape.key] if shape.key else None, line)
        return self._parse(line)

    def recall(self, value: bytes) -> Event | None:
        """The event of a raw record by one look-up, where it is, byte for byte, a line of a cached shape.

        None: it must be read (`envelopes.read_line`) and parsed, with the same result.
        """
        shape = self._line_cache.of_record(value)
        if shape is None or not self._miner.still_matches(shape.standing):
            return None
        line = value.decode("ascii")
        return Event(shape.id, shape.text, line[shape.key] if shape.key else None, line)

    def _parse(self, line: str) -> Event:
        """The event of a line whose shape is not cached."""
        content, name, _ = self._header.split(line)
        component = self._components.of(name) if name else None
        place = self._key(line)
        key = line[place] if place else None
        by_form = self._masks.mask(content[:MAX_CONTENT_CHARS])
        masked = _without(by_form, key) if key and key in by_form else by_form
        standing = self._miner.match(masked)
        mined = standing.mined if standing else self._miner.add(masked)
        if mined.replaces is not None:
            self._replace(mined.replaces, mined.text)
        events = self._events.get(mined.text)
        event = events.get(component) if events else None
        if event is None:
            event = self._add_template(component, mined.text, line, None)
        if standing is not None:
            parts = LineParts(line, content, by_form, component)
            self._line_cache.put(parts, CachedLine(standing, event.id, event.text, place))
        return Event(event.id, event.text, key, line)

    def new_templates(self, now: Seconds) -> list[Template]:
        """The events found since the last call, with `now` as the time they were first seen."""
        found = [
            Template(
                system=self.name, id=event.id, text=event.text, example=event.example, first_seen=now,
                replaces=event.replaces,
            )
            for event in self._found
        ]  # fmt: skip
        self._found.clear()
        return found

    def restore(self, templates: Iterable[Template]) -> None:
        """Restore the state of an earlier parser of this system from its templates, in any order."""
        own = sorted((item for item in templates if item.system == self.name), key=lambda item: item.first_seen)
        replaced = {item.replaces for item in own}
        split = [(item, *self._split(item)) for item in own]
        gone = {text for item, _, text in split if item.id in replaced}
        present = [(item, component, text) for item, component, text in split if text not in gone]
        self._miner.restore(text for _, _, text in present)
        for item, component, text in present:
            self._remember(component, text, _KnownEvent(item.id, item.text, item.example, item.replaces))

    def _key(self, line: str) -> slice | None:
        """The place of the session key: group 1 of its first match where that took part, else all of it."""
        found = self._session.search(line) if self._session else None
        if found is None:
            return None
        group = 1 if found.re.groups and found.group(1) else 0
        return slice(*found.span(group)) if found.group(group) else None

    def _add_template(self, component: str | None, text: str, line: str, replaces: str | None) -> _KnownEvent:
        """Add a new event."""
        whole = " ".join(part for part in (component, text) if part)
        event = _KnownEvent(template_id(whole), whole, line[:EXAMPLE_CHARS], replaces)
        self._remember(component, text, event)
        self._found.append(event)
        return event

    def _remember(self, component: str | None, text: str, event: _KnownEvent) -> None:
        events = self._events.get(text)
        if events is None:
            turns = self._events.turns
            self._events.put(text, {component: event})
            if self._events.turns != turns:  # an event that only shapes still know would be met as new
                self._line_cache.forget()
        else:
            events[component] = event

    def _replace(self, before: str, after: str) -> None:
        """Replace every event of a generalised template by one of its successor, with the same example."""
        present = self._events.get(after) or {}
        for component, event in (self._events.pop(before) or {}).items():
            if component not in present:
                self._add_template(component, after, event.example, event.id)

    def _split(self, template: Template) -> tuple[str | None, str]:
        """An event's component and template; the header of its example tells whether it has a component."""
        name = self._header.split(template.example).component
        for component in (self._components.of(name), WILDCARD) if name else ():
            if template.text == component or template.text.startswith(f"{component} "):
                return component, template.text[len(component) + 1 :]
        return None, template.text


def _without(text: str, key: str) -> str:
    """The text with `<KEY>` for the session key as a word: the key's expression may need the header to match."""
    return re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", "<KEY>", text)
