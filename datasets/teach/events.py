"""The distinct events of a system's lines, told apart as a recording of verdicts tells them apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fusionlog.teachers.recorded.constant_words import Words, shown, template, words

EXAMPLES = 3
_NUMBER = re.compile(r"\d+")


@dataclass
class Event:
    """A kind of line. `examples` are as a teacher would be shown them and differ by more than numbers."""

    key: str
    template: str
    lines: int = 0
    sessions: int = 0
    examples: list[str] = field(default_factory=list)
    forms: set[str] = field(default_factory=set)

    def show(self, text: str) -> None:
        """Keep a line as an example while few are."""
        form = _NUMBER.sub("0", text)
        if len(self.examples) < EXAMPLES and form not in self.forms:
            self.forms.add(form)
            self.examples.append(text)


class Events:
    """Events in order of first occurrence: `E1`, `E2`, ..."""

    def __init__(self) -> None:
        self._by_words: dict[Words, Event] = {}
        self._by_text: dict[str, Event] = {}

    def __iter__(self) -> Iterator[Event]:
        return iter(self._by_words.values())

    def __len__(self) -> int:
        return len(self._by_words)

    def of_session(self, lines: Iterable[str]) -> dict[str, int]:
        """The keys of a session's events in order of first occurrence, with the number of lines of each."""
        counts: dict[str, int] = {}
        for line in lines:
            event = self._of(line)
            event.lines += 1
            event.sessions += event.key not in counts
            counts[event.key] = counts.get(event.key, 0) + 1
        return counts

    def key(self, text: str) -> str:
        """The key of a line that was met before, as it is shown."""
        return self._of(text).key

    def _of(self, line: str) -> Event:
        text = shown(line)
        event = self._by_text.get(text)
        if event is None:
            named = words(text)
            event = self._by_words.get(named)
            if event is None:
                event = self._by_words[named] = Event(f"E{len(self._by_words) + 1}", template(text))
            event.show(text)
            self._by_text[text] = event
        return event
