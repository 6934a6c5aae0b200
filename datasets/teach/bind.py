"""Joins answers with the questions they were given on into a file of recorded verdicts.

Every answer is a row of its window. For windows that were never asked about the file has the kinds of events as well,
each with the mean of its verdicts in all answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from datasets.teach.answers import LEAST_HASH, GivenAnswer
from datasets.teach.questions import AskedUnit
from fusionlog.decision import THRESHOLD
from fusionlog.teachers.base import clip
from fusionlog.teachers.llm.answers import Label, probability
from fusionlog.teachers.recorded.constant_words import Words, template, words
from fusionlog.teachers.recorded.recordings import NORMAL_EVENT, RecordedEvent, RecordedWindow, Recording, Row
from fusionlog.teachers.recorded.window_index import text_hash, to_field

REASON_CHARS = 120

Pair = tuple[AskedUnit, GivenAnswer]


@dataclass(frozen=True)
class OldRecording:
    """An older recording, from which verdicts are taken over, and its name."""

    name: str
    recording: Recording


@dataclass
class EventKind:
    """The lines with the same constant words: one of them, and the verdicts on them in all answers."""

    text: str
    probabilities: list[float] = field(default_factory=list)
    worst: tuple[float, str] = (0.0, "")

    def add(self, value: float, reason: str) -> None:
        """Add the probability that such an event indicates an anomaly."""
        self.probabilities.append(value)
        self.worst = max(self.worst, (value, reason))

    def row(self, system: str, key: str) -> RecordedEvent:
        """The row of this kind."""
        mean = sum(self.probabilities) / len(self.probabilities)
        verdict: Label = "anomalous" if mean >= THRESHOLD else "normal"
        return RecordedEvent(
            system=system, key=key, text=template(self.text), examples=[self.text], verdict=verdict,
            confidence=round(max(mean, 1 - mean), 3), reason=self.worst[1] if verdict == "anomalous" else "",
        )  # fmt: skip


def bind(
    system: str, pairs: Sequence[Pair], others: Iterable[AskedUnit] = (), old: OldRecording | None = None
) -> list[Row]:
    """The rows of a recording.

    :param others: questions that were not asked; they keep the verdict of the old recording, marked by its name.
    """
    events = [kind.row(system, f"E{number}") for number, kind in enumerate(_kinds(pairs), 1)]
    windows = [_window(system, each, answer) for each, answer in pairs]
    if old is None:
        return [*events, *windows]
    kept = _unknown_to(events, old.recording)
    return [*events, *kept, *windows, *(_taken_over(system, each, old) for each in others)]


def write_rows(rows: Iterable[Row], out: Path) -> None:
    """Write a recording, an object a line."""
    out.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def _kinds(pairs: Iterable[Pair]) -> list[EventKind]:
    kinds: dict[Words, EventKind] = {}
    for each, answer in pairs:
        reason = clip(answer.reason, REASON_CHARS)
        for id, text in each.texts.items():
            anomalous = answer.events.get(id)
            value = 1 - NORMAL_EVENT if anomalous is None else probability("anomalous", anomalous)
            kinds.setdefault(words(text), EventKind(text)).add(value, reason)
    return list(kinds.values())


def _unknown_to(events: Iterable[RecordedEvent], old: Recording) -> Iterator[RecordedEvent]:
    """The old recording's events that are near none of these."""
    new = Recording()
    for event in events:
        new.add(event)
    for event in old.events.values():
        if all(new.find(text) is None for text in (*event.examples, event.text)):
            yield msgspec.structs.replace(event, key=f"old-{event.key}")


def _window(system: str, each: AskedUnit, answer: GivenAnswer) -> RecordedWindow:
    anomalous = [(each.texts[id], confidence) for id, confidence in answer.events.items()]
    return _row(system, each, anomalous, answer.label, answer.confidence, answer.reason)


def _taken_over(system: str, each: AskedUnit, old: OldRecording) -> RecordedWindow:
    found = old.recording.answer(each.counts)
    anomalous = [
        (text, verdict.confidence)
        for (text, _), verdict in zip(each.counts, found.events, strict=True)
        if verdict.verdict == "anomalous"
    ]
    row = _row(system, each, anomalous, found.whole.verdict, found.whole.confidence, found.whole.reason)
    return msgspec.structs.replace(row, source=old.name)


def _row(
    system: str, each: AskedUnit, anomalous: Iterable[tuple[str, float]], label: Label, confidence: float, reason: str
) -> RecordedWindow:
    texts: dict[str, int] = {}
    for text, count in each.counts:
        texts[text_hash(text)] = texts.get(text_hash(text), 0) + count
    worst: dict[str, float] = {}
    for text, value in anomalous:
        worst[text_hash(text)] = max(value, worst.get(text_hash(text), 0.0))
    return RecordedWindow(
        system=system, sha256=each.question.sha256[:LEAST_HASH], texts=to_field(texts), anomalous=worst,
        verdict=label, confidence=confidence, reason=clip(reason, REASON_CHARS),
    )  # fmt: skip
