"""The protocol of an evaluation: a target's sessions are split by time into an adaptation half and a test half.

Nothing here holds a label of the target: `evaluation.truth` reads them once a method has finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fusionlog.data.systems import FORM, Session, read_catalog, read_sessions, session_windows
from fusionlog.errors import DataError
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.teachers.cost import Cost

FoldName = Literal["forward", "reverse"]


@dataclass(frozen=True, eq=False)
class Fold:
    """A target as a method sees it: the unlabelled windows of the adaptation half and of the test half, in order.

    One parser reads the adaptation half and then the test half, so that no template of the latter is known too early.
    """

    target: str
    name: FoldName
    system: SystemSettings
    sessions: tuple[list[str], list[str]]
    adapt: list[Window]
    test: list[Window]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A method's verdict on a session: the greatest score of its windows, whether one is anomalous, and their route.

    `proprietary` is set if one of its windows waited for the teacher's label. `shape` joins the shapes of its windows:
    sessions of one shape are one session in the de-duplicated figures.
    """

    session: str
    score: float
    anomalous: bool
    proprietary: bool
    shape: str


@dataclass(frozen=True)
class Query:
    """One query to the teacher: a session of the target, and whether the teacher labelled its window anomalous."""

    session: str
    anomalous: bool


@dataclass(frozen=True)
class Result:
    """The result of a method on a fold: outcomes of the test half, and `adapted`, those of the adaptation half."""

    outcomes: Sequence[Outcome]
    adapted: Sequence[Outcome]
    asked: Sequence[Query]
    cost: Cost
    seconds_train: float
    seconds_score: float
    tau: float | None = None
    similarities: Sequence[float] = ()


def read_fold(directory: Path, target: str, name: FoldName, ingest: IngestSettings) -> Fold:
    """A target's fold: forward adapts on the earlier half of its sessions, reverse on the later one.

    :raises DataError: the directory does not have the system, or too little of it to be halved.
    """
    catalog = read_catalog(directory)
    if target not in catalog:
        raise DataError(
            directory / "systems.yaml", f"no system {target!r} in it", f"known: {', '.join(sorted(catalog))}"
        )
    sessions = read_sessions(directory, target)
    if len(sessions) < 2:
        raise DataError(directory / target / "sessions.jsonl.gz", "fewer than two sessions in it", FORM)
    earlier, later = sessions[: len(sessions) // 2], sessions[len(sessions) // 2 :]
    return make_fold(target, name, catalog[target], (earlier, later), ingest)


def make_fold(
    target: str, name: FoldName, system: SystemSettings, halves: tuple[list[Session], list[Session]],
    ingest: IngestSettings,
) -> Fold:  # fmt: skip
    """The fold of two given halves, the earlier and the later sessions."""
    adapt, test = halves if name == "forward" else halves[::-1]
    windows = session_windows(target, system, [*adapt, *test], ingest)
    first = {session.id for session in adapt}
    return Fold(
        target=target,
        name=name,
        system=system,
        sessions=([session.id for session in adapt], [session.id for session in test]),
        adapt=[window for window in windows if window.session in first],
        test=[window for window in windows if window.session not in first],
    )


def outcomes(
    windows: Sequence[Window], scores: Sequence[float], anomalous: Sequence[bool], proprietary: Sequence[bool]
) -> list[Outcome]:
    """The outcomes of sessions from the verdicts on their windows, in order of each session's first window."""
    found: dict[str, Outcome] = {}
    for window, score, bad, asked in zip(windows, scores, anomalous, proprietary, strict=True):
        now = Outcome(window.session, score, bad, asked, window.shape)
        before = found.get(window.session)
        found[window.session] = now if before is None else _joined(before, now)
    return list(found.values())


def _joined(one: Outcome, other: Outcome) -> Outcome:
    return Outcome(
        session=one.session,
        score=max(one.score, other.score),
        anomalous=one.anomalous or other.anomalous,
        proprietary=one.proprietary or other.proprietary,
        shape=f"{one.shape}+{other.shape}",
    )
