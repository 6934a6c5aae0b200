"""The questions on a system's sessions as the label worker sends them, numbered from 0 in the order of the sessions."""

from __future__ import annotations

import random
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from fusionlog.data.systems import read_catalog, read_sessions, session_windows
from fusionlog.errors import DataError, SettingError
from fusionlog.online.question_texts import Question, arriving_units, question_on, questions_without_release
from fusionlog.settings import IngestSettings, LabelSettings, SystemSettings
from fusionlog.teachers.base import Unit
from fusionlog.teachers.recorded.chat import last_json


@dataclass(frozen=True)
class AskedUnit:
    """A question with its number, and the unit that a teacher is handed to ask it."""

    number: int
    question: Question
    unit: Unit

    @cached_property
    def sent(self) -> dict[str, Any]:
        """The unit as it is sent: the JSON object at the end of the question."""
        return dict(last_json(self.question.messages[-1]["content"])[0])

    @property
    def texts(self) -> dict[int, str]:
        """The texts of the events as they are sent, by id."""
        return {event["id"]: event["text"] for event in self.sent["events"]}

    @property
    def counts(self) -> list[tuple[str, int]]:
        """The texts of the events as they are sent, each with its number of lines."""
        return [(event["text"], event["count"]) for event in self.sent["events"]]


class _Numbered(msgspec.Struct):
    """A question or an answer, of which the number alone is read."""

    q: int


def system_of(data: Path, name: str) -> SystemSettings:
    """The settings of a system, as its operator writes them.

    :raises DataError: the catalogue has none of this name.
    """
    catalog = read_catalog(data)
    if name not in catalog:
        raise DataError(data / "systems.yaml", f"it has no system {name!r}", f"it has {', '.join(catalog)}")
    return catalog[name]


def label_settings(evidence: bool = True) -> LabelSettings:
    """The settings of a recording: no neighbours, for nothing was answered yet, and no pseudonyms."""
    return LabelSettings(evidence=evidence, neighbours=0, pseudonyms=False)


def asked_units(data: Path, name: str, evidence: bool = True) -> list[AskedUnit]:
    """The question on each session of a system; on each of its windows, where a session has several.

    The evidence in it is from the sessions before.

    :raises DataError: there are no such data.
    """
    system, label = system_of(data, name), label_settings(evidence)
    windows = session_windows(name, system, read_sessions(data, name), IngestSettings())
    found = arriving_units(windows, questions_without_release(name, system, label))
    return [
        AskedUnit(number, question_on(window, unit, label.pseudonyms), unit)
        for number, (window, unit) in enumerate(found)
    ]


def listed(asked: Sequence[AskedUnit], path: Path) -> list[AskedUnit]:
    """The questions whose numbers a file has, one a line: bare, or as `q` of a JSON object (questions, answers).

    :raises DataError: it cannot be read, or a line of it is no number of a question.
    """
    questions = {each.number: each for each in asked}
    return [questions[number] for number in sorted(set(_numbers(path, questions)))]


def _numbers(path: Path, known: Container[int]) -> Iterator[int]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}", "name a file of numbers") from error
    for place, line in enumerate(lines, 1):
        if line.strip():
            try:
                found = msgspec.json.decode(line, type=_Numbered | int)
            except msgspec.DecodeError as error:
                raise DataError(
                    path, f"line {place}: {error}", "a line is a number, or a JSON object with q"
                ) from error
            number = found if isinstance(found, int) else found.q
            if number not in known:
                raise DataError(path, f"line {place}: there is no question {number}", "name a file of this system")
            yield number


def shuffled(asked: Sequence[AskedUnit], sample: int | None, seed: int) -> list[AskedUnit]:
    """The first `sample` questions, or all, of an order drawn by the seed.

    :raises SettingError: there are not so many.
    """
    if sample is not None and not 1 <= sample <= len(asked):
        raise SettingError("--sample", sample, f"there are {len(asked)} questions; take a number from 1 to that")
    order = list(asked)
    random.Random(seed).shuffle(order)
    return order[:sample]
