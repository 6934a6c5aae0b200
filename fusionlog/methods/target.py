"""The target system during a run: the state that the workers keep of it, and its teacher with a call budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from fusionlog import releases
from fusionlog.errors import SettingError
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold
from fusionlog.methods.teacher_queries import DeduplicatedTeacher
from fusionlog.online.asking import Answered, Call, apply_answers, asked_again
from fusionlog.online.decisions import SystemState
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.query_queue import CandidatePool, Item
from fusionlog.online.releases_in_use import refuse_own_labels
from fusionlog.online.scorer import Scorer
from fusionlog.records import ModelRelease, Window
from fusionlog.rules import DEFAULT_METHOD, RULES, MethodName
from fusionlog.teachers.base import StreamTeacher, Teacher

UNBOUNDED = 10**9


@dataclass
class Target:
    """The target of a fold under the rules of a method.

    :param calls: the most calls to the teacher.
    """

    fold: Fold
    context: MethodContext
    method: MethodName = DEFAULT_METHOD
    calls: int = UNBOUNDED
    spent: int = 0

    def __post_init__(self) -> None:
        settings = self.context.settings
        self.knowledge = Knowledge(self.fold.target, self.context.encode, rules=RULES[self.method])
        self.state = SystemState.of(self.knowledge, Scorer(settings.score), settings.second_opinion)
        self.deduplicated = DeduplicatedTeacher(self.context.teacher, self.fold.system)

    def adopt(self, release: ModelRelease) -> None:
        """Use a release from now on.

        :raises ModelError: it was trained on labels of the target.
        """
        refuse_own_labels(self.fold.target, release)
        self.knowledge.adopt(releases.sign(release, None))

    @property
    def teacher(self) -> Teacher:
        """The teacher of the run.

        :raises SettingError: the run has no teacher.
        """
        if self.context.teacher is None:
            raise SettingError("--llm-url", None, "the method asks a teacher, and there is none")
        return self.context.teacher

    @property
    def calls_left(self) -> int:
        """The calls left; negative where more were made. Retries count as calls."""
        return self.calls - max(self.spent, self.deduplicated.cost.calls)

    async def ask(self, pool: CandidatePool[Item], call: Call) -> Answered[Item]:
        """Make a call for a candidate pool, and add its answers to the system's knowledge."""
        self.spent += -(-len(call.windows) // self.context.settings.label.units_per_call)
        answers = await self.deduplicated.answers(call.windows, asked_again(call.windows, self.knowledge))
        return apply_answers(pool, call, answers, self.teacher.name, time.time())

    async def show(self, windows: Sequence[Window]) -> None:
        """Let a stream teacher count the windows."""
        if isinstance(self.context.teacher, StreamTeacher):
            await self.context.teacher.update(windows)
