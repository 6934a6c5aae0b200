from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fusionlog.errors import TeacherError
from fusionlog.online.asking import (
    Call,
    Labelled,
    apply_answers,
    asked_again,
    fallback,
    known_label,
    most_informative,
)
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.query_queue import CandidatePool
from fusionlog.online.second_opinion import acquisition_score_of, referred
from fusionlog.records import PseudoLabel, Window
from fusionlog.teachers.base import EventVerdict, Verdict
from tests.factories import make_event, make_label, make_revoked, make_window
from tests.online.factories import knowing

FULL, ODD = make_window("disk full"), make_window("full full")
ANOMALOUS = Verdict(0.9, 0.9, "it is full", (EventVerdict(1, 0.9),))


def pool(*windows: Window, knowledge: Knowledge | None = None) -> CandidatePool[str]:
    found: CandidatePool[str] = CandidatePool(knowledge or knowing())
    for window in windows:
        found.add(window, window.session)
    return found


def test_a_label_is_learned_and_answers_for_all_windows_of_its_shape() -> None:
    waiting = pool(FULL, make_window("disk full", session="s2"), ODD)
    found = apply_answers(waiting, Call([FULL]), [ANOMALOUS], "test", 5.0)
    (labelled,) = found.labelled
    assert (labelled.label.probability, labelled.label.teacher, labelled.label.labelled_at) == (0.9, "test", 5.0)
    assert [item for _, item in labelled.waited] == ["s1", "s2"] and labelled.news
    assert waiting.windows == [ODD] and waiting.knowledge.label_of(FULL.shape) == labelled.label
    assert (found.given_up, found.inherited, found.retry_after) == ([], 0, None)


def test_what_the_teacher_cannot_label_leaves_and_what_it_cannot_answer_now_stays() -> None:
    waiting, third = pool(FULL, ODD, make_window("connection")), make_window("connection")
    answers = [TeacherError("never"), TeacherError("busy", 3.0), TeacherError("busy", 9.0)]
    found = apply_answers(waiting, Call([FULL, ODD, third]), answers, "test", 5.0)
    (given_up,) = found.given_up
    assert ([window.id for window, _ in given_up.waited], str(given_up.error)) == ([FULL.id], "never")
    assert found.retry_after == 9.0 and waiting.windows == [ODD, third] and found.labelled == []


def test_a_label_that_says_the_same_again_is_no_news() -> None:
    knowledge = knowing()
    apply_answers(pool(FULL, knowledge=knowledge), Call([FULL]), [ANOMALOUS], "test", 5.0)
    (again,) = apply_answers(pool(FULL, knowledge=knowledge), Call([FULL]), [ANOMALOUS], "test", 6.0).labelled
    assert not again.news and len(again.waited) == 1
    known = knowledge.label_of(FULL.shape)
    assert known is not None and known.labelled_at == 5.0


@dataclass(frozen=True)
class Propagating(Call):
    """Its label is inherited by another window."""

    heir: Window = ODD

    def propagate(self, labels: Mapping[str, PseudoLabel], knowledge: Knowledge, now: float) -> Iterator[PseudoLabel]:
        assert all(knowledge.label_of(shape) == label for shape, label in labels.items())
        yield make_label(self.heir, 0.8, propagated_from=next(iter(labels)), labelled_at=now)


def test_what_inherits_leaves_as_well() -> None:
    waiting = pool(FULL, ODD)
    found = apply_answers(waiting, Propagating([FULL]), [ANOMALOUS], "test", 5.0)
    assert [each.label.propagated_from for each in found.labelled] == [None, FULL.shape]
    assert found.inherited == 1 and not waiting


def test_a_labelled_shape_is_not_asked_about() -> None:
    knowledge, label = knowing(), make_label(FULL)
    assert known_label(FULL, knowledge) is None
    knowledge.learn(label)
    assert known_label(FULL, knowledge) == label


def test_a_referred_window_falls_back_on_the_model_and_stays_marked() -> None:
    window = referred(knowing().route(make_window("disk opened")), 1.2)
    back = fallback(window)
    assert back is not None and back.route is not None
    assert (back.route.kind, acquisition_score_of(back)) == ("general", 1.2)
    assert fallback(FULL) is None and fallback(knowing().route(FULL)) is None


def test_a_call_holds_no_more_than_its_units() -> None:
    assert most_informative(pool(FULL, ODD), 1).windows == [FULL]
    assert most_informative(pool(), 1).windows == []


NORMAL = Verdict(0.1, 0.9, "it is routine", (EventVerdict(1, 0.1),))
FULL_EVENT = make_event("disk full").template
TWICE, THRICE = make_window("disk full", "disk full"), make_window(*["disk full"] * 3)


def answered(
    knowledge: Knowledge, window: Window, verdict: Verdict, now: float, teacher: str = "test"
) -> Labelled[str]:
    (labelled,) = apply_answers(pool(window, knowledge=knowledge), Call([window]), [verdict], teacher, now).labelled
    return labelled


def test_an_answer_against_a_settled_event_opens_it_until_the_answers_agree() -> None:
    knowledge = knowing()
    first = answered(knowledge, FULL, NORMAL, 1.0).label
    against = answered(knowledge, TWICE, ANOMALOUS, 2.0)
    (contradiction,) = against.contradictions
    assert against.label.contradicts == [FULL_EVENT]
    assert (contradiction.event.text, contradiction.before, contradiction.label.shape) == (
        "disk full",
        first,
        TWICE.shape,
    )
    assert known_label(FULL, knowledge) is None, "its answer is older than the contradiction"
    assert known_label(TWICE, knowledge) == against.label
    assert asked_again([FULL, TWICE, THRICE], knowledge) == [FULL, THRICE]
    waiting = pool(FULL, THRICE, knowledge=knowledge)
    assert list(waiting.release()) == []
    again = apply_answers(waiting, Call([FULL]), [ANOMALOUS], "test", 3.0).labelled[0]
    assert again.news and again.contradictions == []
    assert [window.shape for window, _ in waiting.release()] == [THRICE.shape], "the answers agree"
    assert known_label(FULL, knowledge) == again.label


def test_the_same_answer_again_is_published_where_it_was_asked_again() -> None:
    knowledge = knowing()
    answered(knowledge, FULL, NORMAL, 1.0)
    answered(knowledge, TWICE, ANOMALOUS, 2.0)
    again = answered(knowledge, FULL, NORMAL, 3.0)
    assert again.news and known_label(FULL, knowledge) == again.label
    assert asked_again([FULL, THRICE], knowledge) == [THRICE], "the answers differ still"


def test_no_verdict_of_the_offline_teacher_contradicts_another() -> None:
    knowledge = knowing()
    answered(knowledge, FULL, NORMAL, 1.0, "offline")
    assert answered(knowledge, TWICE, ANOMALOUS, 2.0, "offline").contradictions == []
    assert asked_again([FULL, THRICE], knowledge) == []


def test_a_window_that_was_asked_again_in_vain_keeps_its_label() -> None:
    knowledge = knowing()
    label = answered(knowledge, FULL, NORMAL, 1.0).label
    answered(knowledge, TWICE, ANOMALOUS, 2.0)
    found = apply_answers(pool(FULL, knowledge=knowledge), Call([FULL]), [TeacherError("never")], "test", 3.0)
    assert found.given_up == [] and [(each.label, each.news) for each in found.labelled] == [(label, False)]


def test_an_answer_settles_a_revoked_event_whatever_the_clocks_show() -> None:
    knowledge = knowing()
    label = answered(knowledge, FULL, NORMAL, 1.0).label
    knowledge.learn(make_revoked(label, "disk full", at=500.0))
    assert known_label(FULL, knowledge) is None and asked_again([FULL, TWICE], knowledge) == [FULL, TWICE]
    again = answered(knowledge, FULL, NORMAL, 2.0)
    assert again.news and again.label.labelled_at == 500.0
    assert asked_again([FULL, TWICE], knowledge) == []


def test_a_revoked_shape_that_cannot_be_labelled_falls_back_on_the_model() -> None:
    knowledge, window = knowing(), make_window("disk opened")
    knowledge.learn(make_revoked(make_label(window, 0.9)))
    back = fallback(knowledge.route(window))
    assert back is not None and back.route is not None and back.route.kind == "general"
