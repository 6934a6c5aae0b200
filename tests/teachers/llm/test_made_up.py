from __future__ import annotations

from fusionlog.teachers.llm.injections import has_instructions
from fusionlog.teachers.llm.made_up import UNITS, shortened
from tests.teachers.factories import make_unit


def test_there_are_six_of_one_call() -> None:
    assert len(UNITS) == 6 and len({(unit.system, unit.policy) for unit in UNITS}) == 1
    assert not any(map(has_instructions, UNITS))


def test_a_unit_that_is_shortened_becomes_shorter_each_time() -> None:
    unit = make_unit(*(f"event {number} " + "x" * 300 for number in range(60)))
    sizes = []
    for _ in range(6):
        unit = shortened(unit)
        sizes.append((len(unit.events), len(unit.events[0].text)))
    assert sizes == [(15, 100), (7, 50), (3, 25), (1, 20), (1, 20), (1, 20)]
    assert [event.id for event in unit.events] == [1]
