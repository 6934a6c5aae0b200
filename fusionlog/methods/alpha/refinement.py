"""ALPHA's two-step refinement: a teacher's mistakes on labelled sources become its few-shot examples.

1. Query windows of the sources, whose labels are known: as many normal as anomalous ones, each source an equal share.
2. Cluster the mistakes, false negatives apart from false positives, and take an example of each cluster, the largest
   first. Where there are fewer mistakes than examples wanted, the correct answers of least confidence follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fusionlog.data.sources import Source, by_shape
from fusionlog.decision import is_anomalous
from fusionlog.embedding.encoder import VectorCache
from fusionlog.methods.alpha.leader_clustering import leader_clusters
from fusionlog.methods.alpha.representatives import representatives
from fusionlog.methods.alpha.vectors import window_vectors
from fusionlog.records import PseudoLabel, Window
from fusionlog.settings import SystemSettings
from fusionlog.teachers.base import unit_of
from fusionlog.teachers.few_shot import FewShotExample, few_shot_example
from fusionlog.teachers.llm.injections import has_instructions


@dataclass(frozen=True, eq=False)
class LabelledWindow:
    """A window of a source with its true label and its system's settings (the operator's description)."""

    window: Window
    anomalous: bool
    system: SystemSettings


@dataclass(frozen=True, eq=False)
class TeacherAnswer:
    """A labelled window of a source, and the teacher's label of it."""

    labelled: LabelledWindow
    label: PseudoLabel

    @property
    def mistaken(self) -> bool:
        """Whether the teacher's label differs from the true one."""
        return is_anomalous(self.label.probability) != self.labelled.anomalous


def to_ask(
    sources: Sequence[Source], units: int, cache: VectorCache, similarity: float
) -> dict[str, list[LabelledWindow]]:
    """Step 1: the windows to query, by source, at most `units` in all.

    Left out are shapes that have normal and anomalous windows, and windows whose lines contain instructions to a model.

    :param similarity: the least cosine of two windows of one cluster.
    """
    share = units // len(sources) if sources else 0
    return {source.system: _of_source(source, share, cache, similarity) for source in sources}


def choose_examples(
    answers: Sequence[TeacherAnswer], number: int, cache: VectorCache, similarity: float
) -> list[FewShotExample]:
    """Step 2: at most `number` examples: false negatives and false positives in turn, then correct ones.

    The correct ones of either label alternate, too, those of least confidence first.
    """
    mistakes = [each for each in answers if each.mistaken]
    missed = _patterns([each for each in mistakes if each.labelled.anomalous], cache, similarity)
    alarms = _patterns([each for each in mistakes if not each.labelled.anomalous], cache, similarity)
    unsure = sorted((each for each in answers if not each.mistaken), key=lambda each: each.label.confidence)
    anomalous = [each for each in unsure if each.labelled.anomalous]
    normal = [each for each in unsure if not each.labelled.anomalous]
    chosen = [*_in_turn(missed, alarms), *_in_turn(anomalous, normal)][:number]
    return [_example(each) for each in chosen]


def _of_source(source: Source, units: int, cache: VectorCache, similarity: float) -> list[LabelledWindow]:
    groups = [group[0] for group in by_shape(source.windows) if len({source.anomalous[w.session] for w in group}) == 1]
    usable = [window for window in groups if not has_instructions(unit_of(window, source.settings))]
    anomalous = [window for window in usable if source.anomalous[window.session]]
    normal = [window for window in usable if not source.anomalous[window.session]]
    half = units // 2
    chosen = [window for part in (anomalous, normal) for window in _varied(part, half, cache, similarity)]
    return [LabelledWindow(window, source.anomalous[window.session], source.settings) for window in chosen]


def _varied(windows: Sequence[Window], number: int, cache: VectorCache, similarity: float) -> list[Window]:
    """`number` varied windows: the most central of each cluster, then the second most central of each."""
    ranked = _by_cluster(windows, cache, similarity)
    in_turn = [places[rank] for rank in range(len(windows)) for places in ranked if rank < len(places)]
    return [windows[place] for place in in_turn[:number]]


def _patterns(mistakes: Sequence[TeacherAnswer], cache: VectorCache, similarity: float) -> list[TeacherAnswer]:
    """One mistake of each cluster, the largest cluster first."""
    ranked = _by_cluster([each.labelled.window for each in mistakes], cache, similarity)
    return [mistakes[places[0]] for places in ranked]


def _by_cluster(windows: Sequence[Window], cache: VectorCache, similarity: float) -> list[list[int]]:
    """The indices of each cluster's windows, the most central first; the largest cluster first."""
    if not windows:
        return []
    vectors = window_vectors(windows, cache)
    clusters = sorted(leader_clusters(vectors, range(len(windows)), similarity), key=lambda places: -len(places))
    return representatives(vectors, clusters, len(windows), 0)


def _in_turn(one: Sequence[TeacherAnswer], other: Sequence[TeacherAnswer]) -> list[TeacherAnswer]:
    """The elements of both in turn; the rest of the longer one comes last."""
    paired = [each for pair in zip(one, other, strict=False) for each in pair]
    shorter = min(len(one), len(other))
    return [*paired, *one[shorter:], *other[shorter:]]


def _example(answer: TeacherAnswer) -> FewShotExample:
    unit = unit_of(answer.labelled.window, answer.labelled.system)
    return few_shot_example(unit, answer.labelled.anomalous, answer.mistaken)
