"""The base model: trained on the labelled sources alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fusionlog import decision, releases
from fusionlog.data.sources import (
    Source,
    SourceExamples,
    event_probabilities,
    examples_of,
    parsing_fingerprint,
    source_examples,
)
from fusionlog.detector.examples import Example, balanced
from fusionlog.distillation import gate
from fusionlog.distillation.students import FitAll
from fusionlog.embedding.encoder import VectorCache
from fusionlog.errors import SettingError
from fusionlog.records import BankEvent, Lineage, ModelRelease, WindowEvent
from fusionlog.routing.threshold import choose_tau
from fusionlog.settings import DistillSettings
from fusionlog.types import FloatArray

MEAN_AUPRC = "source_auprc"


def base_release(
    sources: Sequence[Source],
    cache: VectorCache,
    encoder: str,
    settings: DistillSettings,
    fits: FitAll,
    *,
    now: float,
    job: str = "",
) -> ModelRelease:
    """The base release, which every system starts from; not signed.

    Two fits: one on the earlier sessions, measured on the later ones (the gate's reference AUPRC), and one on all
    sessions, which is released.

    :param encoder: the name of the encoder behind `cache`.
    :param now: Unix time in seconds.
    :raises SettingError: no source is named.
    """
    if not sources:
        raise SettingError("--source", "", "name at least one labelled system to learn from")
    halves = [source_examples(source, cache, settings.detector) for source in sources]
    probabilities = {source.system: event_probabilities(source) for source in sources}
    everything = [examples_of(each, probabilities[each.system], cache, settings.detector) for each in sources]
    measured, final = fits([_mixed([half.training for half in halves]), _mixed(everything)], settings.base)
    bank = [event for source in sources for event in known_events(source, probabilities[source.system])]
    vectors, metrics = cache.vectors(bank), _metrics(measured, halves)
    return ModelRelease(
        system=releases.BASE,
        version=releases.new_version(now, releases.BASE),
        created=now,
        detector=settings.detector,
        encoder=encoder,
        onnx=final,
        bank=bank,
        vectors=releases.pack_vectors(vectors),
        threshold=decision.THRESHOLD,
        tau=settings.tau if settings.tau is not None else _tau(bank, vectors),
        lineage=Lineage(
            sources=sorted(source.system for source in sources), job=job, parsing=parsing_fingerprint(sources)
        ),
        metrics=metrics,
        reference_auprc=metrics.get(MEAN_AUPRC),
    )


def known_events(source: Source, probabilities: Mapping[str, float]) -> list[BankEvent]:
    """A source's events as entries of a bank, each with its anomaly probability (`event_probabilities`)."""
    return [
        BankEvent(
            system=source.system, template=event.template, text=event.text, probability=probabilities[event.template]
        )
        for event in distinct_events(source)
    ]  # fmt: skip


def distinct_events(source: Source) -> list[WindowEvent]:
    """The distinct events of a source, in order of first occurrence."""
    return list({event.template: event for window in source.windows for event in window.events}.values())


def _mixed(groups: Sequence[Sequence[Example]]) -> list[Example]:
    """The examples of all sources, weighted so that each source has an equal share of the draws."""
    return [example for group in groups for example in balanced(group, 1 / len(groups))]


def _tau(bank: Sequence[BankEvent], vectors: FloatArray) -> float:
    probabilities = np.array([event.probability for event in bank], dtype=np.float32)
    return choose_tau(vectors, probabilities, [event.system for event in bank])


def _metrics(measured: bytes, halves: Sequence[SourceExamples]) -> dict[str, float]:
    """The AUPRC on each source's held-out sessions, and their mean, the gate's reference."""
    areas = {half.system: gate.auprc(measured, half.held_out) for half in halves}
    mean = gate.source_area(measured, halves)
    found = {f"auprc.{system}": area for system, area in areas.items() if area is not None}
    return found if mean is None else {**found, MEAN_AUPRC: mean.value}
