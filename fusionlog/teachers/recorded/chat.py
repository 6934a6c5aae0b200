"""The recorded teacher: it answers a chat from recorded verdicts, as a chat model would.

The last user message is, or ends with, one JSON object or an array of them:
`{"system", "task": "label" | "explain", "events": [{"id", "text", "count"}, ...]}`. An object is answered by
`{"label", "confidence", "reason", "events": [{"id", "label", "confidence", "reason"}, ...]}`, an array by an array;
`explain` adds `root_cause` and `evidence`, the ids of the anomalous events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from fusionlog.errors import FusionLogError
from fusionlog.teachers.recorded.recordings import By, RecordedAnswer, RecordedVerdict, Recording

MODEL = "recorded"
"""The name of the model at such an endpoint; labels name their teacher `llm:recorded`."""

MAX_FAILURES = 1_000
"""Openings of a JSON value that turn out to be none, after which a message is read no further: each may cost its
length."""
_OPENING = re.compile(r"[{\[]")
_OPPOSITE = {"normal": "anomalous", "anomalous": "normal"}
_AFTER = " \t\r\n`"
"""What may stand behind the JSON value: blanks, and the end of a Markdown fence."""


class NotUnderstoodError(FusionLogError):
    """A recorded teacher cannot answer a request; the message is the reason."""


class RequestedEvent(Struct, frozen=True):
    """An event of a unit: a line or a template, and its number of lines. The default id is its index, from 0."""

    text: str = ""
    count: int = 1
    id: int | str | None = None


class RequestedUnit(Struct, frozen=True):
    """A unit to be labelled, its events in order of first occurrence."""

    system: str = ""
    task: str = "label"
    events: list[RequestedEvent] = []


class Message(Struct, frozen=True):
    """A message of a chat; its content is a text, or a list of parts."""

    role: str
    content: str | list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        """The content of the message as one text."""
        if isinstance(self.content, list):
            return "".join(str(part.get("text", "")) for part in self.content)
        return self.content or ""


class Chat(Struct, frozen=True):
    """The body of a request for a completion; other fields of it are ignored."""

    messages: list[Message]


def chat_of(body: bytes) -> Chat:
    """The chat in the body of a request.

    :raises NotUnderstoodError: it holds none.
    """
    try:
        return msgspec.json.decode(body, type=Chat)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotUnderstoodError(f"not a chat: {error}") from error


class Stats(Struct):
    """Counts of calls, units, events and tokens since the start. Tokens are a quarter of the characters."""

    calls: int = 0
    units: int = 0
    units_by_window: int = 0
    units_by_session: int = 0
    units_by_events: int = 0
    events: int = 0
    events_unknown: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    failed: int = 0
    garbled: int = 0
    flipped: int = 0
    refused: int = 0

    def add(self, other: Stats) -> None:
        """Add the counts of another teacher."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def ways(self) -> str:
        """How the units were answered, in percent."""
        ways = {"window": self.units_by_window, "session": self.units_by_session, "events": self.units_by_events}
        shares = (f"{100 * count / max(self.units, 1):.1f} % by {way}" for way, count in ways.items())
        return f"{self.units:,} units: {', '.join(shares)}"

    def count(self, answered: RecordedAnswer) -> None:
        """Count a unit by the kind of its answer."""
        self.units += 1
        self.units_by_window += answered.by is By.window
        self.units_by_session += answered.by is By.session
        self.units_by_events += answered.by is By.events
        self.events += len(answered.events)
        self.events_unknown += sum(not event.known for event in answered.events)


class RecordedTeacher:
    """Answers messages from the recordings of some systems; of another system every event is unknown."""

    def __init__(self, recordings: Mapping[str, Recording]) -> None:
        self.recordings = dict(recordings)
        self.stats = Stats()

    def reply(self, chat: Chat, flip: bool = False) -> str:
        """The content of the answer to a chat.

        :param flip: whether every unit's label is replaced by the other one.
        :raises NotUnderstoodError: its last user message holds no units.
        """
        requested = last_json(_prompt(chat))
        units = [_unit(value) for value in (requested if isinstance(requested, list) else [requested])]
        answers = [self._answer(unit, flip) for unit in units]
        return json.dumps(answers if isinstance(requested, list) else answers[0])

    def _answer(self, unit: RequestedUnit, flip: bool) -> dict[str, Any]:
        recording = self.recordings.get(unit.system) or Recording()
        answered = recording.answer([(event.text, event.count) for event in unit.events])
        self.stats.count(answered)
        ids = [place if event.id is None else event.id for place, event in enumerate(unit.events)]
        answer = _label_fields(answered.whole)
        if flip:
            answer["label"] = _OPPOSITE[answer["label"]]
        answer["events"] = [{"id": id, **_label_fields(each)} for id, each in zip(ids, answered.events, strict=True)]
        if unit.task == "explain":
            answer["root_cause"] = answer["reason"]
            answer["evidence"] = [event["id"] for event in answer["events"] if event["label"] == "anomalous"]
        return answer


def last_json(text: str) -> Any:
    """The JSON object or array that a text is or ends with.

    :raises NotUnderstoodError: there is none.
    """
    decoder, place, end, failures = json.JSONDecoder(), 0, len(text.rstrip(_AFTER)), 0
    while failures < MAX_FAILURES and (opening := _OPENING.search(text, place)):
        place = opening.start() + 1
        try:
            value, after = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            failures += 1
            continue
        if after >= end:
            return value
        place = after
    raise NotUnderstoodError("the last user message does not end with a JSON object or array")


def _prompt(chat: Chat) -> str:
    found = next((message for message in reversed(chat.messages) if message.role == "user"), None)
    if found is None:
        raise NotUnderstoodError("there is no message of the role user")
    return found.text


def _unit(value: Any) -> RequestedUnit:
    try:
        return msgspec.convert(value, RequestedUnit, strict=False)
    except (msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise NotUnderstoodError(f"not a unit: {error}") from error


def _label_fields(verdict: RecordedVerdict) -> dict[str, Any]:
    return {"label": verdict.verdict, "confidence": verdict.confidence, "reason": verdict.reason}
