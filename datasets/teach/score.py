"""How good the recorded verdicts of a system are by themselves. Here, and only here, its labels are opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.teach.sheet import system_of
from fusionlog.data.systems import read_labels, read_sessions, session_windows
from fusionlog.evaluation.metrics import Confusion, confusion
from fusionlog.settings import IngestSettings
from fusionlog.teachers.base import unit_of
from fusionlog.teachers.recorded.recordings import By, RecordedAnswer, read_recordings, union

VERDICTS = "verdicts.jsonl"
"""The file of a system's recorded verdicts, in its directory."""


@dataclass(frozen=True)
class Asked:
    """A session's windows with what the recorded teacher says of each."""

    session: str
    answers: list[RecordedAnswer]


def ask(data: Path, name: str, verdicts: Path) -> list[Asked]:
    """Ask about every session, as a worker does: parsed, cut into windows, each event its first line, redacted."""
    recording = read_recordings([verdicts])[name]
    system, sessions = system_of(data, name), read_sessions(data, name)
    answers: dict[str, list[RecordedAnswer]] = {session.id: [] for session in sessions}
    for window in session_windows(name, system, sessions, IngestSettings()):
        events = unit_of(window, system).events
        answers[window.session].append(recording.answer([(event.text, event.count) for event in events]))
    return [Asked(session, said) for session, said in answers.items()]


def report(name: str, asked: Sequence[Asked], labels: Mapping[str, bool]) -> str:
    """Precision, recall and F1 on each half and on both, and how the windows were answered."""
    middle = len(asked) // 2
    halves = (("first", asked[:middle]), ("second", asked[middle:]), ("both", asked))
    answers = [answer for session in asked for answer in session.answers]
    by_session = sum(answer.by is By.session for answer in answers)
    unknown = sum(not event.known for answer in answers for event in answer.events)
    return "\n".join(
        [
            f"### {name}",
            "",
            "| half | sessions | anomalous | P | R | F1 | events only: P | R | F1 |",
            "|---|---|---|---|---|---|---|---|---|",
            *(_half(half, part, labels) for half, part in halves),
            "",
            f"{len(answers)} windows: {by_session} answered as a recorded session, {len(answers) - by_session} by their"
            f" events; {unknown} events were unknown.",
        ]
    )


def main(data: Path, name: str, verdicts: Path | None) -> str:
    """The report on a system's verdicts."""
    return report(name, ask(data, name, verdicts or data / name / VERDICTS), read_labels(data, name))


def _half(half: str, part: Sequence[Asked], labels: Mapping[str, bool]) -> str:
    own = {session.session: labels[session.session] for session in part}
    whole = {s.session for s in part if any(answer.whole.verdict == "anomalous" for answer in s.answers)}
    events = {s.session for s in part if any(union(answer.events).verdict == "anomalous" for answer in s.answers)}
    figures = f"{_figures(confusion(own, whole))} | {_figures(confusion(own, events))}"
    return f"| {half} | {len(own)} | {sum(own.values())} | {figures} |"


def _figures(found: Confusion) -> str:
    return f"{found.precision:.3f} | {found.recall:.3f} | {found.f1:.3f}"
