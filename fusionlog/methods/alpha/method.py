"""ALPHA (arXiv 2509.05936) on a fold: refine on the sources, annotate the adaptation half, detect on the test half."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fusionlog.data.sources import by_shape
from fusionlog.decision import is_anomalous
from fusionlog.distillation.distill import PROPAGATED_WEIGHT
from fusionlog.errors import TeacherError
from fusionlog.methods.alpha.detector import Svm
from fusionlog.methods.alpha.label_propagation import AlphaStrategy
from fusionlog.methods.alpha.refinement import LabelledWindow, TeacherAnswer, choose_examples, to_ask
from fusionlog.methods.alpha.vectors import window_vectors
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import Fold, Outcome, Result, outcomes
from fusionlog.methods.teacher_queries import DeduplicatedTeacher
from fusionlog.online.asking import QueryStrategy, apply_answers, most_informative
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.query_queue import CandidatePool
from fusionlog.online.questions import Questions
from fusionlog.records import PseudoLabel, Window
from fusionlog.rules import RULES
from fusionlog.settings import SystemSettings
from fusionlog.teachers.base import StreamTeacher
from fusionlog.teachers.cost import FREE, Cost
from fusionlog.teachers.few_shot import FewShotTeacher


@dataclass
class Calls:
    """The budget of teacher calls of one run, over the sources and the target; retries count as calls.

    At most half of the remaining calls are made at a time, since each may be retried once.
    """

    context: MethodContext
    limit: int
    teachers: list[DeduplicatedTeacher] = field(default_factory=list)

    def about(self, system: SystemSettings) -> DeduplicatedTeacher:
        """A deduplicated teacher for one system, whose calls count against this budget."""
        self.teachers.append(DeduplicatedTeacher(self.context.teacher, system))
        return self.teachers[-1]

    @property
    def cost(self) -> Cost:
        """The cost of all calls so far."""
        return sum((teacher.cost for teacher in self.teachers), FREE)

    @property
    def left(self) -> int:
        """The number of calls that may be made at a time."""
        return (self.limit - self.cost.calls) // 2

    async def ask(self, teacher: DeduplicatedTeacher, windows: Sequence[Window]) -> None:
        """Query the windows in order until the budget is used up."""
        size, left = self.context.settings.label.units_per_call, list(windows)
        while left and (calls := self.left):
            now, left = left[: calls * size], left[calls * size :]
            await teacher.ask(now)


@dataclass(frozen=True, eq=False)
class Annotated:
    """The result of annotation: labels by shape (the teacher's or propagated), and the detector trained on them."""

    labels: Mapping[str, PseudoLabel]
    detector: Svm

    def verdicts(self, windows: Sequence[Window], context: MethodContext) -> list[Outcome]:
        """The outcomes of sessions: the label of a shape where it has one, else the detector's score."""
        known = {shape: label.probability for shape, label in self.labels.items()}
        rest = [group[0] for group in by_shape(windows) if group[0].shape not in known]
        if rest:
            scores = self.detector.score(window_vectors(rest, context.cache))
            known |= {window.shape: float(score) for window, score in zip(rest, scores, strict=True)}
        found = [known[window.shape] for window in windows]
        return outcomes(windows, found, [is_anomalous(score) for score in found], [False] * len(found))


async def alpha(fold: Fold, context: MethodContext) -> Result:
    """Cluster, query representatives, propagate labels, train an SVM; the test half costs no call."""
    began, calls = time.perf_counter(), Calls(context, context.settings.alpha.calls)
    await refine(calls)
    teacher = calls.about(fold.system)
    labels = await annotate(fold, calls, teacher)
    annotated = Annotated(labels, _detector(fold.adapt, labels, context))
    adapting = time.perf_counter() - began
    began = time.perf_counter()
    found = annotated.verdicts(fold.test, context)
    seconds = time.perf_counter() - began
    return Result(
        outcomes=found, adapted=annotated.verdicts(fold.adapt, context), asked=teacher.asked, cost=calls.cost,
        seconds_train=adapting, seconds_score=seconds,
    )  # fmt: skip


async def refine(calls: Calls) -> None:
    """Query windows of the sources and give the teacher its mistakes as few-shot examples, if it takes examples."""
    context, settings = calls.context, calls.context.settings.alpha
    if not isinstance(context.teacher, FewShotTeacher) or not settings.examples:
        return
    units = settings.source_calls * context.settings.label.units_per_call
    answers: list[TeacherAnswer] = []
    for known in to_ask(context.sources, units, context.cache, settings.similarity).values():
        answers += await _label_sources(calls, known)
    context.teacher.show(choose_examples(answers, settings.examples, context.cache, settings.similarity))


async def _label_sources(calls: Calls, known: Sequence[LabelledWindow]) -> list[TeacherAnswer]:
    if not known:
        return []
    teacher = calls.about(known[0].system)
    await calls.ask(teacher, [each.window for each in known])
    labels = teacher.labels
    return [TeacherAnswer(each, labels[each.window.shape]) for each in known if each.window.shape in labels]


async def annotate(fold: Fold, calls: Calls, teacher: DeduplicatedTeacher) -> dict[str, PseudoLabel]:
    """Label the adaptation half as the label worker does, then spend the remaining calls on propagated labels.

    Of the windows with a propagated label, those farthest from all labelled windows are queried first.

    :return: labels by shape.
    """
    knowledge = Knowledge(fold.target, calls.context.encode, rules=RULES["fusionlog"])
    questions = Questions(knowledge, fold.system, calls.context.settings.label)
    if not isinstance(calls.context.teacher, StreamTeacher):
        questions.observe(fold.adapt)
    labels = await _label(fold.adapt, questions, AlphaStrategy(calls.context.settings.alpha), calls, teacher)
    inherited = [
        window for window in fold.adapt if (label := labels.get(window.shape)) and label.propagated_from is not None
    ]
    return labels | await _label(inherited, questions, most_informative, calls, teacher)


async def _label(
    windows: Sequence[Window], questions: Questions, strategy: QueryStrategy, calls: Calls, teacher: DeduplicatedTeacher
) -> dict[str, PseudoLabel]:
    """The labels of windows by shape: one call at a time, until the candidate pool or the budget is empty."""
    pool, labels = CandidatePool[None](questions.knowledge), dict[str, PseudoLabel]()
    for window in windows:
        pool.add(window, None)
    while pool and calls.left:
        call = strategy(pool, calls.context.settings.label.units_per_call)
        answers = await teacher.answers(call.windows, units=questions.units)
        answered = apply_answers(pool, call, answers, teacher.name, time.time())
        labels |= {each.label.shape: each.label for each in answered.labelled}
        for window in call.windows:
            pool.take(window.shape)
    return labels


def _detector(windows: Sequence[Window], labels: Mapping[str, PseudoLabel], context: MethodContext) -> Svm:
    seen = Counter(window.shape for window in windows)
    first = {window.shape: window for window in reversed(windows) if window.shape in labels}
    if not first:
        raise TeacherError(
            "no window has a label: raise FUSIONLOG_ALPHA__CALLS, or lower FUSIONLOG_ALPHA__SOURCE_CALLS"
        )
    training = [labels[shape] for shape in first]
    anomalous = np.array([is_anomalous(label.probability) for label in training])
    shares = [1.0 if label.propagated_from is None else PROPAGATED_WEIGHT for label in training]
    weights = np.log1p([seen[shape] for shape in first]) * shares
    return Svm(window_vectors(list(first.values()), context.cache), anomalous, weights.astype(np.float32))
