"""The questions on a system's sessions as the label worker sends them, in the order of the sessions, as JSON lines."""

from __future__ import annotations

from pathlib import Path

import msgspec

from datasets.teach.sheet import system_of
from fusionlog.data.systems import read_sessions, session_windows
from fusionlog.online.question_texts import Question, question_texts, questions_without_release
from fusionlog.settings import IngestSettings, LabelSettings


def session_questions(data: Path, name: str, label: LabelSettings) -> list[Question]:
    """The question on each session of a system; on each of its windows, where a session has several.

    The evidence in it is from the sessions before; no verdict is in it, for none was given yet.

    :raises DataError: there are no such data.
    """
    system = system_of(data, name)
    windows = session_windows(name, system, read_sessions(data, name), IngestSettings())
    return list(question_texts(windows, questions_without_release(name, system, label)))


def write_questions(questions: list[Question], out: Path) -> None:
    """Write questions, an object a line."""
    out.write_bytes(b"".join(msgspec.json.encode(question) + b"\n" for question in questions))
