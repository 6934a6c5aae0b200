"""How good the recorded verdicts of a system are by themselves. Here, and only here, its labels are opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.teach.questions import AskedUnit
from fusionlog.data.systems import read_labels, read_sessions
from fusionlog.evaluation.metrics import Confusion, confusion
from fusionlog.evaluation.teacher_choice import VERDICTS
from fusionlog.teachers.recorded.recordings import By, RecordedAnswer, recording_of, union


@dataclass(frozen=True)
class Asked:
    """A session's windows with the recorded teacher's answer on each."""

    session: str
    answers: list[RecordedAnswer]


def ask(name: str, asked: Sequence[AskedUnit], verdicts: Path) -> list[Asked]:
    """Ask about the sessions of these questions, with the texts that a worker sends; in the order of the questions."""
    recording = recording_of(name, verdicts)
    answers: dict[str, list[RecordedAnswer]] = {}
    for each in sorted(asked, key=lambda each: each.number):
        answers.setdefault(each.question.session, []).append(recording.answer(each.counts))
    return [Asked(session, found) for session, found in answers.items()]


def report(name: str, asked: Sequence[Asked], sessions: Sequence[str], labels: Mapping[str, bool]) -> str:
    """Precision, recall and F1 on each half of a system's sessions and on both, and how the windows were answered."""
    earlier = set(sessions[: len(sessions) // 2])
    first = [each for each in asked if each.session in earlier]
    second = [each for each in asked if each.session not in earlier]
    answers = [answer for session in asked for answer in session.answers]
    return "\n".join(
        [
            f"### {name}",
            "",
            "| half | sessions | anomalous | P | R | F1 | events only: P | R | F1 |",
            "|---|---|---|---|---|---|---|---|---|",
            *(_half(half, part, labels) for half, part in (("first", first), ("second", second), ("both", asked))),
            "",
            _ways(answers),
        ]
    )


def main(data: Path, name: str, asked: Sequence[AskedUnit], verdicts: Path | None) -> str:
    """The report on a system's verdicts."""
    sessions = [session.id for session in read_sessions(data, name)]
    return report(name, ask(name, asked, verdicts or data / name / VERDICTS), sessions, read_labels(data, name))


def _ways(answers: Sequence[RecordedAnswer]) -> str:
    ways = Counter(answer.by for answer in answers)
    taken_over = Counter(answer.taken_over for answer in answers if answer.taken_over)
    of_them = "".join(f" ({count} of them taken over from {name})" for name, count in taken_over.items())
    unknown = sum(not event.known for answer in answers for event in answer.events)
    return (
        f"{len(answers)} windows: {ways[By.window]} answered as recorded windows{of_them}, {ways[By.session]} as "
        f"recorded sessions, {ways[By.events]} by their events; {unknown} events were unknown."
    )


def _half(half: str, part: Sequence[Asked], labels: Mapping[str, bool]) -> str:
    own = {session.session: labels[session.session] for session in part}
    whole = {s.session for s in part if any(answer.whole.verdict == "anomalous" for answer in s.answers)}
    events = {s.session for s in part if any(union(answer.events).verdict == "anomalous" for answer in s.answers)}
    figures = f"{_figures(confusion(own, whole))} | {_figures(confusion(own, events))}"
    return f"| {half} | {len(own)} | {sum(own.values())} | {figures} |"


def _figures(found: Confusion) -> str:
    return f"{found.precision:.3f} | {found.recall:.3f} | {found.f1:.3f}"
