"""The label worker as a process, on Apache Kafka, with the offline teacher and with an LLM over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import msgspec
import pytest
from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.records import Anomaly, PseudoLabel, Route, Window
from tests.agents.stage import Stage, Worker, until
from tests.factories import make_regression, make_window
from tests.teachers.fake_endpoint import GOOD, FakeEndpoint, Reply, fake_endpoint

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def test_windows_become_labels_and_anomalies_once_there_is_a_base_model(stage_without_model: Stage) -> None:
    stage = stage_without_model
    route = Route(kind="proprietary", similarity=0.1, threshold=0.8)
    texts = [("user greeted kindly",), ("payment refused: error",), ("payment refused: error",), ("connection opened",)]
    windows = [make_window(*each, session=f"s{n}", first_offset=n * 10, route=route) for n, each in enumerate(texts)]
    await stage.publish(stage.settings.topics.proprietary, *windows)
    worker = await stage.worker("label")
    await worker.logged("no LLM is asked")
    await worker.logged("waits for a base model")
    await stage.publish(stage.settings.topics.models, stage.release())

    async def said() -> bool:
        return worker.metrics().get("fusionlog_windows_labelled") == 4

    await worker.logged("started")
    await until(said, 30, lambda: worker.log.read_text()[-3000:])
    labels = [
        msgspec.json.decode(record.value, type=PseudoLabel)
        for record in await stage.records(stage.settings.topics.labels)
    ]
    assert {(label.shape, label.probability > 0.5, label.teacher) for label in labels} == {
        (windows[0].shape, False, "offline"), (windows[1].shape, True, "offline"), (windows[3].shape, False, "offline"),
    }  # fmt: skip
    found = [
        msgspec.json.decode(record.value, type=Anomaly)
        for record in await stage.records(stage.settings.topics.anomalies)
    ]
    assert {(each.id, each.by) for each in found} == {(windows[1].id, "teacher"), (windows[2].id, "teacher")}
    assert all(each.provisional for each in found), "the system is being learned"
    assert not await stage.records(stage.settings.topics.general), "what ingest routed is not routed again"
    assert await worker.stop() == 0


async def test_the_offline_labeller_goes_on_after_a_restart_as_if_there_had_been_none(stage: Stage) -> None:
    route, topics = Route(kind="proprietary", similarity=0.1, threshold=0.8), stage.settings.topics
    daily = [
        make_window("user greeted", *["user bowed"] * (1 + place % 30), session=f"s{place}", route=route)
        for place in range(60)
    ]
    odd = [make_window("user greeted", "payment failed", session=f"o{n}", first_offset=n, route=route) for n in (1, 2)]
    await stage.publish(topics.models, stage.release(offline_teacher=make_regression(1.0, 3.0, 3.0, 1.0, -2.5)))
    first = await stage.worker("label", FUSIONLOG_METHOD="offline")
    await labelled(first, stage, *daily)
    assert await first.stop() == 0 and not await stage.records(topics.anomalies)
    second = await stage.worker("label", FUSIONLOG_METHOD="offline")
    for number, window in enumerate(odd, 1):
        await labelled(second, stage, window, total=number)
    found = [msgspec.json.decode(record.value, type=Anomaly) for record in await stage.records(topics.anomalies)]
    assert [each.id for each in found] == [window.id for window in odd], "nothing is odd to who has seen nothing"
    labels = [msgspec.json.decode(record.value, type=PseudoLabel) for record in await stage.records(topics.labels)]
    assert len([label for label in labels if label.shape == odd[0].shape]) == 1, "the same word is not said twice"
    assert await second.stop() == 0


async def labelled(worker: Worker, stage: Stage, *windows: Window, total: int | None = None) -> None:
    """Publish windows, and wait until the worker has labelled so many in all, and committed them."""
    await worker.logged("started")
    await stage.publish(stage.settings.topics.proprietary, *windows)
    wanted = total or len(windows)
    done = {"fusionlog_windows_labelled": wanted, "fusionlog_lag_records": 0}
    await until(lambda: done.items() <= worker.metrics().items(), 30, worker.log.read_text)


async def test_sigterm_ends_a_worker_that_still_waits(stage_without_model: Stage) -> None:
    worker = await stage_without_model.worker("label")
    await worker.logged("waits for a base model")
    assert await worker.stop() == 0


async def test_alpha_asks_an_llm_about_a_few_of_many_windows_like_each_other(stage: Stage) -> None:
    windows = [
        make_window(*["user opened"] * 3, *["user full"] * count, session=f"s{count}", first_offset=100 * count)
        for count in range(3, 13)
    ]
    with fake_endpoint() as endpoint:
        await stage.publish(stage.settings.topics.proprietary, *windows)
        worker = await stage.worker("label", FUSIONLOG_LABEL__URL=endpoint.url, FUSIONLOG_LABEL__LABELLER="alpha")
        await worker.logged("started")
        await until(lambda: worker.metrics().get("fusionlog_windows_labelled") == 10, 30, worker.log.read_text)
        assert await worker.stop() == 0
        units = [unit for call in range(len(endpoint.requests)) for unit in endpoint.units(call)]
        asked = sum(unit["system"] == "shop" for unit in units)
    labels = [
        msgspec.json.decode(record.value, type=PseudoLabel)
        for record in await stage.records(stage.settings.topics.labels)
    ]
    own = {label.shape for label in labels if label.propagated_from is None}
    assert len(labels) == 10 and asked == len(own) <= 6, (
        "three of a cluster, and Kafka may give the windows in two parts"
    )
    assert {label.propagated_from for label in labels} == {None, *(own & {label.propagated_from for label in labels})}
    assert len({label.propagated_from for label in labels}) > 1


async def test_a_labeller_that_has_no_llm_to_spare_says_so(stage_without_model: Stage) -> None:
    worker = await stage_without_model.worker("label", FUSIONLOG_LABEL__LABELLER="alpha")
    assert await worker.ended() == 2
    assert "setting FUSIONLOG_LABEL__LABELLER is 'alpha'" in worker.log.read_text()


async def test_verdicts_are_provisional_while_an_llm_is_away_and_corrected_when_it_is_back(stage: Stage) -> None:
    route, topics = Route(kind="proprietary", similarity=0.1, threshold=0.8), stage.settings.topics
    windows = [
        make_window("user greeted", text, session=text, first_offset=10 * number, route=route)
        for number, text in enumerate(("payment failed", "payment refused: error"))
    ]
    await stage.publish(topics.models, stage.release(offline_teacher=make_regression(1.0, 3.0, 3.0, 1.0, -2.5)))
    with fake_endpoint() as endpoint:
        endpoint.otherwise = Reply(status=401, error={"message": "Incorrect API key"})
        worker = await stage.worker(
            "label", FUSIONLOG_LABEL__URL=endpoint.url, FUSIONLOG_LABEL__WHEN_AWAY="offline",
            FUSIONLOG_LABEL__BREAKER_SECONDS="1",
        )  # fmt: skip
        await worker.logged("teacher checked")
        await worker.logged("answers 401: Incorrect API key")
        await stage.publish(topics.proprietary, *windows)
        await until(lambda: worker.metrics().get("fusionlog_windows_provisional") == 2, 30, worker.log.read_text)
        endpoint.otherwise = GOOD
        await until(lambda: worker.metrics().get("fusionlog_windows_labelled") == 2, 30, worker.log.read_text)
        await worker.logged("the endpoint answers again")
        assert await worker.stop() == 0
    found = [msgspec.json.decode(record.value, type=Anomaly) for record in await stage.records(topics.anomalies)]
    last = {each.session: each for each in found}
    assert {each.id for each in found} <= {window.id for window in windows}
    assert not any(each.provisional for each in last.values())
    assert not last["payment failed"].withdrawn and last["payment failed"].verdict_source.startswith("llm:")
    assert "payment refused: error" not in last or last["payment refused: error"].withdrawn
    assert await stage.records(topics.deadletter) == []


async def test_two_workers_spend_one_budget_and_what_is_beyond_it_waits_in_kafka(stage: Stage) -> None:
    topics = stage.settings.topics
    windows = [
        make_window("user greeted", *["user bowed"] * n, session=f"s{n}", partition=n % 8, first_offset=n)
        for n in range(1, 25)
    ]
    calls = {"FUSIONLOG_LABEL__UNITS_PER_CALL": "1", "FUSIONLOG_LABEL__CALLS_PER_HOUR": "20"}
    calls["FUSIONLOG_METHOD"] = "llm-only"  # A call a shape: nothing is known of another shape's events.
    with fake_endpoint() as endpoint:
        budget = {"FUSIONLOG_LABEL__URL": endpoint.url, **calls}
        workers = [await stage.worker("label", **budget) for _ in range(2)]
        for worker in workers:
            await worker.logged("teacher checked")
        checks = len(endpoint.requests)
        assert checks == 12, "six made-up windows by each worker count, too"
        await stage.publish(topics.proprietary, *windows)

        async def spent() -> bool:
            found = [each.metrics() for each in workers]
            return all(
                (each["fusionlog_llm_calls_left"], each["fusionlog_llm_budget_spent"]) == (0, 1) for each in found
            )

        await until(spent, 30, lambda: [each.log.read_text()[-3000:] for each in workers])
        for worker in workers:
            await worker.logged("the 20 calls an hour of all label workers are spent: they go on at ")
            # Once when another worker's reservations hold the last calls, once when they are spent.
            assert 1 <= worker.log.read_text().count("windows wait in Kafka") <= 2
        assert len(endpoint.requests) == 20
        shown = await asyncio.to_thread(CliRunner(env={**stage.env, **budget}).invoke, app, ["teacher", "spend"])
        assert shown.exit_code == 0 and "label   20 of 20 calls within the last hour, 0 left" in shown.stdout
        await asyncio.gather(*(worker.kill() for worker in workers))
        assert len(endpoint.requests) == 20
        worker = await stage.worker("label", **{**budget, "FUSIONLOG_LABEL__CALLS_PER_HOUR": "100"})

        async def labelled_all() -> bool:
            return len({record.key for record in await stage.records(topics.labels)}) == len(windows)

        await until(labelled_all, 30, worker.log.read_text)
        assert await worker.stop() == 0
    assert await stage.records(topics.deadletter) == []


async def test_a_revoked_event_is_asked_about_again_and_its_new_answer_counts_without_a_restart(stage: Stage) -> None:
    route = Route(kind="proprietary", similarity=0.1, threshold=0.8)
    first, second, third = (
        make_window("user refused", session=name, first_offset=n, route=route) for n, name in enumerate("abc")
    )
    with fake_endpoint() as endpoint:
        worker = await stage.worker("label", FUSIONLOG_LABEL__URL=endpoint.url)
        await labelled(worker, stage, first, total=1)
        await labelled(worker, stage, second, total=2)
        assert shop_units(endpoint) == 1, "the shape has its answer"
        revoked = await labels(stage, "revoke", "user refused", "--by", "ann", "--note", "it was planted")
        assert "1 labels are revoked" in revoked
        await until(lambda: asked(endpoint, stage, third), 30, worker.log.read_text)
        await until(lambda: settled(stage), 30, worker.log.read_text)
        assert await worker.stop() == 0


def shop_units(endpoint: FakeEndpoint) -> int:
    """The number of units of the stage's system that the endpoint was sent."""
    return sum(unit["system"] == "shop" for call in range(len(endpoint.requests)) for unit in endpoint.units(call))


async def asked(endpoint: FakeEndpoint, stage: Stage, window: Window) -> bool:
    """Publish a window of a revoked shape once more; whether the endpoint was sent it: the table is read in a while."""
    await stage.publish(stage.settings.topics.proprietary, window)
    return shop_units(endpoint) == 2


async def settled(stage: Stage) -> bool:
    """Whether the only event is settled."""
    listed = json.loads(await labels(stage, "list", "--json"))
    return [(event["text"], event["state"]) for event in listed["events"]] == [("user refused", "settled")]


async def labels(stage: Stage, *words: str) -> str:
    """The output of `fusionlog labels` beside a running worker."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fusionlog", "labels", *words, env={**os.environ, **stage.env},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()
