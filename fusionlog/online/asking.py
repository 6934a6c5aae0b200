"""One call to the teacher of a system: its windows from the candidate pool, and the labels that its answers make.

The label worker and `evaluate` both call these functions. No Kafka, no clock: the owner of the candidate pool makes
the calls and delivers the results.

1. `known_label`: a window whose shape has a label does not wait at all.
2. `CandidatePool.release`: windows that need no label any more go back to the small model, and cost no call.
3. A `QueryStrategy` chooses the windows of the call.
4. `apply_answers`: labels are learned, and the windows of each labelled shape leave the pool; so do those that the
   teacher cannot label. What it could not answer *now* stays. Labels propagate as the strategy allows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol

from msgspec.structs import replace

from fusionlog.errors import TeacherError
from fusionlog.online.contradictions import Contradiction
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.label_changes import is_changed
from fusionlog.online.query_queue import CandidatePool, Item
from fusionlog.online.second_opinion import acquisition_score_of
from fusionlog.records import PseudoLabel, Window
from fusionlog.teachers.base import Verdict, label_of

Answer = Verdict | TeacherError


@dataclass(frozen=True)
class Call:
    """The windows of one call to the teacher, one of a shape."""

    windows: list[Window]

    def parts(self, size: int) -> Iterator[Call]:
        """The call in parts of `size` windows at most, in their order."""
        for start in range(0, len(self.windows), size):
            yield dataclasses.replace(self, windows=self.windows[start : start + size])

    def propagate(self, labels: Mapping[str, PseudoLabel], knowledge: Knowledge, now: float) -> Iterator[PseudoLabel]:
        """The labels that other windows of the pool inherit; none under a strategy without propagation.

        :param labels: the teacher's of this call, by shape. :param now: Unix time in seconds.
        """
        return iter(())


class QueryStrategy(Protocol):
    """Chooses the windows of the next call."""

    def __call__(self, pool: CandidatePool[Any], units: int, /) -> Call:
        """The next call, of `units` windows at most; empty where there is no candidate."""


def most_informative(pool: CandidatePool[Any], units: int) -> Call:
    """The `direct` strategy: greedy cover, uncertainty, core-set (see `query_strategy`)."""
    return Call(pool.choose(units))


@dataclass(frozen=True)
class Labelled(Generic[Item]):
    """A label with the windows that waited for it.

    :param news: whether it is to be published: it differs from the label that its shape had (see `is_changed`), or its
        windows were asked about again. :param contradictions: the verdicts on events that it contradicts.
    """

    label: PseudoLabel
    waited: list[tuple[Window, Item]]
    news: bool = True
    contradictions: list[Contradiction] = field(default_factory=list)


@dataclass(frozen=True)
class GivenUp(Generic[Item]):
    """Windows that the teacher cannot label, with its error."""

    waited: list[tuple[Window, Item]]
    error: TeacherError


@dataclass
class Answered(Generic[Item]):
    """The results of a call: labelled and given-up windows.

    :param inherited: how many of `labelled` are propagated. :param retry_after: seconds until the teacher can be asked
        again about what it could not answer now, for the reason `why`; None where it answered everything.
    """

    labelled: list[Labelled[Item]] = field(default_factory=list)
    given_up: list[GivenUp[Item]] = field(default_factory=list)
    inherited: int = 0
    retry_after: float | None = None
    why: str = ""

    def add(self, other: Answered[Item]) -> None:
        """Add the results of another part of the call."""
        self.labelled += other.labelled
        self.given_up += other.given_up
        self.inherited += other.inherited
        if other.retry_after is not None:
            self.retry_after, self.why = max(self.retry_after or 0.0, other.retry_after), other.why


def known_label(window: Window, knowledge: Knowledge) -> PseudoLabel | None:
    """The label of a window's shape, which saves a call; an operator's on the window comes first.

    None for a window that is to be asked about again.
    """
    operators = knowledge.operators.label_of(window)
    if operators is not None:
        return operators
    return None if knowledge.asked_since(window) is not None else knowledge.label_of(window.shape)


def asked_again(windows: Sequence[Window], knowledge: Knowledge) -> list[Window]:
    """The windows that are to be asked about again: an answer that was given on them before does not count."""
    return [window for window in windows if knowledge.asked_since(window) is not None]


def apply_answers(
    pool: CandidatePool[Item], call: Call, answers: Sequence[Answer], teacher: str, now: float
) -> Answered[Item]:
    """Keep the labels in the answers to a call, and take the windows that have one from the pool.

    A window that the teacher cannot label keeps the label that its shape had, where it was asked about again.

    :param teacher: its name. :param now: Unix time in seconds.
    """
    found, labels, knowledge = Answered[Item](), dict[str, PseudoLabel](), pool.knowledge
    for window, answer in zip(call.windows, answers, strict=True):
        if not isinstance(answer, TeacherError):
            since = knowledge.asked_since(window)
            label = label_of(window, answer, teacher, max(now, since or now))
            labelled = _learned(pool, label, knowledge.contradictions(label, window), since is not None)
            labels[window.shape] = labelled.label
            found.labelled.append(labelled)
        elif answer.retry_after is not None:
            found.retry_after, found.why = max(found.retry_after or 0.0, answer.retry_after), str(answer)
        elif (before := knowledge.label_of(window.shape)) is not None:
            found.labelled.append(Labelled(before, pool.take(window.shape), news=False))
        else:
            found.given_up.append(GivenUp(pool.take(window.shape), answer))
    for label in call.propagate(labels, knowledge, now):
        found.labelled.append(_learned(pool, label))
        found.inherited += 1
    return found


def fallback(window: Window) -> Window | None:
    """A window that the teacher cannot label, as returned to the small model.

    None for a window that was never general: the model has no verdict on it."""
    if window.route is None or acquisition_score_of(window) is None:
        return None
    return replace(window, route=replace(window.route, kind="general"))


def _learned(
    pool: CandidatePool[Item],
    label: PseudoLabel,
    contradictions: Sequence[Contradiction] = (),
    asked_again: bool = False,
) -> Labelled[Item]:
    label = replace(label, contradicts=[each.event.template for each in contradictions])
    news = asked_again or bool(contradictions) or is_changed(label, pool.knowledge.label_of(label.shape))
    if news:
        pool.knowledge.learn(label)
    return Labelled(label, pool.take(label.shape), news, list(contradictions))
