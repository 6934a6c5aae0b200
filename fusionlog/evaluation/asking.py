"""Asking a teacher on behalf of a method, and the book of what that cost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from fusionlog.distillation.sources import by_shape
from fusionlog.errors import SettingError, TeacherError
from fusionlog.evaluation.protocol import Asked
from fusionlog.labeling.teacher import Teacher, Verdict, ask, label_of
from fusionlog.online.verdict import is_anomalous
from fusionlog.records import PseudoLabel, Window
from fusionlog.settings import SystemSettings

if TYPE_CHECKING:
    from fusionlog.labeling.endpoint import Usage


@runtime_checkable
class Metered(Protocol):
    """A teacher that costs calls and tokens."""

    @property
    def usage(self) -> Usage:
        """What was spent since its start."""


@dataclass(frozen=True)
class Spent:
    """Calls and tokens that a teacher has cost; the offline one costs none."""

    calls: int = 0
    tokens: int = 0

    @classmethod
    def by(cls, teacher: Teacher) -> Spent:
        """What a teacher has cost since its start."""
        if not isinstance(teacher, Metered):
            return cls()
        usage = teacher.usage
        return cls(usage.calls, usage.prompt_tokens + usage.completion_tokens)

    def since(self, before: Spent) -> Spent:
        """What came on top of `before`."""
        return Spent(self.calls - before.calls, self.tokens - before.tokens)


@dataclass
class Asking:
    """A teacher that is asked about each shape of a system once, and what it said.

    :param teacher: None where the run has none, which is an error as soon as something is asked.
    """

    teacher: Teacher | None
    system: SystemSettings
    labels: dict[str, PseudoLabel] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    spent: Spent = Spent()
    units: int = 0

    @property
    def name(self) -> str:
        """The teacher's."""
        return self.teacher.name if self.teacher else ""

    async def ask(self, windows: Iterable[Window]) -> None:
        """Have the shapes of these windows in `labels`; one that the teacher cannot judge stays out.

        :raises TeacherError: it could judge none of several.
        """
        await self.answers([group[0] for group in by_shape(windows) if group[0].shape not in self.labels])

    async def answers(self, windows: Sequence[Window]) -> list[Verdict | TeacherError]:
        """The teacher's answers on windows of different shapes, in their order; `labels` has them afterwards.

        :raises TeacherError: it could judge none of several.
        """
        if self.teacher is None:
            raise SettingError("--llm-url", None, "the method asks a teacher, and there is none")
        before = Spent.by(self.teacher)
        said = await ask(self.teacher, windows, self.system)
        cost = Spent.by(self.teacher).since(before)
        self.spent = Spent(self.spent.calls + cost.calls, self.spent.tokens + cost.tokens)
        self.units += len(windows)
        failed = [verdict for verdict in said if isinstance(verdict, TeacherError)]
        if len(failed) > 1 and len(failed) == len(said):
            raise failed[0]
        for window, verdict in zip(windows, said, strict=True):
            if not isinstance(verdict, TeacherError):
                label = self.labels[window.shape] = label_of(window, verdict, self.teacher.name, time.time())
                self.asked.append(Asked(window.session, is_anomalous(label)))
        return said
