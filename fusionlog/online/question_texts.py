"""The questions on windows as they are sent, word for word, without asking anybody: one window a question.

A label worker sends several windows in one call; each is the same there, but for the ids of its events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

import msgspec
import numpy as np
from msgspec import Struct

from fusionlog.online.knowledge import Knowledge
from fusionlog.online.questions import Questions
from fusionlog.records import PseudoLabel, Window
from fusionlog.settings import LabelSettings, SystemSettings
from fusionlog.teachers.base import Unit
from fusionlog.teachers.llm import prompts
from fusionlog.teachers.llm.dialect import Messages
from fusionlog.teachers.pseudonyms import hidden, named
from fusionlog.types import FloatArray


class Question(Struct, frozen=True):
    """The messages about one window. `sha256` is that of the messages as JSON."""

    session: str
    window: str
    shape: str
    sha256: str
    messages: Messages


class _NoEncoder:
    """No release is adopted, so no vector is needed."""

    name, dim = "none", 0

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        return np.empty((len(texts), 0), dtype=np.float32)


def questions_without_release(
    name: str, system: SystemSettings, label: LabelSettings, labels: Iterable[PseudoLabel] = ()
) -> Questions:
    """The questions of a label worker that starts on a system without a release of its own.

    :param labels: the labels that it has, for neighbours.
    """
    knowledge = Knowledge(name, _NoEncoder())
    for each in labels:
        knowledge.learn(each)
    return Questions(knowledge, system, label)


def question_texts(windows: Iterable[Window], questions: Questions) -> Iterator[Question]:
    """The question on each window as it comes, with the evidence of the windows before it."""
    for window, unit in arriving_units(windows, questions):
        yield question_on(window, unit, questions.settings.pseudonyms)


def arriving_units(windows: Iterable[Window], questions: Questions) -> Iterator[tuple[Window, Unit]]:
    """Each window as it comes with its unit, which has the evidence of the windows before it."""
    for window in windows:
        questions.observe([window])
        yield window, questions.units([window])[0]
        questions.clear()


def question_on(window: Window, unit: Unit, pseudonyms: bool) -> Question:
    """The question on a window, of which this is the unit: what a teacher sends of it in a call of its own."""
    shown, _, _ = hidden(prompts.numbered([named(unit, pseudonyms)]), (), pseudonyms)
    messages = prompts.messages(shown)
    digest = sha256(msgspec.json.encode(messages)).hexdigest()
    return Question(window.session, window.id, window.shape, digest, messages)
