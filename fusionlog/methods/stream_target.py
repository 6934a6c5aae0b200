"""A system during a run over its stream: the state that the workers keep of it, and its teacher with a call budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from fusionlog import releases
from fusionlog.embedding.encoder import NamedEncode
from fusionlog.errors import SettingError
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
from fusionlog.settings import Settings, SystemSettings
from fusionlog.teachers.base import Teacher
from fusionlog.teachers.offline.in_order import VerdictsInOrder
from fusionlog.teachers.offline.teacher import OfflineTeacher

UNBOUNDED = 10**9


@dataclass
class StreamTarget:
    """A system under the rules of a method, with its releases, labels and profile.

    :param labeller: its teacher; None where the run has none. :param calls: the most calls to the teacher.
    """

    name: str
    system: SystemSettings
    settings: Settings
    encode: NamedEncode
    labeller: Teacher | None
    method: MethodName = DEFAULT_METHOD
    calls: int = UNBOUNDED
    spent: int = 0

    def __post_init__(self) -> None:
        self.knowledge = Knowledge(self.name, self.encode, rules=RULES[self.method])
        self.state = SystemState.of(self.knowledge, Scorer(self.settings.score), self.settings.second_opinion)
        self.deduplicated = DeduplicatedTeacher(self.labeller, self.system)
        self.questions = Questions(self.knowledge, self.system, self.settings.label)
        self.in_order = VerdictsInOrder(self.labeller) if isinstance(self.labeller, OfflineTeacher) else None
        """The verdicts of an offline teacher, which is not asked about a pool; None with any other teacher."""

    def adopt(self, release: ModelRelease) -> None:
        """Use a release from now on.

        :raises ModelError: it was trained on labels of the target.
        """
        refuse_own_labels(self.name, release)
        self.knowledge.adopt(releases.sign(release, None))

    @property
    def teacher(self) -> Teacher:
        """The teacher of the run.

        :raises SettingError: the run has no teacher.
        """
        if self.labeller is None:
            raise SettingError("--llm-url", None, "the method asks a teacher, and there is none")
        return self.labeller

    @property
    def calls_left(self) -> int:
        """The calls left; negative where more were made. Retries count as calls."""
        return self.calls - max(self.spent, self.deduplicated.cost.calls)

    async def ask(self, pool: CandidatePool[Item], call: Call) -> Answered[Item]:
        """Make a call for a candidate pool, and add its answers to the system's knowledge.

        One of more windows than a call holds is made in parts, so that the later ones have the earlier as neighbours.
        """
        size, answered = self.settings.label.units_per_call, Answered[Item]()
        self.spent += -(-len(call.windows) // size)
        for part in call.parts(size if self.settings.label.neighbours else len(call.windows)):
            again = asked_again(part.windows, self.knowledge)
            answers = await self.deduplicated.answers(part.windows, again, self.questions.units)
            answered.add(apply_answers(pool, part, answers, self.teacher.name, time.time()))
        return answered

    def observe(self, windows: Sequence[Window]) -> None:
        """Count windows that come to a teacher, for the evidence on them; an offline teacher counts for itself."""
        if self.in_order is None:
            self.questions.observe(windows)

    def show(self, windows: Sequence[Window]) -> None:
        """Let an offline teacher count windows that it was asked about."""
        if self.in_order is not None:
            self.in_order.count(windows)
