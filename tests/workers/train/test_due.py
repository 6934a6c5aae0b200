"""When a target is due: examples of each reason, and what holds of every state."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fusionlog.records import TrainingRequest, TrainingResult, TrainingState
from fusionlog.settings import TrainSettings
from fusionlog.workers.train.decisions import decide, ended
from fusionlog.workers.train.due import Counts, Due, Target, due

NOW = 1_000_000.0
SETTINGS = TrainSettings(new_labels=20, changed_labels=5, interval=3600.0, stale_seconds=86400.0, drift=0.2)
RESULT = TrainingResult(outcome="published", reason="", at=NOW - 7200.0)


def state(**fields: Any) -> TrainingState:
    made = TrainingState(
        job="fusionlog-train-0123456789abcdef", systems=["shop"], reasons=[], decided_at=NOW - 7300.0, phase="ended",
        result=RESULT, next_at=NOW - 3700.0, labels_until=NOW - 7300.0,
    )  # fmt: skip
    return replace(made, **fields)


def of(counts: Counts, target: Target | None = None, settings: TrainSettings = SETTINGS) -> Due:
    return due(target or Target(state()), counts, NOW, settings, min_labels=5)


@pytest.mark.parametrize(
    ("counts", "reasons"),
    [
        (Counts(labels=20, new=20, oldest=NOW), ("20 new labels",)),
        (Counts(labels=19, new=19, oldest=NOW), ()),
        (Counts(labels=9, changed=5, oldest=NOW), ("5 changed labels",)),
        (Counts(labels=9, feedback=3, oldest=NOW), ("3 verdicts of operators",)),
        (Counts(labels=9, feedback=2, oldest=NOW), ()),
        (Counts(labels=4, new=20, changed=9, oldest=NOW), ()),
        (Counts(labels=9, new=1, oldest=NOW - 86400.0), ("a label waits since 86400 s",)),
        (
            Counts(labels=9, new=1, oldest=NOW, share=0.5, least_share=0.25),
            ("share of proprietary windows 0.50 after 0.25",),
        ),
        (Counts(labels=9, new=1, oldest=NOW, share=0.4, least_share=0.25), ()),
        (Counts(labels=9, share=0.9, least_share=0.0), ()),
    ],
)
def test_each_reason_makes_a_target_due(counts: Counts, reasons: tuple[str, ...]) -> None:
    assert of(counts).reasons == reasons


def test_drift_is_not_watched_at_zero_and_needs_a_training_before() -> None:
    drifted = Counts(labels=9, new=1, oldest=NOW, share=0.9, least_share=0.0)
    assert not of(drifted, settings=SETTINGS.model_copy(update={"drift": 0.0}))
    assert not of(drifted, Target())


def test_the_interval_that_counts_is_the_one_that_is_set_now() -> None:
    enough, recent = Counts(labels=50, new=50), state(decided_at=NOW - 60.0, next_at=NOW + 3540.0)
    assert of(enough, Target(recent)).at == NOW + 3540.0
    assert of(enough, Target(recent), SETTINGS.model_copy(update={"interval": 30.0})).reasons


def test_of_two_pauses_the_newer_one_counts() -> None:
    enough = Counts(labels=50, new=50)
    paused, resumed = (TrainingRequest(by="ann", paused=flag, paused_at=at) for flag, at in ((True, 5.0), (False, 6.0)))
    assert not of(enough, Target(state(), paused))
    assert not of(enough, Target(state(), general=paused))
    assert of(enough, Target(state(), resumed, paused))
    assert of(enough, Target(state(), paused, resumed))
    assert "fusionlog train resume" in of(enough, Target(state(), paused)).why


def test_a_request_for_now_counts_once() -> None:
    request = TrainingRequest(by="ann", now_at=NOW - 10.0)
    assert of(Counts(), Target(state(), request)).reasons == ("operator",)
    assert not of(Counts(), Target(state(decided_at=NOW - 5.0), request))


times = st.floats(NOW - 10_000, NOW + 10_000)
counts = st.builds(
    Counts, labels=st.integers(0, 60), new=st.integers(0, 60), changed=st.integers(0, 60), feedback=st.integers(0, 9),
    oldest=st.none() | times, share=st.none() | st.floats(0, 1), least_share=st.none() | st.floats(0, 1),
)  # fmt: skip
requests = st.none() | st.builds(
    TrainingRequest, by=st.just("ann"), paused=st.booleans(), paused_at=times, now_at=st.just(0.0) | times
)
states = st.none() | st.builds(
    state, phase=st.sampled_from(["decided", "submitted", "ended"]), failures=st.integers(0, 5), next_at=times,
    decided_at=times,
)  # fmt: skip
targets = st.builds(Target, states, requests, requests)
settings = st.builds(TrainSettings, interval=st.floats(0, 9000), drift=st.floats(0, 1), new_labels=st.integers(1, 60))


@given(targets, counts, settings)
def test_nothing_is_due_while_it_runs_is_paused_or_waits_but_by_request(
    target: Target, found: Counts, train: TrainSettings
) -> None:
    answer = due(target, found, NOW, train, 5)
    assert bool(answer) == bool(answer.reasons) and answer.why
    if target.running:
        assert not answer
    elif target.requested:
        assert answer.reasons == ("operator",)
    elif target.paused or answer.at > NOW:
        assert not answer
    elif answer and not target.failures:
        assert found.labels >= 5 and found.news > 0


@given(targets, counts, settings, st.integers(0, 50), st.integers(0, 50))
def test_more_labels_never_make_a_due_target_wait(
    target: Target, found: Counts, train: TrainSettings, new: int, changed: int
) -> None:
    more = dataclasses.replace(found, labels=found.labels + new, new=found.new + new, changed=found.changed + changed)
    assert not due(target, found, NOW, train, 5) or due(target, more, NOW, train, 5)


@given(targets.filter(lambda target: not target.running), counts, settings)
def test_a_training_with_a_result_is_not_due_again_without_news(
    target: Target, found: Counts, train: TrainSettings
) -> None:
    request = target.request and replace(target.request, now_at=min(target.request.now_at, NOW))
    decided = decide({"shop": due(target, found, NOW, train, 5)}, {}, NOW, "", "")["shop"]
    after = ended(decided, replace(RESULT, at=NOW + 60), train, "")
    for seconds in (60, 1e5, 1e9):
        assert not due(Target(after, request, target.general), Counts(labels=50), NOW + seconds, train, 5)
