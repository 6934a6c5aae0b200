"""The parser: a log line to its event, by JSON format, session key, header, masks and template."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from fusionlog.errors import SettingError
from fusionlog.parsing.code_fields import CodeFields, FieldCodes, keep_expression, kept_names
from fusionlog.parsing.components import Components
from fusionlog.parsing.headers import Fields, Header, texts
from fusionlog.parsing.joining import settled_lines
from fusionlog.parsing.line_cache import CachedLine, LineCache, LineParts
from fusionlog.parsing.masks import Masks
from fusionlog.parsing.quantities import NONE, places, read
from fusionlog.parsing.quantity_memo import QuantityMemo, Rule
from fusionlog.parsing.session_keys import KeyExpression, KeyMatch, canonical, distinct, trim, values, within
from fusionlog.parsing.templates import CONSTANT, WILDCARD, MatchedCluster, Mined, TemplateMiner, Unmined
from fusionlog.parsing.traces import condense, shorten
from fusionlog.records import Seconds, Template, template_id
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.bounded_cache import BoundedCache
from fusionlog.utils.expression_limit import SlowExpression, Watch
from fusionlog.utils.json_format import JsonFormat, Tree, value_at

EXAMPLE_CHARS = 500
"""A line is cut to this many characters where it stands as an example."""

MAX_CONTENT_CHARS = 8_000
"""What stands behind is not masked: the miner looks at a quarter of it at most."""

CACHED_OUTCOMES = 20_000


class Event(Struct, frozen=True, gc=False):
    """A parsed line: the id and text of its event, its session key (None: none in it), and the line.

    :param more: the other keys of the line, where `keys` is all.
    :param matched: False where the system has a header and the line has none.
    :param stamp: the text of the line's time, where its header has one that counts.
    :param duration: the longest duration that the line names, in seconds; 0 where it names none.
    :param quantities: its other magnitudes by name (see `quantities`).
    """

    template: str
    text: str
    session: str | None
    line: str
    more: tuple[str, ...] = ()
    matched: bool = True
    stamp: str | None = None
    duration: float = 0.0
    quantities: tuple[tuple[str, float], ...] = ()


class _KnownEvent(NamedTuple):
    id: str
    text: str
    example: str
    replaces: str | None
    constants: tuple[int, ...] = ()


class _Outcome(NamedTuple):
    """What all lines of a masked content and a component have in common, as long as the match stands."""

    standing: MatchedCluster | None
    event: _KnownEvent
    rule: Rule


class Parser:
    """Parses the lines of one system.

    :raises SettingError: a setting of the system cannot be used.
    :param shapes: whether lines that differ in digits and UUIDs alone are parsed once (see `line_cache`); the events
        are the same.
    :param watch: of the system's own expressions, which `expression_limit.limited` ends where they take too long.

    An event is a component and a template. The events of a template that is generalised are all replaced at once.
    """

    def __init__(
        self, name: str, system: SystemSettings, ingest: IngestSettings, shapes: bool = True, watch: Watch | None = None
    ) -> None:
        self.name, self.watch = name, watch or Watch()
        self.json_lines = JsonFormat(system.json_line, kept_names(system.keep))
        kept = [keep_expression(each) for each in system.keep]
        try:
            self._header, self._masks = Header(system), Masks(system.masks, kept)
            self._keys = KeyExpression(system.session)
        except SettingError as error:
            raise error.within(name) from error
        self._fields = CodeFields(system.keep, self._header)
        self._has_fields, self._is_json = bool(self._fields), bool(self.json_lines)
        self._quantities = QuantityMemo()
        self._keys_are_free = self._keys.is_free
        self._find, self._split_header, self._mask = self._keys.find, self._header.split, self._masks.mask_content
        if system.session:
            self._find = self.watch.guarded(f"session {system.session}", self._find)
        if system.header_regex:
            self._split_header = self.watch.guarded(f"header_regex {system.header_regex}", self._header.split)
        self._key_field, self._every_key = system.session_field, system.keys == "all"
        self._has_one_key = not self._key_field and not self._every_key
        self._line_cache = LineCache(self._header, system.session, kept, bool(system.masks), self._masks)
        self._line_cache.usable &= shapes
        self._put, mask_name = self._line_cache.put, self._masks.mask
        if own := _own_masks(system):
            self._mask, self._put, mask_name = (
                self.watch.guarded(own, self._mask), self.watch.guarded(own, self._put),
                self.watch.guarded(own, mask_name),
            )  # fmt: skip
        self._is_settled = settled_lines(system.multiline, self.matches, self.watch)
        self._miner = TemplateMiner(
            ingest.drain_similarity, ingest.drain_depth, ingest.max_tokens, ingest.max_templates,
            ingest.max_similar_templates, ingest.new_templates,
        )  # fmt: skip
        self._components = Components(mask_name)
        self._events: BoundedCache[str, dict[str | None, _KnownEvent]] = BoundedCache(ingest.max_templates)
        self._outcomes: dict[tuple[str | None, str], _Outcome] = {}
        self._found: deque[_KnownEvent] = deque(maxlen=ingest.max_templates)

    @property
    def templates(self) -> int:
        """The number of kept templates."""
        return len(self._miner)

    def take_unmined(self) -> Unmined:
        """The lines since the last call that got the catch-all event."""
        return self._miner.take_unmined()

    def parse(self, line: str, fields: Tree | None = None) -> Event:
        """The event of a line, line breaks included; a JSON line is first written as text by `json_lines`.

        :param fields: the fields of the line's envelope: `session_field` is looked for there first.
        """
        if self._is_json:
            line = self.json_lines.text(line, fields)
        return self.parse_text(line, fields)

    def parse_text(self, line: str, fields: Tree | None = None) -> Event:
        """The event of a line that is text already, as `Event.line` is."""
        outer = self._outer_keys(fields) if fields and self._key_field else ()
        shape = self._line_cache.get(line)
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
        outer = self._outer_keys(fields) if fields and self._key_field else ()
        places = self._own_places(line, header, self._find(line))
        session, more = _sessions(self._keys_of(line, header, outer, places))
        stamp = self._stamp(line, header)[1] if self._header.stamp_names else None
        return Event("", "", session, line, more, header.matched, stamp)

    def needed(self, fields: Tree) -> Tree:
        """The fields of an envelope that the event of a line, which is text already, may depend on."""
        if not self._header.by_place:
            return fields
        key = value_at(fields, self._key_field) if self._key_field else None
        return {} if self._key_field is None or key is None else {self._key_field: key}

    def recall(self, value: bytes) -> Event | None:
        """The event of a raw record by one look-up, where it is, byte for byte, a line of a cached shape.

        Such a line has the header, begins one whatever comes before it, and another one begins behind it. None: it must
        be read (`EnvelopeReader`), joined and parsed, with the same result.
        """
        shape = self._line_cache.of_record(value)
        if shape is None or shape.settled is False or not self._miner.still_matches(shape.standing):
            return None
        line = value.decode("ascii")
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
        matches = self._find(line)
        place = matches[0] if matches and self._has_one_key else None
        if place and line[place[2]].isalnum() and line[place[3] - 1].isalnum():  # most lines: nothing to trim
            key_places: tuple[slice, ...] = (slice(place[2], place[3]),)
            keys: tuple[str, ...] = (line[place[2] : place[3]],)
        else:
            key_places = self._own_places(line, header, matches) if matches or self._key_field else ()
            keys = self._keys_of(line, header, outer, key_places)
        component = self._component(line, header, matches, key_places) if header.component else None
        content, start, joined = header.content, header.start, "\n" in header.content
        if joined:
            content, start = condense(content), None
        if len(content) > MAX_CONTENT_CHARS:
            content = content[:MAX_CONTENT_CHARS]
        inside: Sequence[KeyMatch] = ()
        if matches and (start is None or matches[-1][0] >= start):
            inside = self._inside(matches, content, start)
        by_form = self._mask(content, inside)
        coded: FieldCodes | None = None
        if self._has_fields:
            coded = self._fields.of(header, content)
            by_form += coded.text
        left = [key for key in keys if key in by_form] if len(keys) > 1 or (keys and keys[0] in by_form) else None
        masked = _without(by_form, left) if left else by_form
        key = component, masked
        outcome = self._outcomes.get(key)
        if outcome is None or outcome.standing is None or not self._miner.still_matches(outcome.standing):
            outcome = self._outcome(key, line)
        standing, event, rule = outcome
        if start is None:
            duration, others = read(line, places(line, header.start or 0))
        elif left:
            duration, others = self._quantities.read(content, by_form, self._quantities.rule(by_form))
        else:
            duration, others = self._quantities.read(content, by_form, rule) if rule else NONE
        stamp, clock = self._stamp(line, header) if self._header.stamp_names else ((), None)
        if (
            self._line_cache.usable
            and self._line_cache.is_worth(line)
            and standing is not None
            and not left
            and not joined
            and self._line_cache.can_hold(by_form, component)
        ):
            extra = coded.places if coded else ()
            found = self._quantities.places(line, content, start, by_form) if start is not None else ()
            parts = LineParts(line, header, content, by_form, component, inside, extra)
            self._put(
                parts,
                CachedLine(standing, event.id, event.text, key_places, stamp, header.matched, quantities=found),
            )
        session, more = _sessions(keys) if keys else (None, ())
        return Event(event.id, event.text, session, line, more, header.matched, clock, duration, others)

    def _outcome(self, key: tuple[str | None, str], line: str) -> _Outcome:
        """The outcome of a line by mining its component and masked content; it is kept where that changed nothing."""
        component, masked = key
        standing = self._miner.match(masked)
        event = self._event(standing.mined if standing else self._miner.add(masked), component, line)
        outcome = _Outcome(standing, event, self._quantities.rule(masked))
        if standing is not None:  # which a long content never has
            if len(self._outcomes) >= CACHED_OUTCOMES:
                self._outcomes.clear()
            self._outcomes[key] = outcome
        return outcome

    def _event(self, mined: Mined, component: str | None, line: str) -> _KnownEvent:
        """The event of a template and a component; a new one has the line as its example."""
        if mined.replaces is not None:
            self._replace(mined.replaces, mined)
        events = self._events.get(mined.text)
        event = events.get(component) if events else None
        return self._add_template(component, mined, line, None) if event is None else event

    def _inside(self, matches: Sequence[KeyMatch], content: str, start: int | None) -> Sequence[KeyMatch]:
        """The matches of the session's expression in the content: where it is no part of the line, by a search."""
        if start is not None:
            return within(matches, start, start + len(content))
        return self._find(content) if self._keys_are_free else ()

    def _keys_of(self, line: str, header: Fields, outer: tuple[str, ...], places: tuple[slice, ...]) -> tuple[str, ...]:
        """The session keys of a line as they are written: of its envelope, of a decoded field, else of its text."""
        keys = outer or self._decoded_keys(header) if self._key_field else ()
        return keys or tuple([line[place] for place in places])

    def _stamp(self, line: str, header: Fields) -> tuple[tuple[slice, ...], str | None]:
        """The places of the line's time, and its text."""
        places = self._header.stamp(header)
        return places, texts(line, places) if places else self._header.stamp_value(header)

    def _in_sessions(self, shape: CachedLine, line: str, fields: Tree | None, keys: tuple[str, ...]) -> Event:
        """The event of a cached shape in the sessions of its envelope: its text has no key that the line may have."""
        if any(key in line for key in keys):
            return self._parse(line, fields, keys)
        session, more = _sessions(keys)
        return replace(_recalled(shape, line), session=session, more=more)

    def _outer_keys(self, fields: Tree) -> tuple[str, ...]:
        """The keys that the envelope's fields give, as they are written there."""
        return self._limit(values(value_at(fields, self._key_field or "")))

    def _own_places(self, line: str, header: Fields, matches: Sequence[KeyMatch]) -> tuple[slice, ...]:
        """The places of the keys in the line: of a field of its header, else of the session's expression."""
        field = header.place(self._key_field) if self._key_field else None
        if field is not None:
            key = trim(line, field.start, field.stop)
            return (key,) if key else ()
        places = []
        for _, _, start, stop in matches:
            key = trim(line, start, stop)
            if key and not self._every_key:
                return (key,)
            places += [key] if key else []
        return tuple(places)

    def _decoded_keys(self, header: Fields) -> tuple[str, ...]:
        """The keys that a decoded field of the line gives, as they are written there."""
        return self._limit(values(header.value(self._key_field or ""))) if header.values else ()

    def _limit(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        return keys if self._every_key else keys[:1]

    def _component(
        self, line: str, header: Fields, matches: Sequence[KeyMatch], places: tuple[slice, ...]
    ) -> str | None:
        """The component of a line: a session key within its name is masked, as in the content."""
        name, first = header.component or "", header.named
        last = first + len(name)
        if first >= 0 and matches and matches[0][2] < last:
            for _, _, start, stop in matches:
                if first <= start and stop <= last:
                    return self._components.of(f"{line[first:start]}<KEY>{line[stop:last]}")
        if self._key_field and any(first <= key.start and key.stop <= last for key in places):
            return self._components.of("<KEY>")
        return self._components.of(name)

    @property
    def has_times(self) -> bool:
        """Whether a line's header may have its time."""
        return bool(self._header.stamp_names)

    @property
    def matches(self) -> Callable[[str], bool] | None:
        """Whether a line has the header; None where the system has none."""
        return (lambda line: self._split_header(line).matched) if self._header.is_set else None

    def new_templates(self, now: Seconds) -> list[Template]:
        """The events found since the last call, with `now` as the time they were first seen."""
        found = [
            Template(
                system=self.name, id=event.id, text=event.text, example=event.example, first_seen=now,
                replaces=event.replaces, constants=list(event.constants),
            )
            for event in self._found
        ]  # fmt: skip
        self._found.clear()
        return found

    def restore(self, templates: Iterable[Template]) -> None:
        """Restore the state of an earlier parser of this system from its templates, in any order."""
        own = sorted((item for item in templates if item.system == self.name), key=lambda item: item.first_seen)
        replaced = {item.replaces for item in own}
        split = [(item, *self._parts(item)) for item in own]
        gone = {text for item, _, text in split if item.id in replaced}
        present = [(item, component, text) for item, component, text in split if text not in gone]
        self._miner.restore((text, _shifted(item.constants, component, -1)) for item, component, text in present)
        for item, component, text in present:
            known = _KnownEvent(item.id, item.text, item.example, item.replaces, tuple(item.constants))
            self._remember(component, text, known)

    def _add_template(self, component: str | None, mined: Mined, line: str, replaces: str | None) -> _KnownEvent:
        """Add a new event."""
        whole = " ".join(part for part in (component, mined.text) if part)
        constants = _shifted(mined.constants, component)
        event = _KnownEvent(template_id(whole), whole, example_of(line), replaces, constants)
        self._remember(component, mined.text, event)
        self._found.append(event)
        return event

    def _remember(self, component: str | None, text: str, event: _KnownEvent) -> None:
        events = self._events.get(text)
        if events is None:
            turns = self._events.turns
            self._events.put(text, {component: event})
            if self._events.turns != turns:  # an event that only shapes still know would be met as new
                self._line_cache.forget()
                self._outcomes.clear()
        else:
            events[component] = event

    def _replace(self, before: str, after: Mined) -> None:
        """Replace every event of a generalised template by one of its successor, with the same example."""
        present = self._events.get(after.text) or {}
        for component, event in (self._events.pop(before) or {}).items():
            if component not in present:
                self._add_template(component, after, event.example, event.id)

    def _parts(self, template: Template) -> tuple[str | None, str]:
        """An event's component and template; no component where an expression takes too long on its example."""
        try:
            return self._split(template)
        except SlowExpression:
            return None, template.text

    def _split(self, template: Template) -> tuple[str | None, str]:
        """An event's component and template; the header of its example tells whether it has a component."""
        line = template.example
        header = self._split_header(line)
        matches = self._find(line)
        places = self._own_places(line, header, matches)
        component = self._component(line, header, matches, places) if header.component else None
        for each in (component, WILDCARD) if component else ():
            if template.text == each or template.text.startswith(f"{each} "):
                return each, template.text[len(each) + 1 :]
        return None, template.text


def _own_masks(system: SystemSettings) -> str:
    """The names and expressions of the system's own masks and of `keep`; empty where it has none."""
    kept = [f"keep {each}" for each in system.keep if each not in kept_names(system.keep)]
    return ", ".join([*(f"masks.{name} {pattern}" for name, pattern in system.masks.items()), *kept])


def _shifted(constants: Sequence[int], component: str | None, sign: int = 1) -> tuple[int, ...]:
    """The places of a template's constants in its event, behind the component, or with -1 back."""
    offset = sign * len(component.split()) if component else 0
    return tuple([place + offset for place in constants]) if offset else tuple(constants)


def example_of(line: str) -> str:
    """A line, cut to the length of an example; of one of several lines the tail is kept as well."""
    if len(line) <= EXAMPLE_CHARS:
        return line
    return shorten(line, EXAMPLE_CHARS) if "\n" in line else line[:EXAMPLE_CHARS]


def _recalled(shape: CachedLine, line: str) -> Event:
    """The event of a line of a cached shape that is not bare."""
    if shape.measured:
        duration, others = read(line, shape.quantities)
        return Event(
            shape.id, shape.text, line[shape.key] if shape.key else None, line, (), True, None, duration, others
        )
    session, more = _sessions([line[place] for place in shape.keys])
    stamp = texts(line, shape.stamp) if shape.stamp else None
    return Event(shape.id, shape.text, session, line, more, shape.matched, stamp, *read(line, shape.quantities))


def _sessions(keys: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The first key and the others, each in its one spelling."""
    if len(keys) == 1:
        return canonical(keys[0]), ()
    first, *more = distinct(keys) or (None,)
    return first, tuple(each for each in more if each)


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
