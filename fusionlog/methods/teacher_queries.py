"""Teacher queries of a method: one per window shape, with their cost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from fusionlog.data.sources import by_shape
from fusionlog.errors import SettingError, TeacherError
from fusionlog.methods.protocol import Query
from fusionlog.online.verdict import is_anomalous
from fusionlog.records import PseudoLabel, Window
from fusionlog.settings import SystemSettings
from fusionlog.teachers.base import Teacher, Units, Verdict, ask, label_of
from fusionlog.teachers.cost import FREE, Cost


@runtime_checkable
class HasUsage(Protocol):
    """A teacher that counts its calls and tokens."""

    @property
    def cost(self) -> Cost:
        """The cost since the teacher was made."""


def cost_of(teacher: Teacher) -> Cost:
    """The cost of a teacher since it was made; a teacher without a language model costs nothing."""
    return teacher.cost if isinstance(teacher, HasUsage) else FREE


@dataclass
class DeduplicatedTeacher:
    """A teacher that labels each shape of a system once, with its labels, queries and cost.

    :param teacher: None where the run has none; the first query is then an error.
    """

    teacher: Teacher | None
    system: SystemSettings
    labels: dict[str, PseudoLabel] = field(default_factory=dict)
    asked: list[Query] = field(default_factory=list)
    cost: Cost = FREE

    @property
    def name(self) -> str:
        """The teacher's name; empty without one."""
        return self.teacher.name if self.teacher else ""

    async def ask(self, windows: Iterable[Window]) -> None:
        """Query the shapes of these windows that `labels` lacks; a shape that the teacher cannot label stays out.

        :raises TeacherError: the teacher could label none of several.
        """
        await self.answers([group[0] for group in by_shape(windows) if group[0].shape not in self.labels])

    async def answers(
        self, windows: Sequence[Window], again: Sequence[Window] = (), units: Units | None = None
    ) -> list[Verdict | TeacherError]:
        """The teacher's answers on windows of distinct shapes, in their order; `labels` has them afterwards.

        :param again: those of them whose answer so far does not count.
        :param units: makes the units that are sent; default: without evidence.
        :raises SettingError: the run has no teacher. :raises TeacherError: it could label none of several.
        """
        if self.teacher is None:
            raise SettingError("--llm-url", None, "the method asks a teacher, and there is none")
        before = cost_of(self.teacher)
        answers = await ask(self.teacher, windows, self.system, again, units)
        self.cost += cost_of(self.teacher) - before + Cost(units=len(windows))
        failed = [verdict for verdict in answers if isinstance(verdict, TeacherError)]
        if len(failed) > 1 and len(failed) == len(answers):
            raise failed[0]
        for window, verdict in zip(windows, answers, strict=True):
            if not isinstance(verdict, TeacherError):
                label = self.labels[window.shape] = label_of(window, verdict, self.teacher.name, time.time())
                self.asked.append(Query(window.session, is_anomalous(label)))
        return answers
