"""What the canary waits for, and for how long."""

from __future__ import annotations

from fusionlog.workers.canary.sessions import Session
from fusionlog.workers.canary.watch import LOST_AFTER, MOST_REMEMBERED, Watch
from tests.observability.test_outage import Clock

PLACE = ("raw", 0)


def anomaly(at: float) -> Session:
    return Session(at, "anomaly", "me")


def normal(at: float) -> Session:
    return Session(at, "normal", "me")


def watching(clock: Clock) -> Watch:
    return Watch(60.0, 30.0, clock)


def test_an_anomaly_is_late_after_its_timeout_until_it_comes() -> None:
    clock = Clock()
    watch = watching(clock)
    watch.sending(anomaly(1.0))
    watch.sent(anomaly(1.0), PLACE, 7)
    clock.now += 30.0
    assert watch.overdue() is None
    clock.now += 1.0
    late = watch.overdue()
    assert late is not None and late.place == (PLACE, 7)
    watch.arrived(anomaly(1.0), "base-1", 0.0)
    assert watch.overdue() is None
    assert (watch.latency, watch.age, watch.source) == (31.0, 0.0, "base-1")


def test_the_age_counts_from_the_start_until_one_comes_and_from_the_last_one_then() -> None:
    clock = Clock()
    watch = watching(clock)
    clock.now += 10.0
    assert watch.age == 10.0
    watch.arrived(Session(1.0, "anomaly", "before the restart"), "base-1", 25.0)
    assert (watch.age, watch.latency, watch.arrived_at) == (25.0, None, None), "it was another process's"
    watch.arrived(Session(0.0, "anomaly", "before that"), "base-0", 95.0)
    assert (watch.age, watch.source) == (25.0, "base-1"), "an older one is no news"
    watch.sending(anomaly(2.0))
    watch.arrived(anomaly(2.0), "base-1", 99.0)
    assert watch.age == 0.0, "whatever the clock of who had the verdict"


def test_one_that_comes_does_not_hide_that_another_partition_is_stuck() -> None:
    clock = Clock()
    watch = watching(clock)
    watch.sending(anomaly(0.0))
    for number in range(1, LOST_AFTER):
        clock.now += 60.0
        watch.sending(anomaly(60.0 * number))
        watch.arrived(anomaly(60.0 * number), "base-1", 0.0)
        assert watch.overdue() is not None
    watch.sending(anomaly(1000.0))
    clock.now += 1.0
    watch.sending(anomaly(1001.0))
    watch.arrived(anomaly(1001.0), "base-1", 0.0)
    assert watch.overdue() is None, "it is lost, and was reported for as long"
    watch.arrived(anomaly(0.0), "base-1", 0.0)
    assert watch.age == 0.0


def test_lines_that_kafka_did_not_take_are_not_waited_for() -> None:
    clock = Clock()
    watch = watching(clock)
    watch.sending(anomaly(1.0))
    watch.unsent(anomaly(1.0), "no answer in time")
    clock.now += 100.0
    assert (watch.overdue(), watch.not_sent) == (None, "no answer in time")
    watch.sending(anomaly(2.0))
    watch.sent(anomaly(2.0), PLACE, 9)
    assert watch.not_sent is None


def test_a_false_alarm_lasts_until_sessions_that_were_sent_later_come() -> None:
    watch = watching(Clock())
    assert watch.arrived(normal(0.0), "base-1", 0.0)
    assert not watch.arrived(normal(0.0), "base-1", 0.0), "a record may come twice"
    for at in (0.0, 60.0):
        watch.arrived(anomaly(at), "base-1", 0.0)
        assert watch.false_alarm is not None and watch.false_alarm.source == "base-1"
    watch.arrived(anomaly(120.0), "base-1", 0.0)
    assert watch.false_alarm is None


def test_what_is_remembered_is_bounded() -> None:
    clock = Clock()
    watch = watching(clock)
    for number in range(2 * MOST_REMEMBERED):
        watch.sending(anomaly(float(number)))
        watch.arrived(normal(float(number)), "base-1", 0.0)
        clock.now += 60.0
    late = watch.overdue()
    assert late is not None and late.session == anomaly(float(MOST_REMEMBERED))
    assert len(watch._alarms) <= MOST_REMEMBERED
