"""The parser: a log line to its event, by JSON format, session key, header, masks and template."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from fusionlog.errors import SettingError
from fusionlog.parsing.code_fields import NO_CODES, CodeFields, keep_expression, kept_names
from fusionlog.parsing.components import Components
from fusionlog.parsing.content_memo import ContentMemo, Outcome
from fusionlog.parsing.event_store import EventStore, Split
from fusionlog.parsing.events import EXAMPLE_CHARS, Event, example_of
from fusionlog.parsing.headers import Fields, Header, texts
from fusionlog.parsing.joining import settled_lines
from fusionlog.parsing.line_cache import CachedLine, LineCache, LineParts
from fusionlog.parsing.line_keys import LineKeys, sessions
from fusionlog.parsing.masks import Masks
from fusionlog.parsing.quantities import NONE, read
from fusionlog.parsing.quantity_memo import QuantityMemo
from fusionlog.parsing.session_keys import KeyMatch
from fusionlog.parsing.templates import CONSTANT, WILDCARD, TemplateMiner, Unmined
from fusionlog.parsing.traces import condense
from fusionlog.records import Seconds, Template
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.expression_limit import SlowExpression, Watch
from fusionlog.utils.json_format import JsonFormat, Tree

__all__ = ["EXAMPLE_CHARS", "Event", "Parser", "example_of"]

MAX_CONTENT_CHARS = 8_000
"""What stands behind is not masked: the miner looks at a quarter of it at most."""

CACHED_OUTCOMES = 20_000


class Parser:
    """Parses the lines of one system.

    :raises SettingError: a setting of the system cannot be used.
    :param shapes: whether lines that differ in digits and UUIDs alone are parsed once (see `line_cache`), and contents
        masked once (see `content_memo`); the events are the same.
    :param watch: of the system's own expressions, which `expression_limit.limited` ends where they take too long.
    """

    def __init__(
        self, name: str, system: SystemSettings, ingest: IngestSettings, shapes: bool = True, watch: Watch | None = None
    ) -> None:
        self.name, self.watch = name, watch or Watch()
        self.json_lines = JsonFormat(system.json_line, kept_names(system.keep))
        kept = [keep_expression(each) for each in system.keep]
        try:
            self._header, self._masks = Header(system), Masks(system.masks, kept)
            self._keys = LineKeys(system, self.watch)
        except SettingError as error:
            raise error.within(name) from error
        self.has_times = bool(self._header.stamp_names)
        """Whether a line's header may have its time."""
        self._fields = CodeFields(system.keep, self._header)
        self._has_fields, self._is_json = bool(self._fields), bool(self.json_lines)
        self._quantities = QuantityMemo()
        self._split_header = self._header.split
        if system.header_regex:
            self._split_header = self.watch.guarded(f"header_regex {system.header_regex}", self._header.split)
        self._line_cache = LineCache(self._header, system.session, kept, bool(system.masks), self._masks)
        self._line_cache.usable &= shapes
        mask_content, mask_name, self._put = self._masks.mask_content, self._masks.mask, self._line_cache.put
        if own := _own_masks(system):
            mask_content, mask_name, self._put = (
                self.watch.guarded(own, mask_content), self.watch.guarded(own, mask_name),
                self.watch.guarded(own, self._put),
            )  # fmt: skip
        self._contents = ContentMemo(self._masks, shapes, mask_content)
        self._is_settled = settled_lines(system.multiline, self.matches, self.watch)
        self._miner = TemplateMiner(
            ingest.drain_similarity, ingest.drain_depth, ingest.max_tokens, ingest.max_templates,
            ingest.max_similar_templates, ingest.new_templates,
        )  # fmt: skip
        self._components = Components(mask_name)
        self._events = EventStore(name, ingest.max_templates, self._forget)
        self._outcomes: dict[tuple[str | None, str], Outcome] = {}

    @property
    def templates(self) -> int:
        """The number of kept templates."""
        return len(self._miner)

    @property
    def matches(self) -> Callable[[str], bool] | None:
        """Whether a line has the header; None where the system has none."""
        return (lambda line: self._split_header(line).matched) if self._header.is_set else None

    def take_unmined(self) -> Unmined:
        """The lines since the last call that got the catch-all event."""
        return self._miner.take_unmined()

    def new_templates(self, now: Seconds) -> list[Template]:
        """The events found since the last call, with `now` as the time they were first seen."""
        return self._events.take_new(now)

    def restore(self, templates: Iterable[Template]) -> None:
        """Restore the state of an earlier parser of this system from its templates, in any order."""
        own = sorted((item for item in templates if item.system == self.name), key=lambda item: item.first_seen)
        self._miner.restore(self._events.restore([self._parts(item) for item in own]))

    def parse(self, line: str, fields: Tree | None = None) -> Event:
        """The event of a line, line breaks included; a JSON line is first written as text by `json_lines`.

        :param fields: the fields of the line's envelope: `session_field` is looked for there first.
        """
        if self._is_json:
            line = self.json_lines.text(line, fields)
        return self.parse_text(line, fields)

    def parse_text(self, line: str, fields: Tree | None = None) -> Event:
        """The event of a line that is text already, as `Event.line` is."""
        outer = self._keys.outer(fields) if fields else ()
        shape = self._line_cache.get(line) if self._line_cache.usable else None
        if shape is None or not self._miner.still_matches(shape.standing):
            return self._parse(line, fields, outer)
        if outer:
            return self._in_sessions(shape, line, fields, outer)
        if shape.bare:
            return Event(shape.id, shape.text, line[shape.key] if shape.key else None, line)
        return _recalled(shape, line)

    def without_template(self, line: str, fields: Tree | None = None) -> Event:
        """The event of a line without its template: its session keys and its time. Nothing is mined."""
        if self._is_json:
            line = self.json_lines.text(line, fields)
        header = self._split_header(line, fields)
        outer = self._keys.outer(fields)
        places = self._keys.places(line, header, self._keys.find(line))
        session, more = sessions(self._keys.of(line, header, outer, places))
        stamp = self._stamp(line, header)[1] if self.has_times else None
        return Event("", "", session, line, more, header.matched, stamp)

    def needed(self, fields: Tree) -> Tree:
        """The fields of an envelope that the event of a line, which is text already, may depend on."""
        return self._keys.needed(fields) if self._header.by_place else fields

    def recall(self, value: bytes) -> Event | None:
        """The event of a raw record by one look-up, where it is, byte for byte, a line of a cached shape.

        Such a line has the header, begins one whatever comes before it, and another one begins behind it. None: it must
        be read (`EnvelopeReader`), joined and parsed, with the same result.
        """
        shape = self._line_cache.of_record(value)
        if shape is None or shape.settled is False or not self._miner.still_matches(shape.standing):
            return None
        line = value.decode()
        if shape.settled is None:
            shape.settled = self._settles(line)
            if not shape.settled:
                return None
        if shape.bare:
            return Event(shape.id, shape.text, line[shape.key] if shape.key else None, line)
        return _recalled(shape, line)

    def _settles(self, line: str) -> bool:
        """Whether a line begins one whatever comes before it; False where an expression takes too long to tell."""
        try:
            return self._is_settled(line)
        except SlowExpression:
            return False

    def _parse(self, line: str, fields: Tree | None, outer: tuple[str, ...]) -> Event:
        """The event of a line whose shape is not cached."""
        header = self._split_header(line, fields)
        matches = self._keys.find(line)
        place = matches[0] if matches and self._keys.is_one else None
        key_places: tuple[slice, ...] = ()
        keys: tuple[str, ...] = ()
        if place and line[place[2]].isalnum() and line[place[3] - 1].isalnum():  # most lines: nothing to trim
            keys = (line[place[2] : place[3]],)
        elif matches or self._keys.field:
            key_places = self._keys.places(line, header, matches)
            keys = self._keys.of(line, header, outer, key_places)
        component = None
        if header.component:
            component = self._components.of_line(line, header, matches, key_places if self._keys.field else ())
        content, start, joined = header.content, header.start, "\n" in header.content
        if joined:
            content, start = condense(content), None
        if len(content) > MAX_CONTENT_CHARS:
            content = content[:MAX_CONTENT_CHARS]
        inside: Sequence[KeyMatch] = ()
        if matches and (start is None or matches[-1][0] >= start):
            inside = self._keys.inside(matches, content, start)
        coded = self._fields.of(header, content) if self._has_fields else NO_CODES
        known = self._contents.find(content, inside, component, coded.text)
        by_form = known.masked
        left = [key for key in keys if key in by_form] if len(keys) > 1 or (keys and keys[0] in by_form) else None
        if left:
            outcome = self._outcome(component, _without(by_form, left), line)
        else:
            kept = known.outcome
            if kept is None or kept.standing is None or not self._miner.still_matches(kept.standing):
                kept = known.outcome = self._outcome(component, by_form, line)
            outcome = kept
        standing, event, rule = outcome
        if start is None:
            duration, others = self._quantities.read_text(line, header.start or 0)
        elif left:
            duration, others = self._quantities.read(content, by_form, self._quantities.rule(by_form))
        else:
            duration, others = self._quantities.read(content, by_form, rule) if rule else NONE
        stamp, clock = self._stamp(line, header) if self.has_times else ((), None)
        if not self._line_cache.rests and self._line_cache.usable:
            if standing is None or left or joined:
                self._line_cache.is_worth(line, False)
            else:
                key_places = key_places or ((slice(place[2], place[3]),) if place and keys else ())
                parts = LineParts(line, header, content, by_form, component, inside, known.is_free, coded.places)
                self._cache(parts, CachedLine(standing, event.id, event.text, key_places, stamp, header.matched))
        session, more = sessions(keys) if keys else (None, ())
        return Event(event.id, event.text, session, line, more, header.matched, clock, duration, others)

    def _cache(self, parts: LineParts, shape: CachedLine) -> None:
        """Cache the shape of a parsed line where it is worth it."""
        line, start = parts.line, parts.header.start
        if self._line_cache.is_worth(line, self._line_cache.can_hold(parts.masked, parts.component)):
            if start is not None:
                shape.quantities = self._quantities.places(line, parts.content, start, parts.masked)
            self._put(parts, shape)

    def _outcome(self, component: str | None, masked: str, line: str) -> Outcome:
        """The outcome of a component and a masked content; it is kept where mining changed nothing."""
        key = component, masked
        outcome = self._outcomes.get(key)
        if outcome is not None and outcome.standing is not None and self._miner.still_matches(outcome.standing):
            return outcome
        standing = self._miner.match(masked)
        event = self._events.of(standing.mined if standing else self._miner.add(masked), component, line)
        outcome = Outcome(standing, event, self._quantities.rule(masked))
        if standing is not None:  # which a long content never has
            if len(self._outcomes) >= CACHED_OUTCOMES:
                self._outcomes.clear()
            self._outcomes[key] = outcome
        return outcome

    def _stamp(self, line: str, header: Fields) -> tuple[tuple[slice, ...], str | None]:
        """The places of the line's time, and its text."""
        places = self._header.stamp(header)
        return places, texts(line, places) if places else self._header.stamp_value(header)

    def _in_sessions(self, shape: CachedLine, line: str, fields: Tree | None, keys: tuple[str, ...]) -> Event:
        """The event of a cached shape in the sessions of its envelope: its text has no key that the line may have."""
        if any(key in line for key in keys):
            return self._parse(line, fields, keys)
        session, more = sessions(keys)
        return replace(_recalled(shape, line), session=session, more=more)

    def _parts(self, template: Template) -> Split:
        """A template with its component and text; no component where an expression takes too long on its example."""
        try:
            return self._split(template)
        except SlowExpression:
            return template, None, template.text

    def _split(self, template: Template) -> Split:
        """A template with its component and text; the header of its example tells whether it has a component."""
        line = template.example
        header = self._split_header(line)
        matches = self._keys.find(line)
        fields = self._keys.places(line, header, matches) if self._keys.field else ()
        component = self._components.of_line(line, header, matches, fields)
        for each in (component, WILDCARD) if component else ():
            if template.text == each or template.text.startswith(f"{each} "):
                return template, each, template.text[len(each) + 1 :]
        return template, None, template.text

    def _forget(self) -> None:
        self._line_cache.forget()
        self._contents.forget()
        self._outcomes.clear()


def _own_masks(system: SystemSettings) -> str:
    """The names and expressions of the system's own masks and of `keep`; empty where it has none."""
    kept = [f"keep {each}" for each in system.keep if each not in kept_names(system.keep)]
    return ", ".join([*(f"masks.{name} {pattern}" for name, pattern in system.masks.items()), *kept])


def _recalled(shape: CachedLine, line: str) -> Event:
    """The event of a line of a cached shape that is not bare."""
    if shape.measured:
        duration, others = read(line, shape.quantities)
        return Event(
            shape.id, shape.text, line[shape.key] if shape.key else None, line, (), True, None, duration, others
        )
    session, more = sessions([line[place] for place in shape.keys])
    stamp = texts(line, shape.stamp) if shape.stamp else None
    return Event(shape.id, shape.text, session, line, more, shape.matched, stamp, *read(line, shape.quantities))


def _without(text: str, keys: Sequence[str]) -> str:
    """The text with `<KEY>` for each session key as a word: the key's expression may need the header to match.

    A code stays one, though a key may have the same digits.
    """
    pieces = _CONSTANT_TOKENS.split(text)
    for key in keys:
        word = re.compile(rf"(?<!\w){re.escape(key)}(?!\w)")
        pieces[::2] = [word.sub("<KEY>", piece) for piece in pieces[::2]]
    return "".join(pieces)


_CONSTANT_TOKENS = re.compile(rf"((?<!\S){CONSTANT}\S*)")
