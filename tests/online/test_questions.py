from __future__ import annotations

import pytest

from fusionlog import releases
from fusionlog.novelty.profile import SystemProfile
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.questions import Questions
from fusionlog.records import Window
from fusionlog.rules import DEFAULT_METHOD, RULES, MethodName
from fusionlog.settings import LabelSettings, SystemSettings
from fusionlog.teachers.base import unit_of
from tests.encoders import WordEncoder
from tests.factories import make_label, make_window
from tests.online.factories import WORDS, release

ORDER = make_window("order opened", "card charged", "order closed")
CUT = make_window("order opened", "card charged")
SYSTEM = SystemSettings(header="<Level> <Content>")


def questions_of(method: MethodName = DEFAULT_METHOD, **label: object) -> Questions:
    knowledge = Knowledge("shop", WordEncoder(*WORDS), rules=RULES[method])
    return Questions(knowledge, SYSTEM, LabelSettings.model_validate(label))


def seen(questions: Questions, window: Window) -> list[int | None]:
    [unit] = questions.units([window])
    assert unit.evidence is not None
    return [event.seen for event in unit.evidence.events]


def test_evidence_is_of_the_windows_that_came_before() -> None:
    questions = questions_of()
    questions.observe([ORDER] * 20)
    questions.observe([CUT, *[ORDER] * 30])
    assert seen(questions, CUT) == [20, 20]
    questions.clear()
    questions.observe([CUT])
    assert seen(questions, CUT) == [51, 51]


@pytest.mark.parametrize(("counted", "then"), [(500, 500), (15, 20)])
def test_the_counts_of_a_release_are_taken_over_unless_they_are_fewer(counted: int, then: int) -> None:
    questions, profile = questions_of(), SystemProfile()
    profile.update(ORDER, counted)
    questions.observe([ORDER] * 20)
    questions.knowledge.adopt(releases.sign(release(profile=profile.pack()), None))
    questions.observe([CUT])
    assert seen(questions, CUT) == [then, then]


def test_a_window_that_comes_again_with_a_provisional_verdict_is_counted_once() -> None:
    questions = questions_of()
    questions.observe([ORDER] * 20)
    questions.observe([CUT])
    questions.clear()
    again = make_window("order opened", "card charged", provisional=0.2)
    questions.observe([again])
    assert seen(questions, again) == [20, 20] and questions.profile.windows == 21


def test_a_profile_that_cannot_be_read_is_left_out() -> None:
    questions = questions_of()
    questions.knowledge.adopt(releases.sign(release(profile=b"none at all"), None))
    questions.observe([ORDER] * 20)
    assert questions.profile.windows == 20


def test_the_level_of_a_line_is_evidence_from_the_first_window_on() -> None:
    questions, failed = questions_of(), make_window("ERROR disk is full")
    questions.observe([failed])
    [unit] = questions.units([failed])
    assert unit.evidence is not None and unit.evidence.events[0].level == "error"


def test_neighbours_are_the_nearest_labelled_windows_each_verdict_and_reason_once() -> None:
    for method in ("fusionlog+online", "generallog"):
        questions = questions_of(method)
        for number in range(4):
            near = make_window("order opened", "card charged", *["order closed"] * (2 + number))
            questions.knowledge.learn(make_label(near, 0.1, reason="the usual order"))
        questions.knowledge.learn(make_label(CUT, 0.9, reason="never closed"))
        questions.knowledge.learn(make_label(make_window("mail sent", "mail read"), 0.9, reason="far away"))
        [unit] = questions.units([ORDER])
        assert [(each.label, each.reason) for each in unit.neighbours] == [
            ("normal", "the usual order"), ("anomalous", "never closed"),
        ]  # fmt: skip


def test_labels_of_the_offline_teacher_and_inherited_ones_are_no_neighbours() -> None:
    questions = questions_of()
    questions.knowledge.learn(make_label(CUT, teacher="offline"))
    questions.knowledge.learn(make_label(make_window("order opened", "order closed"), propagated_from="x"))
    assert questions.units([ORDER])[0].neighbours == ()


def test_settings_turn_evidence_and_neighbours_off() -> None:
    questions = questions_of(evidence=False, neighbours=0)
    questions.knowledge.learn(make_label(CUT))
    questions.observe([ORDER] * 20)
    assert questions.units([ORDER]) == [unit_of(ORDER, SYSTEM)] and questions.profile.windows == 0
