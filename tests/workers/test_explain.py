"""The explain worker's logic: the highest score first, once a shape, nothing lost while the LLM is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import TopicPartition
from msgspec.structs import replace
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from fusionlog.errors import TeacherError
from fusionlog.explanation.priority_pool import Key, key_of
from fusionlog.incidents import group
from fusionlog.kafka import codecs
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.crash_notes import Suspect
from fusionlog.kafka.ordered_acks import Delivery
from fusionlog.records import Anomaly, Evidence, Explanation
from fusionlog.settings import ExplainSettings, Settings, SystemSettings
from fusionlog.teachers.llm.budget import Budget
from fusionlog.topics import CANARY
from fusionlog.workers.explain import MAX_PASSED, ExplainWorker
from fusionlog.workers.explained_incidents import ExplainedIncidents
from tests.explanation.factories import make_explanation
from tests.factories import make_anomaly
from tests.kafka.test_crash_guard import Notes
from tests.teachers.factories import Clock
from tests.workers.memory import MemoryProducer, Message

TURNS = 300
"""Turns of the event loop: what one candidate takes is less than ten."""


class Known(set[Key]):
    """Shapes that were explained."""


class ScriptedExplainer:
    """Explains at the cost of a call; `errors` are raised first. While `gate` is closed it is thinking."""

    def __init__(self, clock: Clock, calls: int, *errors: TeacherError | None) -> None:
        self.clock, self.calls, self.errors = clock, calls, list(errors)
        self.asked, self.budgets, self.gate = list[float](), dict[str, Budget](), asyncio.Event()
        self.gate.set()

    def budget(self, system: str) -> Budget:
        return self.budgets.setdefault(system, Budget(self.calls, self.clock))

    async def explain(self, anomaly: Anomaly, system: SystemSettings) -> Explanation:
        self.asked.append(anomaly.score)
        self.budget(anomaly.system).spend()
        await self.gate.wait()
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return make_explanation(anomaly)


class Bench:
    def __init__(
        self, *errors: TeacherError | None, calls: int = 100, waiting: int = 10, guard: CrashGuard | None = None,
        grouped: bool = False, **producer: Any,
    ) -> None:  # fmt: skip
        self.clock, self.known, self.producer = Clock(), Known(), MemoryProducer(**producer)
        self.settings = Settings(explain=ExplainSettings(max_pending=waiting))
        self.explainer, self.acked, self.owned = ScriptedExplainer(self.clock, calls, *errors), list[int](), {0}
        self.awake = asyncio.Event()
        self.incidents = ExplainedIncidents(self.settings)
        self.explaining = ExplainWorker(
            self.settings, self.producer, self.known, self.explainer, self.sleep,  # type: ignore[arg-type]
            lambda place: place[1] in self.owned, guard, incidents=self.incidents if grouped else None,
            clock=self.clock,
        )  # fmt: skip
        self._next = 0

    async def sleep(self, seconds: float) -> None:
        self.clock.slept.append(seconds)
        await self.awake.wait()

    async def take(self, *found: Anomaly | bytes) -> None:
        for each in found:
            value = each if isinstance(each, bytes) else codecs.encode(each)
            message, offset = Message(value, topic="anomalies", offset=self._next), self._next
            self._next += 1
            await self.explaining.take(Delivery(message, lambda offset=offset: self.acked.append(offset)))  # type: ignore[misc]

    async def run(self) -> None:
        """Let it explain until it waits for something."""
        async with self.running():
            pass

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let it explain meanwhile, and until it waits for something."""
        task = asyncio.create_task(self.explaining.run())
        await at_rest()
        yield
        await at_rest()
        assert not task.done() or not task.exception()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def told(self) -> list[Explanation]:
        return self.producer.of(self.settings.topics.explanations, Explanation)  # type: ignore[return-value]

    def letters(self) -> list[dict[str, str]]:
        return self.producer.letters(self.settings.topics.deadletter)


async def at_rest() -> None:
    """Let the event loop turn until whatever can go on has done so: nothing here waits for a clock or a socket."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def scored(*scores: float, system: str = "shop") -> list[Anomaly]:
    """Anomalies of different shapes."""
    return [make_anomaly(f"failed {score}", score=score, system=system) for score in scores]


def outcomes(system: str, outcome: str) -> float:
    labels = {"system": system, "outcome": outcome}
    return REGISTRY.get_sample_value("fusionlog_anomalies_explained_total", labels) or 0.0


async def test_the_highest_score_is_explained_first_and_acknowledged_in_order() -> None:
    bench = Bench(calls=2)
    await bench.take(*scored(0.6, 0.9, 0.8))
    await bench.run()
    assert bench.explainer.asked == [0.9, 0.8]
    assert [each.score for each in bench.told()] == [0.9, 0.8] and bench.acked == [], "the first one waits still"
    bench.clock.now += 3600
    await bench.run()
    assert bench.explainer.asked == [0.9, 0.8, 0.6] and bench.acked == [0, 1, 2]


async def test_what_comes_while_the_llm_thinks_is_weighed_before_the_next_call() -> None:
    bench = Bench()
    bench.explainer.gate.clear()
    await bench.take(*scored(0.6, 0.7))
    async with bench.running():
        await bench.take(*scored(0.9))
        bench.explainer.gate.set()
    assert bench.explainer.asked == [0.7, 0.9, 0.6]


async def test_no_call_is_made_about_the_canary() -> None:
    bench, before = Bench(), outcomes(CANARY, "canary")
    await bench.take(*scored(0.9, system=CANARY))
    await bench.run()
    assert bench.explainer.asked == [] and bench.acked == [0] and CANARY not in bench.explainer.budgets
    assert outcomes(CANARY, "canary") == before + 1


async def test_a_shape_is_explained_once() -> None:
    bench = Bench()
    bench.known.add(key_of(scored(0.8)[0]))
    await bench.take(*scored(0.8), *scored(0.9), *scored(0.9))
    await bench.run()
    await bench.take(*scored(0.9))
    await bench.run()
    assert bench.explainer.asked == [0.9] and bench.acked == [0, 1, 2, 3]


async def test_another_workers_explanation_is_not_paid_for_again() -> None:
    bench = Bench()
    await bench.take(*scored(0.9))
    bench.known.add(key_of(scored(0.9)[0]))
    await bench.run()
    assert bench.explainer.asked == [] and bench.acked == [0]


async def test_the_crash_note_of_an_anomaly_goes_when_it_is_explained() -> None:
    notes, place = Notes(), TopicPartition("anomalies", 0)
    notes.kept[place] = Suspect(0, 0, 1, "it died")
    guard = CrashGuard(notes)  # type: ignore[arg-type]
    guard.assigned([place])
    bench = Bench(guard=guard)
    await bench.take(*scored(0.9))
    await bench.run()
    assert bench.acked == [0] and not notes.kept


async def test_spent_calls_are_one_sentence_with_the_time_at_which_they_go_on() -> None:
    bench = Bench(calls=1)
    with capture_logs() as logs:
        await bench.take(*scored(0.9, 0.8))
        async with bench.running():
            await bench.take(*scored(0.7))
    (spent,) = [each for each in logs if "the calls of the hour are spent" in each["event"]]
    assert (spent["log_level"], spent["system"], spent["waiting"]) == ("warning", "shop", 1)
    assert spent["goes_on"].endswith(" UTC") and "raise FUSIONLOG_EXPLAIN__CALLS_PER_HOUR" in spent["event"]


async def test_spent_calls_of_one_system_do_not_stop_another() -> None:
    bench = Bench(calls=1)
    await bench.take(*scored(0.9, 0.8), *scored(0.6, system="mill"))
    await bench.run()
    assert bench.explainer.asked == [0.9, 0.6] and bench.clock.slept == []


async def test_a_full_pool_skips_the_lowest_score_and_counts_it() -> None:
    bench, before = Bench(waiting=2), outcomes("shop", "over_budget")
    await bench.take(*scored(0.6, 0.9, 0.8, 0.5))
    assert outcomes("shop", "over_budget") - before == 2 and bench.acked == [0]
    await bench.run()
    assert bench.explainer.asked == [0.9, 0.8] and bench.acked == [0, 1, 2, 3]


async def test_while_the_llm_is_away_nothing_is_skipped_and_the_rest_waits_in_kafka() -> None:
    bench = Bench(TeacherError("out of credit", 30.0), waiting=2)
    await bench.take(*scored(0.6, 0.9))
    async with bench.running():
        assert bench.clock.slept == [30.0] and bench.told() == [] and bench.letters() == []
        more = asyncio.create_task(bench.take(*scored(0.8)))
        await at_rest()
        assert not more.done(), "a full pool takes no more"
        bench.awake.set()
        await asyncio.wait_for(more, 10)
    assert sorted(each.score for each in bench.told()) == [0.6, 0.8, 0.9] and bench.acked == [0, 1, 2]


async def test_what_no_answer_explains_is_a_dead_letter_and_costs_no_more_calls() -> None:
    bench = Bench(TeacherError("gave no usable explanation: it names no event as evidence"))
    await bench.take(*scored(0.9), *scored(0.7))
    await bench.run()
    await bench.take(*scored(0.9))
    await bench.run()
    (letter,) = bench.letters()
    assert (letter["reason"], letter["stage"], letter["offset"]) == ("no-explanation", "explain", "0")
    assert "names no event" in letter["detail"]
    assert bench.explainer.asked == [0.9, 0.7] and len(bench.told()) == 1 and bench.acked == [0, 1, 2]


async def test_garbage_is_a_dead_letter() -> None:
    bench = Bench()
    await bench.take(b"{broken", b"", *scored(0.9))
    await bench.run()
    assert [letter["reason"] for letter in bench.letters()] == ["not-json", "empty"] and bench.acked == [0, 1, 2]


async def test_nothing_is_acknowledged_before_kafka_has_the_explanation() -> None:
    bench = Bench(holding=True)
    await bench.take(*scored(0.9))
    async with bench.running():
        assert len(bench.producer.held) == 1 and bench.acked == []
        bench.producer.release()
    assert bench.acked == [0]


async def test_what_very_many_have_passed_by_is_skipped() -> None:
    bench = Bench(calls=1, waiting=2)
    await bench.take(*scored(0.6, 0.9))
    await bench.run()
    await bench.take(*scored(0.9) * (MAX_PASSED * 2 - 1))
    assert bench.acked == []
    await bench.take(*scored(0.9))
    assert bench.acked[0] == 0 and len(bench.acked) == MAX_PASSED * 2 + 2 and len(bench.told()) == 1


async def test_what_waits_of_a_partition_that_left_is_left_to_its_owner() -> None:
    bench = Bench()
    await bench.take(*scored(0.9))
    bench.owned.clear()
    await bench.run()
    assert bench.explainer.asked == [] and bench.acked == []
    bench.owned.add(0)
    bench._next = 0
    await bench.take(*scored(0.9))
    await bench.run()
    assert bench.explainer.asked == [0.9] and bench.acked == [0]


def of_two_causes(many: int) -> list[Anomaly]:
    """Anomalies of different shapes, all of one cause but the last `many`, which have lower scores."""
    common = [f"step {chr(97 + number % 26) * 3} done" for number in range(2 * many)]
    texts = ["disk failed"] * many + ["login refused"] * many
    return [
        make_anomaly(
            text, *common[: number + 1], score=0.99 - number / 1000, first_offset=100 * number, evidence=[
                Evidence(template=text, text=text, example=text, count=1, probability=0.9)
            ],
        )
        for number, text in enumerate(texts)
    ]  # fmt: skip


async def test_the_calls_of_an_hour_are_spent_on_distinct_causes() -> None:
    bench, found = Bench(calls=2, waiting=100, grouped=True), of_two_causes(20)
    assert len({each.shape for each in found}) == 40
    for incident in group(found):
        bench.incidents.on_record(incident.id, incident)
    await bench.take(*found)
    await bench.run()
    assert [each.anomaly for each in bench.told()] == [found[0].id, found[20].id]
    assert len({each.incident for each in bench.told()} - {None}) == 2
    assert bench.acked == list(range(40)), "nothing waits for another hour"


async def test_an_anomaly_waits_for_its_incident_and_is_explained_without_one_after_that() -> None:
    bench, (first, second) = Bench(grouped=True), of_two_causes(1)
    await bench.take(first, second)
    await bench.run()
    assert bench.told() == []
    (incident,) = group([first])
    async with bench.running():
        bench.incidents.on_record(incident.id, incident)
    assert [(each.anomaly, each.incident) for each in bench.told()] == [(first.id, incident.id)]
    bench.clock.now += bench.settings.explain.incident_seconds
    await bench.run()
    assert [(each.anomaly, each.incident) for each in bench.told()[1:]] == [(second.id, None)]


async def test_an_incident_that_was_explained_by_another_worker_is_explained_once() -> None:
    bench, found = Bench(grouped=True, calls=1), of_two_causes(3)[:3]
    (incident,) = group(found)
    bench.incidents.on_record(incident.id, replace(incident, explanation=make_explanation(found[0])))
    await bench.take(*found)
    assert bench.acked == [0, 1, 2]
    await bench.run()
    assert bench.told() == []


async def test_the_pool_keeps_room_for_other_causes_while_the_calls_are_spent() -> None:
    """Anomalies whose incident comes to be explained later leave the pool, which costs no call."""
    bench, found = Bench(grouped=True, calls=1, waiting=6), of_two_causes(3)
    await bench.take(*found)
    incidents = group(found)
    async with bench.running():
        for each in incidents:
            bench.incidents.on_record(each.id, each)
    assert len(bench.told()) == 1 and bench.acked == [0, 1, 2]
    bench.clock.now += 3600
    await bench.run()
    assert len({each.incident for each in bench.told()}) == 2
