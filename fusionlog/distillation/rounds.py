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
    """The training set of the rounds: labelled and unlabelled windows of the target, and source windows to replay.

    The weights of `replay` already sum to its share of the draws; the rest is the target's share.
    """

    labelled: Sequence[Example]
    unlabelled: Sequence[Example]
    replay: Sequence[Example]

    @property
    def target_share(self) -> float:
        """The share of the draws from the target's windows."""
        return 1.0 - sum(example.weight for example in self.replay)


def teacher_weight(number: int, rounds: int) -> float:
    """The weight of the teacher's label in round `number`, counted from 0: 1 in the first, one half in the last."""
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
    From the second round on, unlabelled windows join with the student's soft prediction as their label, where the
    prediction is at least `CONFIDENT`: they contribute frequencies, not new labels.
    """
    student = _fit(training_set, training_set.labelled, fit)
    for number in range(1, rounds):
        weight = teacher_weight(number, rounds)
        predicted = zip(training_set.labelled, soft_predictions(student, training_set.labelled), strict=True)
        fused = [fuse(example, prediction, weight) for example, prediction in predicted]
        student = _fit(training_set, fused + confident(student, training_set.unlabelled), fit)
    return student


def confident(student: bytes, examples: Sequence[Example]) -> list[Example]:
    """The examples that a student predicts with at least `CONFIDENT`, with its soft prediction as their label."""
    predicted = zip(examples, soft_predictions(student, examples), strict=True)
    return [
        fuse(example, prediction, 0.0)
        for example, prediction in predicted
        if max(prediction.window, 1.0 - prediction.window) >= CONFIDENT
    ]


def _fit(training_set: TrainingSet, target: Sequence[Example], fit: Fit) -> bytes:
    return fit([*balanced(target, training_set.target_share), *training_set.replay])
