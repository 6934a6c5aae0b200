from __future__ import annotations

from fusionlog.online.knowledge import Knowledge
from fusionlog.online.query_queue import CandidatePool
from fusionlog.online.second_opinion import referred
from fusionlog.records import Window
from tests.factories import make_label, make_window
from tests.online.factories import knowing, release


def pool(knowledge: Knowledge, *windows: Window) -> CandidatePool[int]:
    found: CandidatePool[int] = CandidatePool(knowledge)
    for number, window in enumerate(windows):
        found.add(window, number)
    return found


def test_windows_wait_by_shape_and_leave_with_their_items() -> None:
    one, twin, other = make_window("disk full"), make_window("disk full", session="s2"), make_window("full full")
    found = pool(knowing(), one, twin, other)
    assert len(found) == 3 and found.windows == [one, other] and found.count(one.shape) == 2
    assert found.take(one.shape) == [(one, 0), (twin, 1)]
    assert found.take(one.shape) == [] and found.count(one.shape) == 0 and len(found) == 1


def test_what_becomes_known_while_it_waits_is_released_with_its_new_route() -> None:
    knowledge, window = knowing(), make_window("disk full", "disk opened")
    found = pool(knowledge, window, make_window("connection closed"))
    assert list(found.release()) == []
    knowledge.learn(make_label(make_window("disk full"), 0.9))
    ((released, item),) = found.release()
    assert released.route is not None and (released.id, released.route.kind, item) == (window.id, "general", 0)
    assert len(found) == 1


def test_a_referred_window_waits_although_its_events_are_known() -> None:
    found = pool(knowing(), referred(make_window("disk opened"), 1.0))
    assert list(found.release()) == [] and len(found) == 1


def test_all_are_released_when_the_teacher_is_no_longer_asked() -> None:
    knowledge = knowing("fusionlog", release("*"))
    found = pool(knowledge, make_window("disk full"), referred(make_window("disk opened"), 1.0))
    assert list(found.release()) == []
    knowledge.adopt(release())
    assert [item for _, item in found.release()] == [0, 1] and not found


def test_the_windows_of_a_call_are_chosen_by_what_is_known() -> None:
    near, unknown = make_window("disk opened", "disk opened"), make_window("full full")
    found = pool(knowing(), near, unknown, referred(make_window("disk failed", "disk failed"), 1.0))
    assert found.choose(1) == [unknown]
    assert [window.id for window in found.choose(2)][1] == make_window("disk failed", "disk failed").id
    assert len(found.choose(9)) == 3
