"""The shapes that only the offline teacher has labelled are asked about when a language model is available.

Their labels decide from then on; anomalies that were reported stay as they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from fusionlog.kafka.batch_output import BatchOutput
from fusionlog.observability import metrics
from fusionlog.online.asking import Answered, Call, apply_answers
from fusionlog.online.query_queue import CandidatePool
from fusionlog.online.questions import Questions
from fusionlog.records import Window
from fusionlog.settings import Settings, SystemSettings
from fusionlog.teachers.base import Teacher, ask
from fusionlog.workers.knowledge_tables import KnowledgeTables

log = structlog.get_logger(__name__)

MAX_WAIT_SECONDS = 300.0


@dataclass
class _Shape:
    """A window of a shape, and the number of windows with it."""

    window: Window
    windows: int = 0


class OfflineShapes:
    """Asks about shapes, one call after the other, within the teacher's budget.

    :param turn: held during a call: a batch of windows that wait for labels comes between two of them.
    :param output: is used here alone.
    """

    def __init__(
        self, settings: Settings, tables: KnowledgeTables, teacher: Teacher, output: BatchOutput,
        questions: Callable[[str], Questions], turn: asyncio.Lock, sleep: Callable[[float], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._settings, self._tables, self._teacher, self._output = settings, tables, teacher, output
        self._questions, self._turn, self._sleep = questions, turn, sleep

    async def ask(self, windows: AsyncIterable[Window]) -> None:
        """Ask about the shapes of these windows that need it, those of most windows first.

        :raises BrokerError: Kafka does not answer.
        """
        waiting = sorted((await self._shapes(windows)).values(), key=lambda each: -each.windows)
        by_system: dict[str, list[Window]] = {}
        for each in waiting:
            by_system.setdefault(each.window.system, []).append(each.window)
        for system, found in by_system.items():
            log.info("shapes that only the offline teacher labelled are asked about", system=system, shapes=len(found))
            await self._ask(system, found)

    async def _shapes(self, windows: AsyncIterable[Window]) -> dict[tuple[str, str], _Shape]:
        found: dict[tuple[str, str], _Shape] = {}
        async for window in windows:
            key = window.system, window.shape
            if key in found or self._needs_label(window):
                found.setdefault(key, _Shape(window)).windows += window.provisional is None
        return found

    def _needs_label(self, window: Window) -> bool:
        """Whether only the offline teacher labelled the shape, and windows of it still go to the teacher."""
        knowledge = self._tables.of(window.system)
        if knowledge.offline_label_of(window.shape) is None or not knowledge.queries_teacher:
            return False
        route = knowledge.route(window).route
        return route is not None and route.kind == "proprietary"

    async def _ask(self, system: str, windows: Sequence[Window]) -> None:
        """Ask about windows of distinct shapes; about what cannot be answered now, again after a pause."""
        left = list(windows)
        while left := [window for window in left if self._needs_label(window)]:
            part, left = left[: self._settings.label.units_per_call], left[self._settings.label.units_per_call :]
            async with self._turn:
                answered = await self._call(system, part)
            await self._output.flush()
            if answered.retry_after is not None:
                left = [*self._unanswered(part, answered), *left]
                await self._sleep(min(max(answered.retry_after, self._settings.label.wait_seconds), MAX_WAIT_SECONDS))

    async def _call(self, system: str, windows: Sequence[Window]) -> Answered[None]:
        pool = CandidatePool[None](self._tables.of(system))
        for window in windows:
            pool.add(window, None)
        described = self._settings.systems.get(system) or SystemSettings()
        answers = await ask(self._teacher, windows, described, units=self._questions(system).units)
        answered = apply_answers(pool, Call(list(windows)), answers, self._teacher.name, time.time())
        for each in answered.labelled:
            metrics.LABELS.labels(system, each.label.teacher).inc()
            await self._output.send(self._settings.topics.labels, each.label)
        return answered

    def _unanswered(self, windows: Sequence[Window], answered: Answered[None]) -> Iterator[Window]:
        """The windows of a call that got no answer, and may get one later."""
        given_up = {window.id for each in answered.given_up for window, _ in each.waited}
        return (window for window in windows if window.id not in given_up)
