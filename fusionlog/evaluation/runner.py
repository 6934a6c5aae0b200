"""Runs the tasks of an evaluation, with caches for the data, encodings and models that several tasks share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from fusionlog.data.sources import Source, event_probabilities, read_source
from fusionlog.distillation.base_model import known_events
from fusionlog.distillation.source_regressions import OfflineFit, fit_offline
from fusionlog.embedding.encoder import NamedEncode, VectorCache
from fusionlog.evaluation.code_version import fingerprint
from fusionlog.evaluation.figures import RowKey, curve, rows_of
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.evaluation.matrix import Done, SessionVerdict, Task, key_of
from fusionlog.evaluation.oracle import ORACLE, ROUTED, SMALL, TEACHER, oracle
from fusionlog.evaluation.teacher_choice import OFFLINE as OFFLINE_TEACHER
from fusionlog.evaluation.teacher_choice import VERDICTS, TeacherChoice, chosen_teacher, kind
from fusionlog.evaluation.truth import Truth, read_truth
from fusionlog.methods.ablations.random_router import ROUTERS, random_router
from fusionlog.methods.base import Method, MethodContext
from fusionlog.methods.protocol import Fold, Outcome, Result, read_fold
from fusionlog.methods.registry import METHODS, WITHOUT_LLM
from fusionlog.records import BankEvent
from fusionlog.settings import DistillSettings, Settings
from fusionlog.teachers.recorded.chat import Stats
from fusionlog.types import FloatArray
from fusionlog.utils.bounded_cache import BoundedCache

KEPT_FOLDS = 2
KEPT_RESULTS = 8


class CachedEncode:
    """An encoder with a cache: each text is encoded once.

    :param known: vectors of texts that are not encoded again.
    """

    def __init__(self, encode: NamedEncode, known: Mapping[str, FloatArray] | None = None) -> None:
        self.name, self.dim, self._encode = encode.name, encode.dim, encode
        self._known: dict[str, FloatArray] = dict(known or {})

    def __call__(self, texts: Sequence[str], /) -> FloatArray:
        """Texts to unit vectors `[texts, dim]`."""
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            self._known.update(zip(new, self._encode(new), strict=True))
        return np.stack([self._known[text] for text in texts]) if texts else np.zeros((0, self.dim), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class SourceEvents:
    """A source, and its events with the anomaly probabilities that follow from its labels."""

    source: Source
    known: list[BankEvent]


class Runner:
    """Runs tasks, one at a time.

    :param offline: use the offline labeller as the teacher of every task.
    :param verdicts: the name of the file of recorded verdicts in a system's directory.
    """

    def __init__(
        self, settings: Settings, encode: NamedEncode, offline: bool = False, verdicts: str = VERDICTS
    ) -> None:
        self.settings, self._encode, self._offline, self._verdicts = settings, CachedEncode(encode), offline, verdicts
        self.recorded = Stats()
        """The counts of the recorded teachers so far."""
        self._cache, self._fits = VectorCache(self._encode), LocalTrainer(settings.distill)
        self._sources: dict[tuple[Path, str], SourceEvents] = {}
        self._regressions: dict[tuple[Path, tuple[str, ...]], OfflineFit] = {}
        self._folds: BoundedCache[tuple[Path, str, str], Fold] = BoundedCache(KEPT_FOLDS)
        self._results: BoundedCache[Task, Result] = BoundedCache(KEPT_RESULTS)

    def key(self, task: Task) -> str:
        """The key of a task's outcome under this runner's settings and teacher (see `matrix.key_of`)."""
        return key_of(task, self.settings, self._teacher(task), self._verdicts)

    async def do(self, task: Task) -> Done:
        """Run a task; the target's labels are read after the method has finished (the oracle router excepted).

        :raises FusionLogError: the data, or the teacher, cannot be used.
        """
        fold = self._fold(task)
        if task.method == ORACLE:
            truth = read_truth(task.data, fold)
            result = await self._oracle(task, truth)
        else:
            result = await self._result(task)
            truth = read_truth(task.data, fold)
        teacher = self._teacher(task) if result.cost.units else None
        return Done(
            key=self.key(task), task=task,
            rows=rows_of(result, truth, RowKey.of(fold, task.method, task.seed, teacher)),
            verdicts=_session_verdicts(fold, result.outcomes),
            curve=curve(result.outcomes, truth.test),
            similarities=sorted(Counter(round(value, 2) for value in result.similarities).items()),
            tau=result.tau, code=fingerprint(),
        )  # fmt: skip

    def _teacher(self, task: Task) -> str:
        return kind(self.settings, task.data, task.target, self._teacher_not_needed(task), self._verdicts)

    def _teacher_not_needed(self, task: Task) -> bool:
        """Whether the task's teacher is the offline labeller in any case."""
        return self._offline or task.method in WITHOUT_LLM

    async def _oracle(self, task: Task, truth: Truth) -> Result:
        needed = [msgspec.structs.replace(task, method=name) for name in (SMALL, TEACHER, ROUTED)]
        small, teacher, routed = [await self._result(each) for each in needed]
        return oracle(small, teacher, routed, truth)

    async def _result(self, task: Task) -> Result:
        found = self._results.get(task)
        if found is None:
            method = await self._method(task)
            async with chosen_teacher(
                self.settings, task.data, task.target, self._teacher_not_needed(task), task.sources, self._verdicts
            ) as each:
                found = await self._run(method, task, each)
            self.recorded.add(each.stats or Stats())
            self._results.put(task, found)
        return found

    async def _method(self, task: Task) -> Method:
        """The method of a task; a random router has the number of queries of the router it is compared with."""
        if task.method not in ROUTERS:
            return METHODS[task.method]
        routed = await self._result(msgspec.structs.replace(task, method=ROUTED))
        return partial(random_router, draw=ROUTERS[task.method](routed))

    async def _run(self, method: Method, task: Task, choice: TeacherChoice) -> Result:
        known = [event for name in task.sources for event in self._source(task.data, name).known]
        regressions = partial(self._offline_fit, task)
        regression = regressions().labeller if choice.name == OFFLINE_TEACHER else None
        teacher, distill = choice.teacher(known, self._encode, regression), seeded(self.settings.distill, task.seed)
        context = MethodContext(
            settings=choice.settings.model_copy(update={"distill": distill}),
            sources=[self._source(task.data, name).source for name in task.sources],
            encode=self._encode,
            cache=self._cache,
            trainer=(fits := self._fits.with_settings(distill).uncounted()),
            teacher=teacher,
            offline_fit=regressions,
        )
        try:
            result = await method(self._fold(task), context)
        finally:
            await teacher.close()
        return replace(result, seconds_train=result.seconds_train + fits.saved.seconds)

    def _fold(self, task: Task) -> Fold:
        key = (task.data, task.target, task.fold)
        fold = self._folds.get(key)
        if fold is None:
            fold = read_fold(task.data, task.target, task.fold, self.settings.ingest)
            self._folds.put(key, fold)
        return fold

    def _offline_fit(self, task: Task) -> OfflineFit:
        """The regressions on novelty features, fitted on the sources of a task."""
        key = (task.data, task.sources)
        if key not in self._regressions:
            sources = [self._source(task.data, name).source for name in task.sources]
            self._regressions[key] = fit_offline(sources, self._encode)
        return self._regressions[key]

    def _source(self, directory: Path, name: str) -> SourceEvents:
        if (directory, name) not in self._sources:
            source = read_source(directory, name, self.settings.ingest)
            self._sources[directory, name] = SourceEvents(source, known_events(source, event_probabilities(source)))
        return self._sources[directory, name]


def seeded(settings: DistillSettings, seed: int) -> DistillSettings:
    """The settings with another seed."""
    return settings.model_copy(update={"seed": seed})


def _session_verdicts(fold: Fold, outcomes: Sequence[Outcome]) -> list[SessionVerdict]:
    """The verdict on each session of the test half, in order; a session without a window is normal."""
    found = {outcome.session: outcome for outcome in outcomes}
    none = Outcome("", 0.0, anomalous=False, proprietary=False, shape="")
    verdicts = [(session, found.get(session, none)) for session in fold.sessions[1]]
    return [
        (session, round(float(one.score), 5), bool(one.anomalous), bool(one.proprietary)) for session, one in verdicts
    ]
