from __future__ import annotations

import pytest

from fusionlog.novelty.cooccurrence import LEAST_WINDOWS, MAX_EVENTS, Cooccurrence
from fusionlog.records import Window, template_id
from tests.factories import make_window

ORDER = make_window("begin", "pay", "commit")


def counted(window: Window, times: int = 99) -> Cooccurrence:
    found = Cooccurrence()
    found.update(window, times)
    return found


def least(found: Cooccurrence, window: Window, own: int = 0) -> float:
    return min((each.share for each in found.deviations(window, own)), default=1.0)


def test_nothing_is_known_of_what_was_seen_too_seldom() -> None:
    assert not list(Cooccurrence().deviations(ORDER))
    assert not list(counted(ORDER, LEAST_WINDOWS - 1).deviations(make_window("begin")))


@pytest.mark.parametrize(
    "lines",
    [("begin", "commit"), ("begin", "pay", "pay", "commit"), ("begin", "pay")],
    ids=["a step is missing", "a step is repeated", "the end is missing"],
)
def test_a_deviation_is_as_unlikely_as_what_it_deviates_from_was_certain(lines: tuple[str, ...]) -> None:
    assert least(counted(ORDER), ORDER) == 1.0
    assert least(counted(ORDER), make_window(*lines)) == pytest.approx(1 / 100)
    assert least(counted(ORDER, 9_999), make_window(*lines)) == pytest.approx(1 / 10_000)


def test_a_window_is_compared_with_the_others_alone() -> None:
    found = counted(ORDER)
    found.update(make_window("begin"), 5)
    assert least(found, make_window("begin"), own=5) == least(counted(ORDER), make_window("begin"))


def test_a_window_of_very_many_events_is_not_counted() -> None:
    large = make_window(*(f"event {number}" for number in range(MAX_EVENTS + 1)))
    assert counted(large).windows == 0


def test_a_risk_difference_is_the_fall_of_a_usual_step_beside_an_event() -> None:
    found = Cooccurrence()
    found.update(make_window("opened", "closed"), 60)
    found.update(make_window("opened", "failed"), 40)
    found.update(make_window("opened", "retried", "closed"), 40)
    assert found.risk_difference(template_id("failed")) > 0.9
    assert found.risk_difference(template_id("retried")) == 0.0
    assert found.risk_difference(template_id("unheard")) == 0.0


def test_tables_of_the_most_frequent_templates_hold_what_was_counted_of_them() -> None:
    found = counted(ORDER)
    found.update(make_window("seldom"))
    restored = Cooccurrence.of(found.tables(3))
    assert least(restored, make_window("begin", "commit")) == least(found, make_window("begin", "commit"))
    assert list(found.tables(3).counts) == [event.template for event in ORDER.events]


def test_tables_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        Cooccurrence.of(counted(ORDER).tables(3)._replace(last=[1]))
