from __future__ import annotations

from msgspec.structs import replace

from fusionlog.novelty.similarity import bag_of_events
from fusionlog.online.teacher_memory import TeacherMemory
from tests.factories import make_event, make_label, make_window

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
