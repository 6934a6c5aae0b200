from __future__ import annotations

from fusionlog.teachers.llm.repeats import Repeats
from tests.teachers.factories import Clock


def test_a_unit_is_repeated_twice_an_hour() -> None:
    repeats = Repeats(clock := Clock())
    assert repeats.take(b"a") and repeats.take(b"a", b"b") and not repeats.take(b"a")
    assert not repeats.take(b"a", b"b") and repeats.take(b"b"), "none is counted where one has none left"
    clock.now += 3601
    assert repeats.take(b"a", b"b")
