"""What `fusionlog models show` prints of a release: its lineage, what was measured, and how it was trained."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from fusionlog.cli.printing import at
from fusionlog.records import Lineage, ModelRelease, TrainingArtefact
from fusionlog.signing.envelope import key_of


class ReleaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A release without its binary parts, as `--json` prints it."""

    system: str
    version: str
    created: float
    state: str
    detector: str
    encoder: str
    events: int
    bytes: int
    tau: float
    threshold: float
    calibrated: bool
    sha256: str
    signed_by: str | None
    lineage: Lineage
    metrics: dict[str, float]
    training: TrainingArtefact | None


def view_of(release: ModelRelease, state: str, training: TrainingArtefact | None) -> ReleaseView:
    """A release as it is shown.

    :param state: of the release, as the list has it.
    :param training: how it was trained; None: no train role submitted it.
    """
    return ReleaseView(
        system=release.system,
        version=release.version,
        created=release.created,
        state=state,
        detector=release.detector,
        encoder=release.encoder,
        events=len(release.bank),
        bytes=len(release.onnx) + len(release.vectors) + len(release.profile),
        tau=release.tau,
        threshold=release.threshold,
        calibrated=release.calibration is not None,
        sha256=release.sha256,
        signed_by=key_of(release.signature),
        lineage=release.lineage,
        metrics=release.metrics,
        training=training,
    )


def release_lines(view: ReleaseView) -> Iterator[str]:
    """A release as lines of text."""
    yield f"{view.version} of system {view.system}{f' ({view.state})' if view.state else ''}"
    lineage, signed = view.lineage, f"signed by {view.signed_by}" if view.signed_by else "not signed"
    yield f"  made       {at(view.created)}, sha256 {view.sha256[:16]}, {signed}"
    yield f"  model      {view.detector}, encoder {view.encoder}, {view.bytes / 1000:,.0f} kB"
    yield f"  bank       {view.events:,} events, tau {view.tau:.3f}"
    calibrated = "calibrated" if view.calibrated else "not calibrated"
    yield f"  verdict    anomalous from {view.threshold:g}, {calibrated}"
    yield f"  lineage    parent {lineage.parent or 'none'}, sources {', '.join(lineage.sources) or 'none'}"
    teachers = ", ".join(lineage.teachers) or "no teacher"
    yield f"             {lineage.labels:,} labels of {teachers}, {lineage.rounds} rounds, job {lineage.job or 'none'}"
    for name, value in sorted(view.metrics.items()):
        yield f"  measured   {name} {value:.4g}"
    yield from _training_lines(view.training)


def _training_lines(training: TrainingArtefact | None) -> Iterator[str]:
    """How a release was trained; one line where nothing of it is kept."""
    if training is None:
        yield "  training   nothing is kept of it: no train worker submitted it, or it is one of the older ones"
        return
    result = training.result
    yield f"  training   {training.job}, decided {at(training.decided_at)}: {', '.join(training.reasons)}"
    yield f"  gate       {result.reason}"
    memory = f", {result.peak_bytes / 2**20:,.0f} MiB at most" if result.peak_bytes else ""
    yield f"  task       {result.seconds:.1f} s, {result.windows:,} windows{memory}"
    for line in training.stages:
        yield f"  stage      {line}"
