"""The outbox of a target: order, rate, retries, and what is given up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fusionlog.incidents.notifications.due import Due
from fusionlog.incidents.notifications.outbox import LONGEST_WAIT, Outbox
from fusionlog.records import Incident, Notification
from tests.incidents.notifications.factories import NOW, make_incident, make_target


class Target:
    """An outbox, and the target behind it; time passes by `at`."""

    def __init__(self, *incidents: Incident, sent: Sequence[Notification] = (), **settings: Any) -> None:
        self.reasons: list[str] = []
        self.outbox, self.at = Outbox(make_target(**settings), sent, self.reasons.append), 0.0
        self.written: list[Notification] = []
        self.put(*incidents)

    def put(self, *incidents: Incident) -> None:
        for each in incidents:
            self.outbox.put(each, self.at)

    def next(self) -> Sequence[Due]:
        batch = self.outbox.next(self.at)
        if batch:
            self.outbox.started(self.at)
        return batch

    def accept(self) -> list[tuple[str, str | None]]:
        """Accept all requests that may be made now."""
        found = []
        while batch := self.next():
            found += [(due.id, due.change) for due in batch]
            self.written += self.outbox.delivered(batch, self.at, NOW + self.at)
        return found

    def fail(self, asked: float | None = None) -> list[str]:
        """Fail a request; what is given up."""
        return [due.id for due in self.outbox.failed(self.next(), self.at, "away", asked)]


ONE = make_incident()


def test_what_was_accepted_is_sent_no_second_time_by_this_worker_or_the_next() -> None:
    target = Target(ONE)
    assert target.accept() == [(ONE.id, "opened")]
    target.put(replace(ONE, anomalies=9))
    assert target.accept() == []
    assert Target(ONE, sent=target.written).accept() == []
    assert Target(replace(ONE, status="resolved"), sent=target.written).accept() == [(ONE.id, "resolved")]


def test_what_was_sent_and_not_noted_is_sent_again() -> None:
    target = Target(ONE)
    batch = target.next()
    assert [(due.id, due.number) for due in batch] == [(due.id, due.number) for due in Target(ONE).next()]


def test_the_most_severe_come_first_then_the_earliest() -> None:
    made = [
        make_incident(n, severity=s, first_seen=NOW - n) for n, s in enumerate(["warning", "critical", "error"] * 2)
    ]
    found = [due.incident for due in Target(*made).next()]
    assert [each.severity for each in found] == ["critical"] * 2 + ["error"] * 2 + ["warning"] * 2
    assert found[0].first_seen < found[1].first_seen


def test_no_more_requests_than_the_rate_allows_and_a_storm_is_sent_in_batches() -> None:
    many = [make_incident(number) for number in range(45)]
    target = Target(*many, per_minute=2)
    assert [len(target.next()) for _ in range(1)] == [10]
    target = Target(*many, per_minute=2)
    assert len(target.accept()) == 20 and target.outbox.wait(target.at) == 60.0
    target.at = 59.9
    assert target.accept() == []
    target.at = 60.0
    assert len(target.accept()) == 20
    assert len(target.outbox) == 5


def test_an_incident_that_waits_is_sent_as_it_is_then_or_not_at_all() -> None:
    first, second, third = (make_incident(number, severity="warning") for number in range(3))
    target = Target(type="webhook", per_minute=1)
    target.put(first)
    target.accept()
    target.put(second, third)
    target.put(replace(second, severity="critical"), replace(third, status="resolved"))
    target.at = 60.0
    assert [(due.incident.severity, due.change) for due in target.next()] == [("critical", "opened")]
    assert target.reasons == ["over"]


def test_a_target_that_fails_is_left_alone_for_longer_and_longer_and_nothing_is_lost() -> None:
    target, waits = Target(ONE, per_minute=6000, give_up_seconds=1e9), []
    for _ in range(20):
        assert target.fail() == [] and not target.outbox.next(target.at)
        waits.append(target.outbox.wait(target.at) or 0.0)
        target.at += waits[-1]
    assert waits[0] <= 1.0 and LONGEST_WAIT / 2 <= waits[-1] <= LONGEST_WAIT
    assert target.outbox.problem == "away"
    assert target.accept() == [(ONE.id, "opened")] and target.outbox.problem is None


def test_it_waits_for_as_long_as_the_target_asks() -> None:
    target = Target(ONE)
    target.fail(asked=120.0)
    assert target.outbox.wait(target.at) == 120.0


def test_what_fails_for_too_long_is_given_up_once_and_sent_where_it_still_stands_when_the_target_is_back() -> None:
    over, still = make_incident(1), make_incident(2)
    target = Target(over, still, give_up_seconds=100, per_minute=6000)
    assert target.fail() == []
    target.at = 101.0
    assert sorted(target.fail()) == sorted([over.id, still.id])
    target.at = 1000.0
    assert target.fail() == [] and target.outbox.is_away, "each is given up once"
    target.at = 2000.0
    target.put(replace(over, status="resolved"))
    assert target.accept() == [(still.id, "opened")] and not target.outbox.is_away


def test_what_waits_for_the_rate_is_not_given_up_with_the_first_failure() -> None:
    target = Target(ONE, give_up_seconds=10)
    target.at = 1000.0
    assert target.fail() == []


def test_of_a_refused_batch_the_messages_are_sent_one_by_one_and_the_bad_one_is_given_up() -> None:
    good, bad = make_incident(1), make_incident(2)
    target = Target(good, bad)
    assert target.outbox.refused(target.next(), target.at, "no") == []
    found = []
    while batch := target.next():
        (due,) = batch
        if due.id == bad.id:
            found += [each.id for each in target.outbox.refused(batch, target.at, "no")]
        else:
            target.outbox.delivered(batch, target.at, NOW)
    assert found == [bad.id] and not target.outbox.is_away
    target.put(replace(bad, anomalies=7))
    assert target.next() == ()
    target.put(replace(bad, severity="critical"))
    assert [due.change for due in target.next()] == ["opened"]


def test_alerts_of_open_incidents_are_sent_again_each_minute_and_by_the_next_worker_at_once() -> None:
    target = Target(ONE, type="alertmanager")
    assert target.accept() == [(ONE.id, "opened")]
    assert target.outbox.wait(target.at) == 60.0
    target.at = 60.0
    assert target.accept() == [(ONE.id, None)] and len(target.written) == 1
    assert Target(ONE, type="alertmanager", sent=target.written).accept() == [(ONE.id, None)]
    target.put(replace(ONE, status="resolved"))
    assert target.accept() == [(ONE.id, "resolved")]
    assert target.outbox.wait(target.at) is None and ONE.id not in target.outbox


def test_a_forgotten_incident_is_left_out() -> None:
    target = Target(ONE)
    target.accept()
    assert target.outbox.remove(ONE.id) and not target.outbox.remove(ONE.id)
    assert ONE.id not in target.outbox


STATES = st.lists(
    st.tuples(
        st.sampled_from(("open", "resolved", "withdrawn")), st.sampled_from(("warning", "error", "critical")),
        st.sampled_from(("accept", "fail", "wait", "restart")),
    ),
    max_size=30,
)  # fmt: skip


@given(STATES)
def test_whatever_happens_messages_alternate_and_the_last_one_is_of_the_last_state(
    states: list[tuple[Any, Any, str]],
) -> None:
    target, incident = Target(per_minute=6000), ONE
    for number, (status, severity, then) in enumerate(states):
        came_back = incident.status == "resolved" and status == "open"
        incident = replace(incident, status=status, severity=severity, reopened=incident.reopened + came_back)
        target.put(incident)
        if then == "accept":
            target.accept()
        elif then == "fail" and target.outbox.next(target.at):
            target.fail()
        elif then == "restart":
            written = target.written
            target = Target(incident, sent=written[-1:], per_minute=6000)
            target.written = written
        target.at = 1000.0 * (number + 1)
    target.accept()
    changes = [each.change for each in target.written]
    ends = {"resolved", "withdrawn"}
    open_now = False
    for each in changes:
        assert (each in ends or each == "updated") == open_now, changes
        open_now = each not in ends
    assert changes.count("opened") <= 1
    if states:
        assert open_now == (incident.status == "open")
