"""The `Anomaly` record of a window with an anomalous verdict; `anomaly_description` describes it by a profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from fusionlog import decision
from fusionlog.novelty.failure_lexicon import reports_failure
from fusionlog.novelty.features import NoveltyFeatures
from fusionlog.novelty.reasons.severity import severity_of
from fusionlog.novelty.reasons.title import title_of
from fusionlog.online.verdict import Verdict, is_anomalous
from fusionlog.parsing.parser import EXAMPLE_CHARS
from fusionlog.records import Anomaly, Evidence, PseudoLabel, Route, Window, WindowEvent
from fusionlog.teachers.base import MAX_REASON_CHARS, chosen_places, clip

EVIDENCE_EVENTS = 5
REASON_EVENTS = 2
LEAST_NOVELTY = 1.0


def of_verdict(window: Window, verdict: Verdict, now: float) -> Anomaly | None:
    """The anomaly of a verdict; None where that is not anomalous."""
    if not is_anomalous(verdict):
        return None
    if isinstance(verdict, PseudoLabel):
        return by_teacher(window, verdict, now)
    return by_model(
        window, verdict.probability, verdict.threshold, verdict.events, verdict.version, now, verdict.novelty
    )


def by_model(
    window: Window, score: float, threshold: float, events: Mapping[str, float], version: str, now: float,
    novelty: NoveltyFeatures | None = None,
) -> Anomaly:  # fmt: skip
    """The anomaly of a model's score. `events` are the probabilities of the window's events, by template.

    :param novelty: the features of the window, where they are part of the score.
    """
    failed = novelty is not None and novelty.failure >= LEAST_NOVELTY
    evidence = _evidence(window, events, failures_first=failed)
    named = ", ".join(
        f"{each.text!r} ({each.probability:.2f})" for each in evidence[:REASON_EVENTS] if each.probability is not None
    )
    found = [f"the model finds anomalous: {named}", *(_novelty_reasons(window, novelty) if novelty else ())]
    reason = clip("; ".join(found), MAX_REASON_CHARS)
    return _anomaly(window, score, threshold, version, "model", reason, evidence, now)


def by_teacher(window: Window, label: PseudoLabel, now: float) -> Anomaly:
    """The anomaly of a teacher's label on the window's shape."""
    evidence = _evidence(window, {event.template: event.probability for event in label.events})
    return _anomaly(
        window, label.probability, decision.THRESHOLD, label.teacher, "teacher", label.reason, evidence, now
    )


def withdrawal(window: Window, score: float, source: str, reason: str, now: float) -> Anomaly:
    """The record that withdraws the provisional anomaly of a window, under the same id."""
    withdrawn = _anomaly(window, score, decision.THRESHOLD, source, "teacher", reason, [], now)
    return replace(withdrawn, provisional=False, withdrawn=True, severity=severity_of([], withdrawn=True))


def _novelty_reasons(window: Window, how: NoveltyFeatures) -> Iterator[str]:
    """The novelty features of a window above `LEAST_NOVELTY`, as phrases of a reason."""
    if how.failure >= LEAST_NOVELTY:
        failed = next((event.text for event in window.events if reports_failure(event.text)), "an event")
        yield f"{failed!r}, a failure of one window in {10**how.failure:,.0f}"
    if how.rarity >= LEAST_NOVELTY and how.rarity > how.failure:
        yield f"it has an event of one window in {10**how.rarity:,.0f}"
    if how.value is not None:
        yield f"{how.value.event.text!r}: {how.value.phrase}"
    if how.surprisal >= LEAST_NOVELTY:
        yield f"it deviates from the profile as one window in {10**how.surprisal:,.0f} does"


def _evidence(window: Window, probabilities: Mapping[str, float], failures_first: bool = False) -> list[Evidence]:
    """The window's `EVIDENCE_EVENTS` most anomalous events; those without a probability come last."""

    def rank(event: WindowEvent) -> tuple[bool, float]:
        return not (failures_first and reports_failure(event.text)), -probabilities.get(event.template, -1.0)

    ordered = sorted(window.events, key=rank)
    return [
        Evidence(
            template=event.template, text=event.text, example=event.example, count=event.count,
            probability=_clamped(probabilities.get(event.template)),
        )
        for event in ordered[:EVIDENCE_EVENTS]
    ]  # fmt: skip


def _anomaly(
    window: Window, score: float, threshold: float, source: str, by: str, reason: str, evidence: list[Evidence],
    now: float,
) -> Anomaly:  # fmt: skip
    shown = _shown(window, {each.template for each in evidence})
    return Anomaly(
        id=window.id,
        system=window.system,
        session=window.session,
        shape=window.shape,
        score=min(1.0, max(0.0, score)),
        threshold=threshold,
        verdict_source=source,
        by="model" if by == "model" else "teacher",
        reason=reason,
        evidence=evidence,
        route=window.route or Route(kind="general", similarity=-1.0, threshold=-1.0),
        topic=window.topic,
        partition=window.partition,
        first_offset=window.first_offset,
        last_offset=window.last_offset,
        started=window.started,
        ended=window.ended,
        detected_at=now,
        events=[_cut(window.events[place]) for place in shown],
        pause=replace(window.pause, event=shown.index(window.pause.event)) if window.pause else None,
        title=title_of(evidence, reason),
        severity=severity_of(evidence),
        own_times=window.own_times,
        hosts=window.hosts,
        files=window.files,
    )


def _shown(window: Window, evidence: set[str]) -> list[int]:
    """The places of the events that a teacher would be shown, of the evidence, and of the event before the pause."""
    chosen = chosen_places(window) | ({window.pause.event} if window.pause else set())
    return [place for place, event in enumerate(window.events) if place in chosen or event.template in evidence]


def _cut(event: WindowEvent) -> WindowEvent:
    return replace(event, text=clip(event.text, EXAMPLE_CHARS))


def _clamped(probability: float | None) -> float | None:
    return None if probability is None else min(1.0, max(0.0, probability))
