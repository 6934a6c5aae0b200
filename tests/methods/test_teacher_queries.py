from collections.abc import Sequence

import pytest

from fusionlog.errors import SettingError, TeacherError
from fusionlog.methods.teacher_queries import DeduplicatedTeacher
from fusionlog.settings import SystemSettings
from fusionlog.teachers.base import EventVerdict, Unit, Verdict
from fusionlog.teachers.cost import Cost
from tests.factories import make_window

GOOD, BAD, DUMB = make_window("connection opened"), make_window("disk failed"), make_window("mumble")


class Teacher:
    """Knows a failure, and nothing of what mumbles; ten tokens a call."""

    name = "test"

    def __init__(self) -> None:
        self.cost, self.seen = Cost(), 0

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        self.seen += len(units)
        self.cost += Cost(calls=1, prompt_tokens=8, completion_tokens=2)
        return [self._verdict(unit) for unit in units]

    async def close(self) -> None:
        pass

    def _verdict(self, unit: Unit) -> Verdict | TeacherError:
        texts = " ".join(event.text for event in unit.events)
        if "mumble" in texts:
            return TeacherError("what?")
        said = 0.9 if "failed" in texts else 0.1
        return Verdict(said, 0.9, "", tuple(EventVerdict(event.id, said) for event in unit.events))


async def test_a_shape_is_asked_about_once_and_its_cost_is_kept() -> None:
    asked = Teacher()
    teacher = DeduplicatedTeacher(asked, SystemSettings())
    await teacher.ask([GOOD, BAD, GOOD])
    await teacher.ask([BAD, DUMB])
    assert asked.seen == 3
    assert teacher.cost == Cost(calls=2, prompt_tokens=16, completion_tokens=4, units=3)
    assert [query.anomalous for query in teacher.asked] == [False, True]
    assert set(teacher.labels) == {GOOD.shape, BAD.shape}


async def test_a_teacher_that_answers_nothing_at_all_ends_the_run() -> None:
    with pytest.raises(TeacherError, match="what"):
        await DeduplicatedTeacher(Teacher(), SystemSettings()).ask([DUMB, make_window("mumble", "mumble")])


async def test_without_a_teacher_nothing_can_be_asked() -> None:
    with pytest.raises(SettingError, match="there is none"):
        await DeduplicatedTeacher(None, SystemSettings()).ask([GOOD])
