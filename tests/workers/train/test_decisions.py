"""What is left of a decision, whichever of its records were written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fusionlog.records import TrainingResult
from fusionlog.settings import TrainSettings
from fusionlog.workers.train.decisions import (
    MOST_RETRY_SECONDS,
    back_off,
    completed,
    decide,
    ended,
    open_jobs,
    submission_id,
    submitted,
)
from fusionlog.workers.train.due import Due

NAMES = ("mill", "pay", "shop")
DUE = {name: Due(("20 new labels",), "", 0.0) for name in NAMES}
SETTINGS = TrainSettings()
PUBLISHED = TrainingResult(outcome="published", reason="", at=1100.0)


def test_a_decision_has_one_submission_id_and_no_other_has_it() -> None:
    first = decide(DUE, {}, 1000.0, "here", "w")
    assert {state.job for state in first.values()} == {submission_id("here", NAMES, 1000.0)}
    others = (submission_id("there", NAMES, 1000.0), submission_id("here", NAMES[1:], 1000.0),
              submission_id("here", NAMES, 1000.1))  # fmt: skip
    assert len({first["shop"].job, *others}) == 4


def test_a_decision_is_the_newest_also_where_the_clock_before_was_ahead() -> None:
    before = {name: ended(state, PUBLISHED, SETTINGS, "w") for name, state in decide(DUE, {}, 2000.0, "", "w").items()}
    again = decide({"shop": DUE["shop"]}, before, 1500.0, "", "w")
    assert again["shop"].decided_at > 2000.0
    (job,) = open_jobs(before | again)
    assert (job.systems, job.open, job.unwritten) == (("shop",), ("shop",), ())


@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_any_record_of_a_decision_is_enough_to_find_it_again(written: set[str]) -> None:
    states = {name: state for name, state in decide(DUE, {}, 1000.0, "", "w").items() if name in written}
    (job,) = open_jobs(states)
    assert job.systems == job.open == NAMES
    assert set(job.unwritten) == set(NAMES) - written
    whole = states | completed(job, states, "w")
    assert {state.job for state in whole.values()} == {job.id} and not open_jobs(whole)[0].unwritten


@given(st.sets(st.sampled_from(NAMES)))
def test_a_decision_is_open_for_the_targets_without_its_result(finished: set[str]) -> None:
    states = {name: submitted(state, 1001.0, "w") for name, state in decide(DUE, {}, 1000.0, "", "w").items()}
    states |= {name: ended(states[name], PUBLISHED, SETTINGS, "w") for name in finished}
    left = tuple(name for name in NAMES if name not in finished)
    assert [job.open for job in open_jobs(states)] == ([left] if left else [])
    assert all(job.submitted for job in open_jobs(states))


def test_a_failure_keeps_its_labels_and_doubles_its_wait() -> None:
    state = decide(DUE, {}, 1000.0, "", "w")["shop"]
    failed = TrainingResult(outcome="failed", reason="no memory", at=1100.0)
    once = ended(state, failed, SETTINGS, "w")
    twice = ended(decide({"shop": DUE["shop"]}, {"shop": once}, 1200.0, "", "w")["shop"], failed, SETTINGS, "w")
    assert (once.failures, once.next_at, once.labels_until) == (1, 1160.0, 0.0)
    assert (twice.failures, twice.next_at) == (2, 1220.0)
    done = ended(decide({"shop": DUE["shop"]}, {"shop": twice}, 1300.0, "", "w")["shop"], PUBLISHED, SETTINGS, "w")
    assert (done.failures, done.labels_until) == (0, 1300.0)
    assert back_off(10_000, 60.0) == MOST_RETRY_SECONDS and back_off(3, 2e5) == 2e5
