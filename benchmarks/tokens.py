"""What evidence and neighbours cost a question: `python -m benchmarks.tokens [--data DIR] [--verdicts FILE…]`.

Every session is taken in order; the recorded teacher is asked once about each shape, by calls as the label worker makes
them, and its verdicts are the neighbours of later windows. A token is four characters, as in a recorded teacher's
account. `by window` and `by session` are how many units the recording answers as such: with and without, equally many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from benchmarks.report import BUNDLED
from fusionlog.data.systems import read_catalog, read_sessions, session_windows
from fusionlog.online.question_texts import questions_without_release
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, LabelSettings, SystemSettings
from fusionlog.teachers.base import Unit, Verdict, label_of
from fusionlog.teachers.llm import answers, prompts
from fusionlog.teachers.llm.batches import restored
from fusionlog.teachers.llm.dialect import Messages
from fusionlog.teachers.llm.reply import Reply
from fusionlog.teachers.recorded.chat import Chat, RecordedTeacher
from fusionlog.teachers.recorded.recordings import read_recordings

CHARS_A_TOKEN = 4
SETTINGS = {
    "lines alone": LabelSettings(evidence=False, neighbours=0),
    "with evidence": LabelSettings(neighbours=0),
    "with neighbours": LabelSettings(evidence=False),
    "with both": LabelSettings(),
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The questions about a system: units, prompt tokens, and the units that were answered as recorded windows and
    sessions."""

    system: str
    settings: str
    units: int
    tokens: int
    by_window: int
    by_session: int

    def __str__(self) -> str:
        return (
            f"{self.system:12} {self.settings:16} {self.units:6,} units {self.tokens / max(self.units, 1):7,.0f} "
            f"tokens a unit {self.by_window:6,} by window {self.by_session:6,} by session"
        )


def ask_about(
    name: str, system: SystemSettings, windows: Sequence[Window], label: LabelSettings, teacher: RecordedTeacher
) -> Iterator[Messages]:
    """The messages of the calls about a system's windows; the teacher's labels are learned after each."""
    questions = questions_without_release(name, system, label)
    waiting: dict[str, Window] = {}
    last = windows[-1]
    for window in windows:
        questions.observe([window])
        if questions.knowledge.label_of(window.shape) is None:
            waiting.setdefault(window.shape, window)
        if len(waiting) == label.units_per_call or (waiting and window is last):
            called = list(waiting.values())
            units = questions.units(called)
            messages = prompts.messages(prompts.numbered(units))
            yield messages
            for each, verdict in zip(called, _verdicts(messages, units, teacher), strict=True):
                questions.knowledge.learn(label_of(each, verdict, "llm:recorded", 0.0))
            waiting.clear()
            questions.clear()


def _verdicts(messages: Messages, units: Sequence[Unit], teacher: RecordedTeacher) -> Iterator[Verdict]:
    """The teacher's verdicts on the units of a call."""
    reply = Reply((teacher.reply(msgspec.convert({"messages": messages}, Chat)),))
    for unit, verdict in zip(units, answers.match(reply, prompts.numbered(units)), strict=True):
        outcome = restored(verdict, unit)
        assert isinstance(outcome, Verdict), outcome
        yield outcome


def measure(data: Path, name: str, system: SystemSettings, files: Sequence[Path]) -> Iterator[Asked]:
    """The tokens of the questions about a system under each of the settings."""
    windows = session_windows(name, system, read_sessions(data, name), IngestSettings())
    for title, label in SETTINGS.items():
        teacher = RecordedTeacher(read_recordings(files))
        chars = sum(len(each["content"]) for call in ask_about(name, system, windows, label, teacher) for each in call)
        stats = teacher.stats
        yield Asked(
            system=name, settings=title, units=stats.units, tokens=chars // CHARS_A_TOKEN,
            by_window=stats.units_by_window, by_session=stats.units_by_session,
        )  # fmt: skip


def main(
    data: Annotated[Path, typer.Option(help="a directory of systems")] = BUNDLED,
    verdicts: Annotated[
        list[Path] | None, typer.Option(help="recorded verdicts; default: those beside the data")
    ] = None,
    only: Annotated[str | None, typer.Option(help="one system alone")] = None,
    json: Annotated[Path | None, typer.Option(help="a file for the figures as JSON")] = None,
) -> None:
    """Print the tokens of a unit with and without evidence and neighbours."""
    files = verdicts or sorted(data.glob("*/verdicts.jsonl"))
    found = []
    for name, system in read_catalog(data).items():
        for each in measure(data, name, system, files) if only in (None, name) else ():
            found.append(each)
            print(each, flush=True)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")


if __name__ == "__main__":
    typer.run(main)
