"""What `fusionlog labels` prints of events, window shapes and labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fusionlog.cli.printing import at
from fusionlog.decision import is_anomalous
from fusionlog.online.label_review import Named, ReviewedEvent, ReviewedShape, reviewed, verdicts_of
from fusionlog.records import ModelRelease, PseudoLabel, Revocation

SHOWN_WINDOWS = 3


def event_lines(event: ReviewedEvent) -> Iterator[str]:
    """The lines of an event."""
    verdict = f"{event.verdict} {event.probability:.2f}"
    yield f"{at(event.labelled_at)}  {event.system}  {event.state}  {verdict}  {event.text}"
    rest = f", {event.propagated} propagated labels rest on it" if event.propagated else ""
    yield (
        f"  event     {event.template}, {event.answers} answers ({event.anomalous} anomalous) "
        f"by {', '.join(event.teachers)}{rest}"
    )
    more = f" and {len(event.windows) - SHOWN_WINDOWS} more" if len(event.windows) > SHOWN_WINDOWS else ""
    yield f"  windows   {', '.join(event.windows[-SHOWN_WINDOWS:])}{more}"
    yield from _revocation_lines(event.revoked)
    yield ""


def shape_lines(shape: ReviewedShape) -> Iterator[str]:
    """The lines of a window shape."""
    verdict = f"{shape.verdict} {shape.probability:.2f}"
    yield f"{at(shape.labelled_at)}  {shape.system}  {shape.state}  {verdict}  window shape {shape.shape}"
    yield f"  reason    {shape.reason}"
    for number, event in enumerate(shape.events):
        verdict = f"{event.template}  {event.probability:.2f}"
        yield f"  {'' if number else 'events':8}  {verdict}  {event.count} x {event.text}"
    origin = f", propagated from {shape.propagated_from}" if shape.propagated_from else ""
    yield f"  label     by {shape.teacher} on window {shape.window}{origin}"
    if shape.contradicts:
        yield f"  against   the verdict up to then on {', '.join(shape.contradicts)}"
    yield from _revocation_lines(shape.revoked)
    yield ""


def _revocation_lines(revoked: Revocation | None) -> Iterator[str]:
    if revoked is not None:
        yield f"  revoked   {at(revoked.at)} by {revoked.by}{': ' if revoked.note else ''}{revoked.note}"


def revoked_lines(
    labels: Sequence[PseudoLabel], taken: Sequence[PseudoLabel], what: Named, releases: Sequence[ModelRelease],
    dry_run: bool,
) -> Iterator[str]:  # fmt: skip
    """The lines of a revocation: the withdrawn labels, what follows from it, and how it is undone.

    :param labels: all of the system. :param taken: the withdrawn ones. :param releases: those trained with them.
    """
    system, shapes = taken[0].system, {label.shape for label in taken}
    yield f"{system}: {len(taken)} labels {'would be' if dry_run else 'are'} revoked; their windows are asked again"
    yield from label_lines(taken)
    bare = [
        event for event in reviewed(labels).events
        if event.answers and set(event.shapes) <= shapes and event.template not in what.templates
    ]  # fmt: skip
    if bare:
        yield f"without an answer then, too: {', '.join(f'{event.template} ({event.text})' for event in bare)}"
    versions = ", ".join(release.version for release in releases)
    if versions:
        yield (
            f"released models are not changed; trained with these labels: {versions}. Without them: "
            f"fusionlog distill --system {system}"
        )
    else:
        yield "no release on the model topic was trained with these labels"
    if not dry_run:
        yield f"undo: fusionlog labels restore --system {system} {' '.join(sorted(what.templates | what.shapes))}"


def label_lines(labels: Iterable[PseudoLabel]) -> Iterator[str]:
    """A line a label."""
    for label in labels:
        verdict = "anomalous" if is_anomalous(label.probability) else "normal"
        texts = "; ".join(event.text for event in verdicts_of(label))
        yield f"  {label.shape}  {verdict} {label.probability:.2f} by {label.teacher}: {texts or label.reason}"
