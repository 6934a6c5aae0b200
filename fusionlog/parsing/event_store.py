"""The events of a system: a component and a template each. Those of a template that is generalised are all replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from fusionlog.parsing.events import KnownEvent, example_of
from fusionlog.parsing.templates import Mined
from fusionlog.records import Seconds, Template, template_id
from fusionlog.utils.bounded_cache import BoundedCache

Split = tuple[Template, str | None, str]
"""A template of a system with its component and the text of its lines' template."""


class EventStore:
    """The events of one system, by template and component.

    :param most: templates kept. :param forget: called when events were dropped that caches still have.
    """

    def __init__(self, system: str, most: int, forget: Callable[[], None]) -> None:
        self._system, self._forget = system, forget
        self._events: BoundedCache[str, dict[str | None, KnownEvent]] = BoundedCache(most)
        self._found: deque[KnownEvent] = deque(maxlen=most)

    def of(self, mined: Mined, component: str | None, line: str) -> KnownEvent:
        """The event of a template and a component; a new one has the line as its example."""
        if mined.replaces is not None:
            self._replace(mined.replaces, mined)
        events = self._events.get(mined.text)
        event = events.get(component) if events else None
        return self._add(component, mined, line, None) if event is None else event

    def take_new(self, now: Seconds) -> list[Template]:
        """The events found since the last call, with `now` as the time they were first seen."""
        found = [
            Template(
                system=self._system, id=event.id, text=event.text, example=event.example, first_seen=now,
                replaces=event.replaces, constants=list(event.constants),
            )
            for event in self._found
        ]  # fmt: skip
        self._found.clear()
        return found

    def restore(self, templates: Iterable[Split]) -> list[tuple[str, Sequence[int]]]:
        """Add known events, in the order in which they were found.

        :return: the templates that no other one replaced, with the places of their constants, for the miner.
        """
        split = list(templates)
        replaced = {item.replaces for item, _, _ in split}
        gone = {text for item, _, text in split if item.id in replaced}
        present = [each for each in split if each[2] not in gone]
        for item, component, text in present:
            known = KnownEvent(item.id, item.text, item.example, item.replaces, tuple(item.constants))
            self._remember(component, text, known)
        return [(text, _shifted(item.constants, component, -1)) for item, component, text in present]

    def _add(self, component: str | None, mined: Mined, line: str, replaces: str | None) -> KnownEvent:
        whole = " ".join(part for part in (component, mined.text) if part)
        constants = _shifted(mined.constants, component)
        event = KnownEvent(template_id(whole), whole, example_of(line), replaces, constants)
        self._remember(component, mined.text, event)
        self._found.append(event)
        return event

    def _remember(self, component: str | None, text: str, event: KnownEvent) -> None:
        events = self._events.get(text)
        if events is None:
            turns = self._events.turns
            self._events.put(text, {component: event})
            if self._events.turns != turns:  # an event that only caches still know would be met as new
                self._forget()
        else:
            events[component] = event

    def _replace(self, before: str, after: Mined) -> None:
        """Replace every event of a generalised template by one of its successor, with the same example."""
        present = self._events.get(after.text) or {}
        for component, event in (self._events.pop(before) or {}).items():
            if component not in present:
                self._add(component, after, event.example, event.id)


def _shifted(constants: Sequence[int], component: str | None, sign: int = 1) -> tuple[int, ...]:
    """The places of a template's constants in its event, behind the component, or with -1 back."""
    offset = sign * len(component.split()) if component else 0
    return tuple([place + offset for place in constants]) if offset else tuple(constants)
