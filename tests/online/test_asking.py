from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fusionlog.errors import TeacherError
from fusionlog.online.asking import Call, apply_answers, fallback, known_label, most_informative
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.query_queue import CandidatePool
from fusionlog.online.second_opinion import acquisition_score_of, referred
from fusionlog.records import PseudoLabel, Window
from fusionlog.teachers.base import EventVerdict, Verdict
from tests.factories import make_label, make_window
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


class Watching:
    name = "watching"

    async def update(self, windows: object) -> None: ...
    async def load_profile(self, system: object, profile: object) -> None: ...
    async def label_windows(self, windows: object, system: object, own: bool = False) -> None: ...


def test_a_labelled_shape_is_not_asked_about_but_by_a_teacher_that_watches() -> None:
    knowledge, label = knowing(), make_label(FULL)
    assert known_label(FULL, knowledge, None) is None
    knowledge.learn(label)
    assert known_label(FULL, knowledge, None) == label
    assert known_label(FULL, knowledge, Watching()) is None  # type: ignore[arg-type]


def test_a_referred_window_falls_back_on_the_model_and_stays_marked() -> None:
    window = referred(knowing().route(make_window("disk opened")), 1.2)
    back = fallback(window)
    assert back is not None and back.route is not None
    assert (back.route.kind, acquisition_score_of(back)) == ("general", 1.2)
    assert fallback(FULL) is None and fallback(knowing().route(FULL)) is None


def test_a_call_holds_no_more_than_its_units() -> None:
    assert most_informative(pool(FULL, ODD), 1).windows == [FULL]
    assert most_informative(pool(), 1).windows == []
