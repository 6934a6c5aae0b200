"""The run of a demo where it cannot go on: which sentence says so, and that nothing is left running."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from fusionlog.demo import parts, run
from fusionlog.demo.plan import Plan
from fusionlog.demo.progress import Counts
from fusionlog.demo.run import Demo, DemoError
from fusionlog.errors import BrokerError
from fusionlog.records import TrainingRequest, TrainingResult, TrainingState
from fusionlog.records.training import TrainingOutcome, TrainingPhase
from fusionlog.settings import Settings
from fusionlog.utils.processes import Child, ChildError
from fusionlog.workers.train.decisions import decide
from fusionlog.workers.train.due import Due
from tests.agents.stage import until
from tests.brokers import free_ports
from tests.encoders import make_encoder
from tests.evaluation.factories import SYSTEMS, write_data, write_verdicts


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    data = write_data(tmp_path / "data", sessions=5)
    target, *sources = SYSTEMS
    return Plan(data=data, target=target, sources=tuple(sources), logs=tmp_path / "logs")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "POLL_SECONDS", 0.01)


def test_what_the_view_shows_is_there_before_the_run(plan: Plan) -> None:
    progress = Demo(plan).progress
    assert (progress.target, progress.lines_total, progress.lines_sent) == ("shop", len(Demo(plan).feed.lines), 0)
    assert progress.lines_total > 5


async def test_a_kafka_that_does_not_answer_ends_the_run_where_it_was(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUSIONLOG_ENCODER", str(make_encoder(tmp_path / "encoder")))
    address = f"127.0.0.1:{free_ports(1)[0]}"
    demo = Demo(Plan(plan.data, plan.target, plan.sources, kafka=address, ray="http://127.0.0.1:1", logs=plan.logs))
    with pytest.raises(BrokerError, match=address):
        await demo.run()
    assert demo.progress.phase == "starting Ray and Kafka"


async def test_nothing_is_left_running_after_an_error(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The teacher runs when the topics cannot be created: a broker that answers once, then never."""
    started: list[Child] = []
    start = Child.start

    async def noted(child: Child) -> None:
        await start(child)
        started.append(child)

    async def reached(*_: object) -> None:
        """Kafka was there a moment ago."""

    monkeypatch.setenv("FUSIONLOG_ENCODER", str(make_encoder(tmp_path / "encoder")))
    monkeypatch.setattr(parts, "reach", reached)
    monkeypatch.setattr(Child, "start", noted)
    write_verdicts(plan.data, plan.target)
    address = f"127.0.0.1:{free_ports(1)[0]}"
    verdicts = plan.data / plan.target / "verdicts.jsonl"
    demo = Demo(
        Plan(
            plan.data, plan.target, plan.sources, kafka=address, ray="http://127.0.0.1:1", verdicts=verdicts,
            logs=plan.logs,
        )
    )  # fmt: skip
    with pytest.raises(BrokerError, match=address):
        await demo.run()
    assert [child.name for child in started] == ["the recorded teacher"]
    assert not started[0].running


async def test_a_wait_that_stands_still_says_for_what_and_what_the_parts_said_last(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "STALL_SECONDS", 0.05)
    demo = Demo(plan)
    child = Child("the score worker", ["sleep", "60"], tmp_path / "log")
    await child.start()
    child.log.write_text("first\nwaiting for a model\n")
    demo._children = [child]
    try:
        with pytest.raises(DemoError, match=r"no base model came for 0 s \(the score worker: waiting for a model\)"):
            await demo._until(lambda: False, "no base model came")
    finally:
        await child.stop(1.0)


async def test_a_wait_in_which_something_moves_goes_on(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer than a standstill may: each move starts that time anew."""
    monkeypatch.setattr(run, "STALL_SECONDS", 0.2)
    moves = iter(range(1000))
    seen: list[int] = []

    def moved() -> int:
        seen.append(next(moves))
        return seen[-1]

    waited = asyncio.get_running_loop().time() + 0.5
    await Demo(plan)._until(lambda: asyncio.get_running_loop().time() > waited, "it stands still", still_moving=moved)
    assert len(seen) > 1


async def test_a_worker_that_ended_ends_the_wait_with_its_last_words(plan: Plan, tmp_path: Path) -> None:
    demo = Demo(plan)
    child = Child("the score worker", [sys.executable, "-c", "print('no room for it')"], tmp_path / "log")
    await child.start()
    demo._children = [child]
    with pytest.raises(ChildError, match=r"the score worker ended by itself .*no room for it"):
        await demo._until(lambda: False, "no base model came")
    await child.stop()


def training(phase: TrainingPhase, outcome: TrainingOutcome | None = None) -> TrainingState:
    """A state of the target's training."""
    result = TrainingResult(outcome=outcome, reason="why it is so", at=9.0) if outcome else None
    decided = decide({"shop": Due(("80 new labels",))}, {}, 9.0, "", "w")["shop"]
    return replace(decided, phase=phase, result=result)


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[TrainingRequest]:
    """The requests that a demo makes."""
    found: list[TrainingRequest] = []

    async def request(
        settings: Settings, systems: Sequence[str], by: str, change: Callable[[TrainingRequest], TrainingRequest]
    ) -> None:
        assert systems == ["shop"]
        found.append(change(TrainingRequest(by=by)))

    monkeypatch.setattr(run, "request", request)
    return found


async def test_a_training_that_is_not_due_by_itself_is_requested(plan: Plan, requested: list[TrainingRequest]) -> None:
    demo = Demo(plan)
    demo.progress.counts = Counts(windows_general=1, windows_scored=1)
    waiting = asyncio.create_task(demo._trained(Settings()))
    await until(lambda: requested, 30)
    assert len(requested) == 1 and requested[0].now_at > 0 and not waiting.done()
    demo.progress.training = training("submitted")
    demo.progress.training = training("ended", "published")
    await until(lambda: demo.progress.jobs, 30)
    assert not waiting.done(), "no worker has swapped yet"
    demo.progress.counts = Counts(model_swaps=1)
    await asyncio.wait_for(waiting, 30)
    assert demo.progress.jobs == ["why it is so"]


@pytest.mark.parametrize("outcome", ["rejected", "nothing to do"])
async def test_a_training_without_a_release_is_a_result_and_nothing_is_requested(
    plan: Plan, requested: list[TrainingRequest], outcome: TrainingOutcome
) -> None:
    demo = Demo(plan)
    demo.progress.training = training("ended", outcome)
    await demo._trained(Settings())
    assert demo.progress.jobs == ["why it is so"] and not requested


async def test_a_training_that_failed_ends_the_demo_with_its_reason(plan: Plan) -> None:
    demo = Demo(plan)
    demo.progress.training = training("ended", "failed")
    with pytest.raises(DemoError, match="the training of shop failed: why it is so"):
        await demo._trained(Settings())
