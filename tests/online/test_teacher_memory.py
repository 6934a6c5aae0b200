from __future__ import annotations

from msgspec.structs import replace

from fusionlog.novelty.similarity import bag_of_events
from fusionlog.online.event_answers import MOST_CONTRADICTIONS
from fusionlog.online.teacher_memory import TeacherMemory
from tests.factories import make_event, make_label, make_revoked, make_window

WINDOW = make_window("disk full", "disk opened")


def test_a_label_labels_its_shape_its_events_and_a_window_to_compare_with() -> None:
    memory, label = TeacherMemory(), make_label(WINDOW, 0.9)
    learned = memory.learn(label, events=True)
    assert learned and learned.label and [event.text for event in learned.events] == ["disk full", "disk opened"]
    assert memory.label_of(WINDOW.shape) == label and memory.teacher == "test"
    assert memory.similarity(bag_of_events(WINDOW.events)) == 1.0 and memory.windows == 1
    assert memory.unlabelled([make_event("disk full"), make_event("disk failed")]) == {
        make_event("disk failed").template
    }


def test_the_same_label_again_changes_nothing() -> None:
    memory = TeacherMemory()
    memory.learn(make_label(WINDOW, 0.9), events=True)
    assert not memory.learn(make_label(WINDOW, 0.9), events=True)


def test_only_events_of_another_verdict_are_changed() -> None:
    memory = TeacherMemory()
    memory.learn(make_label(make_window("disk full"), 0.9), events=True)
    learned = memory.learn(make_label(WINDOW, 0.9), events=True)
    assert [event.text for event in learned.events] == ["disk opened"]


def test_an_older_label_does_not_replace_a_newer_one() -> None:
    memory = TeacherMemory()
    memory.learn(make_label(WINDOW, 0.9, labelled_at=2.0), events=True)
    memory.learn(make_label(WINDOW, 0.1, labelled_at=1.0), events=True)
    label, event = memory.label_of(WINDOW.shape), memory.event(WINDOW.events[0].template)
    assert label is not None and label.probability == 0.9
    assert event is not None and event.probability == 0.9


def test_an_inherited_label_counts_for_its_shape_until_the_teachers_own_comes() -> None:
    memory, inherited = TeacherMemory(), replace(make_label(WINDOW, labelled_at=9.0), propagated_from="x")
    assert memory.learn(inherited, events=True).events == []
    assert memory.windows == 0 and memory.event(WINDOW.events[0].template) is None
    own = make_label(WINDOW, 0.1, labelled_at=1.0)
    memory.learn(own, events=True)
    memory.learn(inherited, events=True)
    assert memory.label_of(WINDOW.shape) == own


def test_where_events_do_not_count_the_shape_alone_does() -> None:
    memory = TeacherMemory()
    assert memory.learn(make_label(WINDOW), events=False).label
    assert memory.label_of(WINDOW.shape) is not None and memory.teacher is None
    assert list(memory.events) == [] and [label for label, _ in memory.nearest(bag_of_events(WINDOW.events), 3, 0.5)]


def test_a_revoked_label_takes_its_verdicts_along_and_a_newer_one_gives_them_again() -> None:
    memory, label = TeacherMemory(), make_label(WINDOW, 0.9)
    memory.learn(label, events=True)
    learned = memory.learn(make_revoked(label, "disk full"), events=True)
    assert learned.lost and memory.label_of(WINDOW.shape) is None and list(memory.events) == []
    assert memory.similarity(bag_of_events(WINDOW.events)) == 0.0 and memory.windows == 0
    assert list(memory.open_events) == [make_event("disk full").template]
    assert memory.asked_since(WINDOW) == memory.asked_since(make_window("disk full")) == 3000.0
    assert memory.asked_since(make_window("disk opened")) is None
    again = memory.learn(make_label(WINDOW, 0.1, labelled_at=3001.0), events=True)
    assert again.lost and len(again.events) == 2 and memory.asked_since(WINDOW) is None and not memory.open_events


def test_a_verdict_from_elsewhere_is_back_where_the_newer_label_is_revoked() -> None:
    memory, newer = TeacherMemory(), make_label(WINDOW, 0.9, labelled_at=2001.0)
    memory.learn(make_label(make_window("disk full"), 0.1), events=True)
    memory.learn(newer, events=True)
    learned = memory.learn(make_revoked(newer), events=True)
    event = memory.event(make_event("disk full").template)
    assert event is not None and event.probability == 0.1 and event in learned.events


def test_a_restored_label_counts_as_before_and_an_earlier_revocation_does_not_touch_a_newer_label() -> None:
    memory, label = TeacherMemory(), make_label(WINDOW, 0.9)
    memory.learn(make_revoked(label, "disk full"), events=True)
    memory.learn(label, events=True)
    assert memory.label_of(WINDOW.shape) == label and memory.asked_since(WINDOW) is None
    assert not memory.learn(make_revoked(label, "disk full", at=1999.0), events=True)
    assert memory.label_of(WINDOW.shape) == label


def test_a_label_that_the_topic_lost_is_dropped() -> None:
    memory = TeacherMemory()
    memory.learn(make_label(WINDOW, 0.9), events=True)
    assert memory.forget(WINDOW.shape).lost and not memory.forget(WINDOW.shape)
    assert memory.label_of(WINDOW.shape) is None and list(memory.events) == []
    assert memory.asked_since(WINDOW) is None


def test_a_window_with_a_contradicted_event_is_asked_about_unless_its_answer_is_newer() -> None:
    memory, alone, template = TeacherMemory(), make_window("disk full"), make_event("disk full").template
    memory.learn(make_label(alone, 0.1, labelled_at=1.0), events=True)
    memory.learn(make_label(WINDOW, 0.9, labelled_at=2.0, contradicts=[template]), events=True)
    assert memory.event(template) is None and memory.unlabelled(alone.events) == {template}
    assert [memory.asked_since(window) for window in (alone, make_window("disk full", "lost"), WINDOW)] == [2, 2, None]
    memory.learn(make_label(alone, 0.9, labelled_at=3.0), events=True)
    event = memory.event(template)
    assert memory.asked_since(alone) is None and event is not None and event.probability == 0.9


def test_an_event_is_contradicted_a_few_times_and_then_settled_by_its_newest_answer() -> None:
    memory, template, found = TeacherMemory(), make_event("disk full").template, 0
    for number in range(20):
        window = make_window(*["disk full"] * (number + 1))
        label = make_label(window, (0.1, 0.9)[number // 2 % 2], labelled_at=float(number))
        contradictions = memory.contradictions(label, window)
        found += len(contradictions)
        memory.learn(replace(label, contradicts=[each.event.template for each in contradictions]), events=True)
    assert found == MOST_CONTRADICTIONS and template not in memory.open_events


def test_answers_of_one_call_contradict_none_of_the_others() -> None:
    memory, alone = TeacherMemory(), make_window("disk full")
    memory.learn(make_label(alone, 0.1, labelled_at=1.0), events=True)
    twice = make_window("disk full", "disk full")
    assert [len(memory.contradictions(make_label(twice, 0.9, labelled_at=at), twice)) for at in (1.0, 2.0)] == [0, 1]


def test_beyond_the_most_labels_the_first_ones_are_forgotten_with_what_they_settled() -> None:
    memory, windows = (
        TeacherMemory(most=20),
        [make_window(f"disk {word}", "disk opened") for word in map(str, range(50))],
    )
    lost = []
    for number, window in enumerate(windows):
        lost.append(memory.learn(make_label(window, 0.9, labelled_at=float(number)), events=True).lost)
        assert memory.windows <= 20 and len(list(memory.answers)) <= 21
    assert any(lost) and not all(lost)
    assert (
        memory.event(windows[0].events[0].template) is None and memory.similarity(bag_of_events(windows[0].events)) < 1
    )
    assert memory.event(windows[-1].events[0].template) is not None
    assert memory.event(windows[0].events[1].template) is not None, "an event that later labels have stays settled"
    assert memory.learn(make_label(windows[0], 0.9, labelled_at=99.0), events=True).label
    assert memory.event(windows[0].events[0].template) is not None


def test_revocations_are_forgotten_likewise() -> None:
    memory = TeacherMemory(most=20)
    windows = [make_window(f"disk {number}") for number in range(60)]
    for number, window in enumerate(windows):
        memory.learn(make_revoked(make_label(window), f"disk {number}", at=3000.0 + number), events=True)
    assert memory.asked_since(windows[0]) is None and memory.asked_since(windows[-1]) == 3059.0
    assert len(memory._revoked) <= 20 and len(list(memory.answers)) <= 20
