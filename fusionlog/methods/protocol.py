"""The protocol of an evaluation: a target's sessions in two halves by time, one to adapt on, one to report on.

No label of the target is in anything here: they are read by whoever scores, afterwards.
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
    """A target as a method sees it: unlabelled windows to adapt on, then windows to give verdicts on, both in order.

    One parser reads the adaptation half and then the test half, so that it sees nothing of the latter before its time.
    """

    target: str
    name: FoldName
    system: SystemSettings
    sessions: tuple[list[str], list[str]]
    adapt: list[Window]
    test: list[Window]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method said of a session: the greatest score of its windows, and where those were routed.

    `proprietary` is set where a window of it was asked of the teacher while it waited for its verdict. `shape` joins
    the shapes of its windows: sessions of one shape are one session in the de-duplicated figures.
    """

    session: str
    score: float
    anomalous: bool
    proprietary: bool
    shape: str


@dataclass(frozen=True)
class Query:
    """A unit that a teacher was asked about: a session of the target, and what the teacher said of it."""

    session: str
    anomalous: bool


@dataclass(frozen=True)
class Result:
    """All that a method leaves behind. `adapted` are its verdicts on the half that it adapted on: transductive."""

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
    """A fold of sessions that were halved already: the earlier and the later ones."""
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
    """Verdicts on windows as verdicts on their sessions, in order of first windows."""
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
