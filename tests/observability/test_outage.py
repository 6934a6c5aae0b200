"""Something goes away and comes back: each change is news once."""

from __future__ import annotations

from fusionlog.observability.outage import Outage


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_outage_is_news_once_and_so_is_its_end() -> None:
    clock = Clock()
    outage = Outage(clock=clock)
    assert outage.there and outage.back() is None
    assert outage.away("refused") and not outage.away("refused") and not outage.away("no answer")
    assert outage.reason == "no answer" and not outage.there
    clock.now += 30
    assert outage.back() == 30 and outage.back() is None and outage.there
    assert outage.away("refused"), "the next outage is news again"


def test_a_reminder_comes_when_its_time_has_passed() -> None:
    clock = Clock()
    outage = Outage(clock=clock, remind_seconds=60)
    news = []
    for _ in range(6):
        news.append(outage.away("refused"))
        clock.now += 30
    assert news == [True, False, True, False, True, False]


def test_the_first_connection_is_no_return() -> None:
    assert Outage("it was not reached yet").back() is None
