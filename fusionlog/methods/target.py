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
from fusionlog.online.questions import Questions
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
        self.questions = Questions(self.knowledge, self.fold.system, settings.label)

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
        """Make a call for a candidate pool, and add its answers to the system's knowledge.

        One of more windows than a call holds is made in parts, so that the later ones have the earlier as neighbours.
        """
        size, answered = self.context.settings.label.units_per_call, Answered[Item]()
        self.spent += -(-len(call.windows) // size)
        for part in call.parts(size if self.context.settings.label.neighbours else len(call.windows)):
            again = asked_again(part.windows, self.knowledge)
            answers = await self.deduplicated.answers(part.windows, again, self.questions.units)
            answered.add(apply_answers(pool, part, answers, self.teacher.name, time.time()))
        return answered

    def observe(self, windows: Sequence[Window]) -> None:
        """Count windows that come to a teacher, for the evidence on them; a stream teacher counts for itself."""
        if not isinstance(self.context.teacher, StreamTeacher):
            self.questions.observe(windows)

    async def show(self, windows: Sequence[Window]) -> None:
        """Let a stream teacher count the windows."""
        if isinstance(self.context.teacher, StreamTeacher):
            await self.context.teacher.update(windows)
