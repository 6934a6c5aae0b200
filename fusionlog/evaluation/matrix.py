"""The matrix of an evaluation: a task for each target, fold, seed and method, and the outcome of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import msgspec

from fusionlog.data.systems import FORM, read_catalog
from fusionlog.errors import DataError, SettingError
from fusionlog.evaluation.code_version import fingerprint
from fusionlog.evaluation.oracle import ORACLE
from fusionlog.evaluation.rows import Row
from fusionlog.evaluation.teacher_choice import VERDICTS
from fusionlog.methods.ablations.random_router import ROUTERS
from fusionlog.methods.protocol import FoldName
from fusionlog.methods.registry import METHODS
from fusionlog.settings import Settings
from fusionlog.types import RouteKind

DEFAULT = "fusionlog+online"


class FoldChoice(StrEnum):
    """The adaptation half: `forward` the earlier, `reverse` the later, or `both` in turn."""

    forward = "forward"
    reverse = "reverse"
    both = "both"


SessionVerdict = tuple[str, float, bool, bool]
"""A session, its score, whether it was called anomalous, and whether it waited for the teacher's label."""
FOLDS: tuple[FoldName, ...] = ("forward", "reverse")
NAMES = (*METHODS, *ROUTERS, ORACLE)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One run: a method on a fold of a target, with a seed and labelled sources."""

    data: Path
    target: str
    sources: tuple[str, ...]
    method: str
    fold: FoldName
    seed: int


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a session of the test half."""

    target: str
    method: str
    fold: FoldName
    seed: int
    id: str
    score: float
    anomalous: bool
    route: RouteKind


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a task.

    `rows` are its figures and `verdicts` those on the test half. The report draws `curve`, points (recall, precision),
    `similarities`, pairs of a value of S and its number of windows of the test half, and `tau`. `code` is the
    fingerprint of the code that ran the task.
    """

    key: str
    task: Task
    rows: list[Row]
    verdicts: list[SessionVerdict]
    curve: list[tuple[float, float]]
    similarities: list[tuple[float, int]] = []
    tau: float | None = None
    code: str = ""

    def predictions(self) -> Iterator[Prediction]:
        """The verdict on each session of the test half, in order."""
        task = self.task
        for session, score, anomalous, proprietary in self.verdicts:
            yield Prediction(
                target=task.target, method=task.method, fold=task.fold, seed=task.seed, id=session, score=score,
                anomalous=anomalous, route="proprietary" if proprietary else "general",
            )  # fmt: skip


def make_tasks(
    data: Path,
    targets: Sequence[str] = (),
    sources: Sequence[str] = (),
    methods: Sequence[str] = (),
    fold: FoldChoice = FoldChoice.both,
    seeds: int = 1,
) -> list[Task]:
    """All runs. Without `targets` each system of the directory is one; without `sources` all other systems are.

    :raises DataError: the directory has no catalogue, or no source for a target.
    :raises SettingError: a system or a method is not known, or a target is named as a source as well.
    """
    systems = list(read_catalog(data))
    for option, system in [*(("--target", each) for each in targets), *(("--source", each) for each in sources)]:
        if system not in systems:
            raise SettingError(option, system, f"{data / 'systems.yaml'} has {', '.join(systems)}")
    names = list(dict.fromkeys(methods or (DEFAULT,)))
    for method in names:
        if method not in NAMES:
            raise SettingError("--method", method, f"known: {', '.join(NAMES)}")
    for system in set(targets) & set(sources):
        raise SettingError("--source", system, "it is a target; a target's labels are never learned from")
    folds = [name for name in FOLDS if fold in (name, FoldChoice.both)]
    return [
        Task(
            data=data.absolute(), target=target, sources=_others(data, target, sources or systems), method=method,
            fold=name, seed=seed,
        )
        for target in targets or systems for name in folds for seed in range(seeds) for method in names
    ]  # fmt: skip


def key_of(task: Task, settings: Settings, teacher: str, verdicts: str = VERDICTS) -> str:
    """A hash of everything that a task's outcome depends on: data, recorded verdicts, settings, teacher, seed, code."""
    digest = blake2b(digest_size=16)
    dumped = settings.model_dump_json(
        include={"ingest", "score", "second_opinion", "label", "distill", "alpha", "encoder", "encoder_model"}
    )
    for part in (task.target, *task.sources, task.method, task.fold, str(task.seed), teacher, dumped, fingerprint()):
        digest.update(part.encode() + b"\0")
    for system in (task.target, *task.sources):
        for name in ("sessions.jsonl.gz", "labels.csv", verdicts):
            digest.update(_content(task.data / system / name))
    digest.update(_content(task.data / "systems.yaml"))
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    """A hash of a file; of a missing one a constant."""
    if not path.is_file():
        return b"\0"
    stat = path.stat()
    return _hashed(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _hashed(path: Path, changed: int, size: int) -> bytes:
    return blake2b(path.read_bytes(), digest_size=16).digest()


def _others(data: Path, target: str, sources: Sequence[str]) -> tuple[str, ...]:
    others = tuple(source for source in dict.fromkeys(sources) if source != target)
    if not others:
        raise DataError(data, f"no labelled system beside {target} to learn from", FORM)
    return others
