"""Incidents beside the injected causes, on recorded systems: `python -m benchmarks.incidents --json FILE`.

The anomalies are the verdicts of a recorded teacher on every window, or, with `--predictions`, those that
`fusionlog evaluate --predictions` wrote; of these the events have no probabilities. The causes, `causes.csv`, are
opened after the grouping, by the score alone. A session without an injected fault is a false alarm: its incident
counts, and homogeneity and completeness are those of the other sessions. Each system is grouped by the times as they
are and, as recorded time is compressed (datasets/README.md, Limits: faults of seconds, half a minute apart), by times
that are divided by each `--compressed`. A system without a clock has a synthetic one: give it 1 alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec.structs import replace
from sklearn.metrics import completeness_score, homogeneity_score

from benchmarks.report import BUNDLED
from datasets.teach.questions import AskedUnit, label_settings, system_of
from fusionlog.data.systems import read_sessions, session_windows
from fusionlog.data.timestamps import SYNTHETIC_STEP, line_time
from fusionlog.evaluation.matrix import Prediction
from fusionlog.evaluation.teacher_choice import VERDICTS
from fusionlog.incidents import Incident, group
from fusionlog.novelty.profile import SystemProfile
from fusionlog.online.question_texts import arriving_units, question_on, questions_without_release
from fusionlog.records import Anomaly, PseudoLabel, Window
from fusionlog.settings import IncidentSettings, IngestSettings
from fusionlog.teachers.base import EventVerdict, Unit, Verdict, label_of
from fusionlog.teachers.recorded.recordings import RecordedVerdict, Recording, recording_of
from fusionlog.teachers.unusual import unusual_by
from fusionlog.workers.anomaly_description import Describer
from fusionlog.workers.anomaly_record import by_teacher

SYSTEMS = ("postgresql", "kafka", "rabbitmq", "postfix")
COMPRESSED = (1.0, 60.0)
"""The times as they are; seconds of the recorded systems for minutes."""


@dataclass(frozen=True)
class Row:
    """The figures of a system: `faults` are injected causes that have an anomaly, `kinds` the incidents with one.

    `quiet` is the time in seconds after which an incident was resolved.
    """

    system: str
    quiet: float
    anomalies: int
    false_alarms: int
    incidents: int
    faults: int
    kinds: int
    homogeneity: float
    completeness: float

    def __str__(self) -> str:
        found = f"{self.system:12} {self.quiet:3.0f} s {self.anomalies:5} anomalies"
        if not self.faults:
            return f"{found} {self.incidents:4} incidents; no causes recorded"
        return (
            f"{found} ({self.false_alarms} false) {self.incidents:4} incidents ({self.kinds} on {self.faults} causes): "
            f"homogeneity {self.homogeneity:.3f}, completeness {self.completeness:.3f}"
        )


def timed_windows(data: Path, name: str) -> list[Window]:
    """The windows of a system's sessions, each with the times of its session, in the order of the sessions.

    Lines without a time have one `SYNTHETIC_STEP` after the other.
    """
    system, sessions = system_of(data, name), read_sessions(data, name)
    spans, now = {}, 0.0
    for session in sessions:
        stated = [time for line in (session.lines[0], session.lines[-1]) if (time := _time(line)) is not None]
        spans[session.id] = (min(stated), max(stated)) if stated else (now, now + SYNTHETIC_STEP * len(session.lines))
        now = spans[session.id][1]
    windows = session_windows(name, system, sessions, IngestSettings())
    return [replace(each, started=spans[each.session][0], ended=spans[each.session][1]) for each in windows]


def taught(data: Path, name: str, recording: Recording) -> Iterator[Anomaly]:
    """The anomalies by a recorded teacher, asked about each window, with what is unusual by the windows before."""
    label, profile, system = label_settings(), SystemProfile(), system_of(data, name)
    questions, describer = questions_without_release(name, system, label), Describer(system)
    for number, (window, unit) in enumerate(arriving_units(timed_windows(data, name), questions)):
        profile.update(window)
        asked = AskedUnit(number, question_on(window, unit, label.pseudonyms), unit)
        answer = recording.answer(asked.counts)
        if answer.whole.verdict == "anomalous":
            found = label_of(window, _verdict(unit, answer.whole, answer.events), "llm:recorded", window.ended)
            yield _described(by_teacher(window, found, window.ended), window, profile, describer)


def predicted(data: Path, name: str, found: Iterable[Prediction]) -> Iterator[Anomaly]:
    """The anomalies of predictions on sessions of a system; of a session in several folds the last one counts."""
    scores = {each.id: each for each in found if each.target == name}
    profile, describer = SystemProfile(), Describer(system_of(data, name))
    for window in timed_windows(data, name):
        profile.update(window)
        each = scores.get(window.session)
        if each is not None and each.anomalous:
            label = PseudoLabel(
                system=name, shape=window.shape, probability=each.score, confidence=each.score, reason="", events=[],
                teacher=each.method, window=window.id, labelled_at=window.ended,
            )  # fmt: skip
            yield _described(by_teacher(window, label, window.ended), window, profile, describer)


def read_predictions(path: Path, method: str) -> list[Prediction]:
    """The predictions of a method in a file of `fusionlog evaluate --predictions`."""
    lines = path.read_bytes().splitlines()
    return [each for each in (msgspec.json.decode(line, type=Prediction) for line in lines) if each.method == method]


def read_faults(data: Path, name: str) -> dict[str, str]:
    """The injected fault of each session that has one; of a system without `causes.csv` none."""
    path = data / name / "causes.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["id"]: row["cause"] for row in csv.DictReader(file) if row["kind"] == "fault"}


def row(
    name: str, anomalies: Sequence[Anomaly], times: IncidentSettings, faults: Mapping[str, str]
) -> tuple[Row, list[Incident]]:
    """The figures of the incidents of a system, and these. Here, and only here, its causes are read."""
    incidents = group(anomalies, times)
    incident_of = {anomaly: each.id for each in incidents for anomaly in each.anomaly_ids}
    pairs = [(faults[each.session], incident_of[each.id]) for each in anomalies if each.session in faults]
    causes, found = [cause for cause, _ in pairs], [incident for _, incident in pairs]
    found_row = Row(
        system=name,
        quiet=times.quiet_seconds,
        anomalies=len(anomalies),
        false_alarms=len(anomalies) - len(pairs),
        incidents=len(incidents),
        faults=len(set(causes)),
        kinds=len(set(found)),
        homogeneity=float(homogeneity_score(causes, found)),
        completeness=float(completeness_score(causes, found)),
    )
    return found_row, incidents


def compressed(times: IncidentSettings, factor: float) -> IncidentSettings:
    """The times of incidents for a recording that is so many times as fast."""
    return IncidentSettings(
        quiet_seconds=times.quiet_seconds / factor,
        reopen_seconds=times.reopen_seconds / factor,
        together_seconds=times.together_seconds / factor,
    )


def main(
    data: Annotated[Path, typer.Option(help="directory of the systems")] = BUNDLED,
    system: Annotated[list[str] | None, typer.Option(help="the systems; default: the bundled ones")] = None,
    verdicts: Annotated[Path | None, typer.Option(help="verdicts of one system; default: beside its sessions")] = None,
    predictions: Annotated[Path | None, typer.Option(help="a file of `fusionlog evaluate --predictions`")] = None,
    method: Annotated[str, typer.Option(help="the method of the predictions")] = "fusionlog+online",
    compressed_by: Annotated[
        list[float] | None, typer.Option("--compressed", help="how fast recorded time goes; default: 1 and 60")
    ] = None,
    titles: Annotated[bool, typer.Option(help="print the incidents")] = False,
    json: Annotated[Path | None, typer.Option(help="write the figures to this file")] = None,
) -> None:
    """Print the incidents of each system beside the injected causes."""
    given = None if predictions is None else read_predictions(predictions, method)
    rows = []
    for name in system or SYSTEMS:
        if given is None:
            found = list(taught(data, name, recording_of(name, verdicts or data / name / VERDICTS)))
        else:
            found = list(predicted(data, name, given))
        for factor in compressed_by or COMPRESSED:
            each_row, incidents = row(name, found, compressed(IncidentSettings(), factor), read_faults(data, name))
            rows.append(each_row)
            typer.echo(each_row)
            if titles:
                typer.echo("\n".join(f"  {each.severity:8} {each.anomalies:4} {each.title}" for each in incidents))
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")


def _described(anomaly: Anomaly, window: Window, profile: SystemProfile, describer: Describer) -> Anomaly:
    """An anomaly as the workers describe it."""
    return replace(describer.describe(anomaly, window, profile), unusual=unusual_by(window, profile))


def _time(line: str) -> float | None:
    """Unix seconds of a line; those of a syslog time, which names no year, are of a fixed one."""
    if not line[:3].isalpha():
        return line_time(line)
    try:
        return datetime.strptime(f"2026 {line[:15]}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _verdict(unit: Unit, whole: RecordedVerdict, events: Sequence[RecordedVerdict]) -> Verdict:
    each = [
        EventVerdict(event.id, _probability(found), found.reason)
        for event, found in zip(unit.events, events, strict=True)
    ]
    return Verdict(_probability(whole), whole.confidence, whole.reason, tuple(each))


def _probability(found: RecordedVerdict) -> float:
    return found.confidence if found.verdict == "anomalous" else 1 - found.confidence


if __name__ == "__main__":
    typer.run(main)
