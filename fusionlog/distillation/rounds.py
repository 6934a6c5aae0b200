"""Rounds of teacher and student (FusionLog, arXiv 2511.05878, refit from scratch in each round)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fusionlog.detector.examples import Example, balanced
from fusionlog.distillation.students import Fit, SoftPrediction, soft_predictions

LAST_WEIGHT = 0.5
CONFIDENT = 0.95


@dataclass(frozen=True)
class TrainingSet:
    """What the rounds teach: windows that the teacher judged, windows that nobody did, and sources to replay.

    `replay` comes with its weights already balanced to the share of draws that it shall have; 1 minus that share is
    the target's.
    """

    labelled: Sequence[Example]
    unlabelled: Sequence[Example]
    replay: Sequence[Example]

    @property
    def target_share(self) -> float:
        """The share of draws that the target's own windows have."""
        return 1.0 - sum(example.weight for example in self.replay)


def teacher_weight(number: int, rounds: int) -> float:
    """What the teacher's word weighs in round `number`, counted from 0: 1 in the first, one half in the last."""
    return 1.0 if rounds == 1 else 1.0 - (1.0 - LAST_WEIGHT) * number / (rounds - 1)


def fuse(example: Example, prediction: SoftPrediction, weight: float) -> Example:
    """The example with w * teacher + (1 - w) * student for the window and for each of its events."""
    return replace(
        example,
        probability=weight * example.probability + (1 - weight) * prediction.window,
        event_probabilities=weight * example.event_probabilities + (1 - weight) * prediction.events,
    )


def distil(training_set: TrainingSet, fit: Fit, rounds: int) -> bytes:
    """The student of the last round, as ONNX.

    Round r fits w_r * teacher + (1 - w_r) * student of round r - 1 on *all* labels, never on those of one round alone.
    From the second round on, windows that the teacher was not asked about join with the student's own opinion where
    that is surer than `CONFIDENT`: they bring how often things are seen, not new knowledge.
    """
    student = _fit(training_set, training_set.labelled, fit)
    for number in range(1, rounds):
        weight = teacher_weight(number, rounds)
        judged = zip(training_set.labelled, soft_predictions(student, training_set.labelled), strict=True)
        fused = [fuse(example, opinion, weight) for example, opinion in judged]
        student = _fit(training_set, fused + confident(student, training_set.unlabelled), fit)
    return student


def confident(student: bytes, examples: Sequence[Example]) -> list[Example]:
    """The examples that a student is sure of, with its opinion as their label."""
    judged = zip(examples, soft_predictions(student, examples), strict=True)
    return [
        fuse(example, opinion, 0.0)
        for example, opinion in judged
        if max(opinion.window, 1.0 - opinion.window) >= CONFIDENT
    ]


def _fit(training_set: TrainingSet, target: Sequence[Example], fit: Fit) -> bytes:
    return fit([*balanced(target, training_set.target_share), *training_set.replay])
