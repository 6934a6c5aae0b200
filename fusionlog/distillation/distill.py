"""Distillation: pseudo-labels of a target become a candidate release with a gate report.

Pure functions of labels, windows and sources. Training is a callable, a Ray task or a plain function; nothing here
imports torch or Ray.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from fusionlog import decision, releases
from fusionlog.data.sources import SourceExamples, by_shape, unlabelled
from fusionlog.detector.calibration import calibrated_probability
from fusionlog.detector.examples import Example, balanced
from fusionlog.detector.sequence import ORDERED, by_cache_key
from fusionlog.distillation import gate, rounds
from fusionlog.distillation.calibration_fit import LabelledExample, calibrate
from fusionlog.distillation.students import FitAll, soft_predictions, window_probabilities
from fusionlog.embedding.encoder import VectorCache
from fusionlog.errors import FusionLogError
from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import Calibration, Lineage, ModelRelease, PseudoLabel, Window
from fusionlog.routing import growth as banks
from fusionlog.routing.bank import Bank
from fusionlog.routing.router import Router
from fusionlog.settings import DistillSettings
from fusionlog.types import DetectorName, IntArray

PROPAGATED_WEIGHT = 0.1
"""The training weight of a window with a propagated label, relative to one that the teacher labelled. Of 0, .1, .3 and
1; see docs/results/alpha.md for how it was chosen."""


class NothingToDistilError(FusionLogError):
    """There are too few labels, or none is newer than the newest release."""


@dataclass(frozen=True)
class Distilled:
    """A candidate release, not signed, and its gate report."""

    release: ModelRelease
    report: gate.GateReport


def distill(
    labels: Sequence[PseudoLabel],
    windows: Sequence[Window],
    sources: Sequence[SourceExamples],
    parent: ModelRelease,
    cache: VectorCache,
    settings: DistillSettings,
    fits: FitAll,
    *,
    now: float,
    job: str = "",
) -> Distilled:
    """Distil a system's pseudo-labels into a new release.

    :param labels: all labels of one system; the last one of each shape counts, a revoked one does not.
    :param windows: recent windows of that system, unlabelled.
    :param sources: the labelled systems as examples for the parent's detector; empty where their data are missing.
    :param parent: the system's newest release, else the base. `fits` must train the parent's kind of detector.
    :param now: Unix time in seconds.
    :raises NothingToDistilError: too few labels, or none that is new to the parent.
    """
    check_worth(labels, parent, settings)
    latest = newest_labels(labels)
    revoked = [label for label in labels if label.revoked is not None]
    bank = banks.grown(parent, without_propagated(latest), cache, without_propagated(revoked))
    router = Router(latest[0].system, bank, parent.tau, parent.version, cache)
    seen = by_cache_key(windows, parent.detector)
    own, propagated = (
        [example for label in part for example in examples_of(label, seen, cache, parent.detector)]
        for part in (without_propagated(latest), [label for label in latest if label.propagated_from is not None])
    )
    general = [group for group in seen if router.route(group[0]).kind == "general"]
    recent = [unlabelled(group, cache, parent.detector) for group in general]
    labelled = {label.shape for label in latest}
    training_set = rounds.TrainingSet(
        labelled=[*own, *propagated],
        unlabelled=[each for each, group in zip(recent, general, strict=True) if group[0].shape not in labelled],
        replay=replay_of(sources, settings.replay),
    )
    onnx = rounds.distil(training_set, lambda examples: fits([examples])[0], settings.rounds)
    calibration, profile = _calibrated(
        without_propagated(latest), windows, cache, training_set.replay, fits, parent, settings
    )
    scores = window_probabilities(soft_predictions(onnx, recent))
    if calibration is not None:
        scored = zip(scores.tolist(), general, strict=True)
        scores = np.array(
            [calibrated_probability(calibration, each, profile.compute_features(group[0])) for each, group in scored]
        )
    rate = gate.check_rate(scores, [each.weight for each in recent], settings.gate_min_rate, settings.gate_max_rate)
    report = gate_report(onnx, rate, own, sources, parent, settings)
    if not report.sources.passed:
        bank = banks.of_system(bank, latest[0].system)
    release = _release(onnx, bank, latest, parent, report, settings, now, job)
    return Distilled(msgspec.structs.replace(release, calibration=calibration, profile=profile.pack()), report)


def _calibrated(
    labels: Sequence[PseudoLabel],
    windows: Sequence[Window],
    cache: VectorCache,
    replay: Sequence[Example],
    fits: FitAll,
    parent: ModelRelease,
    settings: DistillSettings,
) -> tuple[Calibration | None, SystemProfile]:
    """The calibration, fitted on the labels whose shape is among recent windows, and the profile of those windows."""
    profile, seen = SystemProfile(), {group[0].shape: group for group in by_shape(windows)}
    for group in seen.values():
        profile.update_batch(group)
    labelled = [
        LabelledExample(label, examples_of(label, [seen[label.shape]], cache, parent.detector)[0], seen[label.shape][0],
                 len(seen[label.shape]))
        for label in labels if label.shape in seen
    ]  # fmt: skip
    return calibrate(labelled, profile, replay, fits, settings.calibration_folds, parent.novelty), profile


def newest_labels(labels: Sequence[PseudoLabel]) -> list[PseudoLabel]:
    """The last label of each shape; revoked ones, and those without an event, are left out."""
    return [label for label in {label.shape: label for label in labels}.values() if label.events and not label.revoked]


def without_propagated(labels: Sequence[PseudoLabel]) -> list[PseudoLabel]:
    """The labels that a teacher gave, without the propagated ones."""
    return [label for label in labels if label.propagated_from is None]


def examples_of(
    label: PseudoLabel, seen: Sequence[Sequence[Window]], cache: VectorCache, detector: DetectorName
) -> list[Example]:
    """The training examples of a label: one a group of recent windows of its shape, weighted by the group's size.

    A label without a recent window gives one example. The weight of a propagated label is scaled by
    `PROPAGATED_WEIGHT`.

    :param seen: recent windows in groups that are the same input to the detector.
    """
    groups = [group for group in seen if group[0].shape == label.shape]
    share = 1.0 if label.propagated_from is None else PROPAGATED_WEIGHT
    example = Example(
        vectors=cache.vectors(label.events),
        counts=np.array([event.count for event in label.events], dtype=np.float32),
        probability=label.probability,
        event_probabilities=np.array([event.probability for event in label.events], dtype=np.float32),
        system=label.system,
    )
    if detector not in ORDERED:
        return [replace(example, weight=share * (sum(map(len, groups)) or 1))]
    if not groups:
        return [replace(example, order=_guessed_order(label), weight=share)]
    return [replace(example, order=_order_in(label, group[0]), weight=share * len(group)) for group in groups]


def _order_in(label: PseudoLabel, window: Window) -> IntArray:
    """The index of the label's event in each line of a window of its shape; unlabelled events are left out."""
    places = {event.template: place for place, event in enumerate(label.events)}
    lines = [window.events[place].template for place in window.sequence]
    return np.array([places[template] for template in lines if template in places], dtype=np.int64)


def _guessed_order(label: PseudoLabel) -> IntArray:
    """The order of events of a shape without a recent window: each event's lines together, in the label's order."""
    return np.repeat(np.arange(len(label.events)), [event.count for event in label.events])


def replay_of(sources: Sequence[SourceExamples], share: float) -> list[Example]:
    """The sources' examples for replay; each source has an equal part of `share` of the draws.

    The bank keeps the sources' events, so the router sends windows similar to theirs to this model, which must not have
    forgotten them. Measured on hdfs, openstack and bgl, each the target of the
    other two, both folds, one seed: without replay the AUPRC on held-out source sessions falls by .29 to .50; with a
    share of .1 by .04 to .23, with .2 by .09 at most. F1 of the model alone hardly depends on it (within .005) but on
    hdfs, forward fold, where a few shapes flip: .90 at 0, .1 and .3, .78 and .85 at .2, .26 at .5. Hence .2; the
    reference itself moves by .03 from one training to another, and the gate allows for such chance.
    """
    if share == 0:
        return []
    return [example for source in sources for example in balanced(source.training, share / len(sources))]


def gate_report(
    onnx: bytes,
    rate: gate.Check,
    labelled: Sequence[Example],
    sources: Sequence[SourceExamples],
    parent: ModelRelease,
    settings: DistillSettings,
) -> gate.GateReport:
    """The gate report of a candidate.

    The reference on source sessions is the AUPRC that the base reached when trained without them. Where the parent has
    no such figure, or other sources, the parent itself is measured.
    """
    reference = parent.reference_auprc
    if reference is None or {source.system for source in sources} != set(parent.lineage.sources):
        before = gate.source_area(parent.onnx, sources)
        reference = before.value if before else None
    return gate.GateReport(
        checks=(
            rate,
            gate.check_agreement(onnx, labelled, settings.gate_min_agreement),
        ),
        sources=gate.check_sources(gate.source_area(onnx, sources), reference, settings.gate_margin),
    )


def check_worth(
    labels: Sequence[PseudoLabel],
    parent: ModelRelease,
    settings: DistillSettings,
    withdrawn: ModelRelease | None = None,
) -> None:
    """Check that there are enough labels, one of them given or revoked after the parent, for a distillation.

    :param labels: all labels of one system.
    :param withdrawn: the system's newest release, where that was withdrawn: the same labels would make it again.
    :raises NothingToDistilError: too few labels, or none that is new to the parent.
    """
    standing = newest_labels(labels)
    own = len(without_propagated(standing))
    if own < settings.min_labels:
        raise NothingToDistilError(f"{own} labels, and FUSIONLOG_DISTILL__MIN_LABELS is {settings.min_labels}")
    newest = max([*(label.labelled_at for label in standing), *(each.revoked.at for each in labels if each.revoked)])
    last = withdrawn or parent
    if last.system == labels[0].system and newest <= last.created:
        why = ", which was withdrawn" if withdrawn else ""
        raise NothingToDistilError(f"no label of {last.system} is newer than its release {last.version}{why}")


def _release(
    onnx: bytes,
    bank: Bank,
    labels: Sequence[PseudoLabel],
    parent: ModelRelease,
    report: gate.GateReport,
    settings: DistillSettings,
    now: float,
    job: str,
) -> ModelRelease:
    system = labels[0].system
    return ModelRelease(
        system=system,
        version=releases.new_version(now, system),
        created=now,
        detector=parent.detector,
        encoder=parent.encoder,
        onnx=onnx,
        bank=list(bank.events),
        vectors=releases.pack_vectors(bank.vectors),
        threshold=decision.THRESHOLD,
        tau=parent.tau if settings.tau is None else settings.tau,
        lineage=Lineage(
            parent=parent.version,
            sources=parent.lineage.sources,
            teachers=sorted({label.teacher for label in labels}),
            labels=len(labels),
            rounds=settings.rounds,
            job=job,
        ),
        metrics=report.metrics,
        offline_teacher=parent.offline_teacher,
        novelty=parent.novelty,
        reference_auprc=parent.reference_auprc,
    )
