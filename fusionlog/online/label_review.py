"""What a system's labels settle, and the withdrawal of labels: pure functions over the records of the labels topic.

An event is settled by every label that has an answer on it. To withdraw it is to withdraw these labels as a whole, with
those that propagated from them: their windows are asked about again when they come next, and a later answer settles the
event again. A withdrawn label keeps its place on the topic, marked as revoked, so that it can be restored until then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from math import inf
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from fusionlog.decision import is_anomalous
from fusionlog.errors import SettingError
from fusionlog.online.event_answers import EventAnswers, answer_in
from fusionlog.online.teacher_memory import TeacherMemory
from fusionlog.records import EventLabel, ModelRelease, PseudoLabel, Revocation


class State(StrEnum):
    """The state of an event or a window shape; what is not settled is asked about again."""

    settled = "settled"
    contradicted = "contradicted"
    revoked = "revoked"


LEAST_CHARS = 4
"""Characters of the beginning of an id, at least."""
LEAST_STEP = 0.001
"""Seconds by which a revocation is at least newer than the labels that it withdraws, whatever the clocks show."""


class ReviewedEvent(Struct, frozen=True):
    """An event with an answer, or with a revoked one.

    `probability` is that of the newest answer; `answers` their number, `anomalous` of them; `propagated` the number of
    propagated labels that rest on it. `windows` and `shapes` are those of the answers, oldest first.
    """

    system: str
    template: str
    text: str
    state: State
    verdict: Literal["normal", "anomalous"]
    probability: float
    answers: int
    anomalous: int
    propagated: int
    teachers: list[str]
    labelled_at: float
    windows: list[str]
    shapes: list[str]
    revoked: Revocation | None = None


class ReviewedShape(Struct, frozen=True):
    """A window shape with a label, or with a revoked one. `events` are its verdicts, the revoked ones included."""

    system: str
    shape: str
    state: State
    verdict: Literal["normal", "anomalous"]
    probability: float
    confidence: float
    reason: str
    events: list[EventLabel]
    teacher: str
    window: str
    labelled_at: float
    propagated_from: str | None = None
    contradicts: list[str] = []
    revoked: Revocation | None = None


class Named(NamedTuple):
    """The events, by template, and the shapes that an operator named."""

    templates: frozenset[str]
    shapes: frozenset[str]


class Review(NamedTuple):
    """What the labels of a system settle, the newest last."""

    events: list[ReviewedEvent]
    shapes: list[ReviewedShape]


def reviewed(labels: Sequence[PseudoLabel]) -> Review:
    """The review of one system's labels."""
    memory, ordered = TeacherMemory(inf), sorted(labels, key=lambda label: (label.labelled_at, label.shape))
    for label in ordered:
        memory.learn(label, events=True)
    answers = {each.template: each for each in memory.answers}
    holders: dict[str, list[PseudoLabel]] = {}
    for label in ordered:
        for event in verdicts_of(label):
            holders.setdefault(event.template, []).append(label)
    events = [_event(template, holders[template], answers.get(template)) for template in holders]
    return Review(
        sorted((event for event in events if event is not None), key=lambda event: event.labelled_at),
        [_shape(label, memory.open_events) for label in ordered],
    )


def named(labels: Sequence[PseudoLabel], names: Iterable[str]) -> Named:
    """The events and shapes of one system's labels that are named by id, or by what one of theirs alone begins with;
    an event also by its text.

    :raises SettingError: a name is of none of them, or of several.
    """
    texts = {event.template: event.text for label in labels for event in verdicts_of(label)}
    shapes = {label.shape for label in labels}
    templates, chosen = set[str](), set[str]()
    for name in names:
        id = name if name in texts.values() else _whole(name, {*shapes, *texts})
        if id in shapes:
            chosen.add(id)
        else:
            templates.add(_template(id, texts))
    return Named(frozenset(templates), frozenset(chosen))


def withdrawn(labels: Sequence[PseudoLabel], what: Named) -> list[PseudoLabel]:
    """The standing labels that are withdrawn with what is named, those that propagated from them included."""
    return _with_heirs([label for label in labels if label.revoked is None], what)


def restorable(labels: Sequence[PseudoLabel], what: Named) -> list[PseudoLabel]:
    """The revoked labels that come back with what is named, those that propagated from them included."""
    return _with_heirs([label for label in labels if label.revoked is not None], what)


def revoked(labels: Sequence[PseudoLabel], what: Named, by: str, note: str, now: float) -> list[PseudoLabel]:
    """Standing labels as revoked: without events, which their revocation keeps.

    :param now: Unix time in seconds.
    """
    at = max([now, *(label.labelled_at + LEAST_STEP for label in labels)])
    return [
        replace(label, events=[], revoked=Revocation(
            by=by, at=at, note=note, events=label.events,
            templates=[event.template for event in label.events if event.template in what.templates],
        ))
        for label in labels
    ]  # fmt: skip


def restored(labels: Sequence[PseudoLabel]) -> list[PseudoLabel]:
    """Revoked labels as they were before."""
    return [replace(label, events=verdicts_of(label), revoked=None) for label in labels]


def trained_with(releases: Iterable[ModelRelease], labels: Sequence[PseudoLabel]) -> list[ModelRelease]:
    """The releases that were trained on one of these labels: they are newer, and their banks have its events."""
    return [release for release in releases if any(_trained(release, label) for label in labels)]


def verdicts_of(label: PseudoLabel) -> list[EventLabel]:
    """The verdicts of a label on its events; of a revoked one those that it had."""
    return label.revoked.events if label.revoked else label.events


def without_events(revocation: Revocation | None) -> Revocation | None:
    """A revocation without the verdicts that it keeps."""
    return None if revocation is None else replace(revocation, events=[])


def _event(template: str, holders: Sequence[PseudoLabel], found: EventAnswers | None) -> ReviewedEvent | None:
    """An event with the labels that hold it; None where every one of them is propagated."""
    taught = [label for label in holders if label.propagated_from is None]
    standing = found.labels if found else []
    if not taught:
        return None
    counted = standing or sorted(taught, key=lambda label: label.labelled_at)
    newest = counted[-1]
    answers = [_answer(label, template) for label in counted]
    at_last = max((label.revoked for label in taught if label.revoked), key=lambda each: each.at, default=None)
    state = State.settled
    if not standing or (found and found.revoked):
        state = State.revoked
    elif found and found.since is not None:
        state = State.contradicted
    return ReviewedEvent(
        system=newest.system, template=template, text=answers[-1].text, state=state,
        verdict=_verdict(answers[-1].probability), probability=answers[-1].probability, answers=len(standing),
        anomalous=sum(is_anomalous(answer.probability) for answer in answers[: len(standing)]),
        propagated=sum(label.propagated_from is not None and label.revoked is None for label in holders),
        teachers=sorted({label.teacher for label in counted}), labelled_at=newest.labelled_at,
        windows=[label.window for label in counted], shapes=[label.shape for label in counted],
        revoked=without_events(at_last) if state is State.revoked else None,
    )  # fmt: skip


def _shape(label: PseudoLabel, open_events: Mapping[str, float]) -> ReviewedShape:
    verdicts = verdicts_of(label)
    contradicted = any(open_events.get(event.template, 0.0) > label.labelled_at for event in verdicts)
    return ReviewedShape(
        system=label.system, shape=label.shape,
        state=State.revoked if label.revoked else State.contradicted if contradicted else State.settled,
        verdict=_verdict(label.probability), probability=label.probability, confidence=label.confidence,
        reason=label.reason, events=verdicts, teacher=label.teacher, window=label.window,
        labelled_at=label.labelled_at, propagated_from=label.propagated_from, contradicts=label.contradicts,
        revoked=without_events(label.revoked),
    )  # fmt: skip


def _answer(label: PseudoLabel, template: str) -> EventLabel:
    return answer_in(replace(label, events=verdicts_of(label)), template)


def _verdict(probability: float) -> Literal["normal", "anomalous"]:
    return "anomalous" if is_anomalous(probability) else "normal"


def _whole(name: str, ids: Collection[str]) -> str:
    """The id that begins so; the name itself where none does, or it is one.

    :raises SettingError: several begin so.
    """
    found = [id for id in ids if len(name) >= LEAST_CHARS and id.startswith(name)]
    if name in ids or not found:
        return name
    if len(found) > 1:
        raise SettingError("EVENT_OR_SHAPE", name, f"{len(found)} ids begin so: name more of one")
    return found[0]


def _template(name: str, texts: dict[str, str]) -> str:
    found = [name] if name in texts else [template for template, text in texts.items() if text == name]
    if len(found) == 1:
        return found[0]
    remedy = f"it is the text of {len(found)} events: name one by its id" if found else "no label is of it"
    raise SettingError("EVENT_OR_SHAPE", name, f"{remedy} (fusionlog labels list has the ids of events and shapes)")


def _with_heirs(labels: Sequence[PseudoLabel], what: Named) -> list[PseudoLabel]:
    shapes = {label.shape for label in labels if label.shape in what.shapes or _holds(label, what.templates)}
    return [label for label in labels if label.shape in shapes or label.propagated_from in shapes]


def _holds(label: PseudoLabel, templates: Collection[str]) -> bool:
    return any(event.template in templates for event in verdicts_of(label))


def _trained(release: ModelRelease, label: PseudoLabel) -> bool:
    if release.system != label.system or release.created < label.labelled_at:
        return False
    events = {event.template for event in verdicts_of(label)}
    return bool(events) and events <= {event.template for event in release.bank if event.system == release.system}
