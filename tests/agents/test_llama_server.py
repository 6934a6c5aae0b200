"""The workers and the check of an endpoint against llama.cpp's own server.

What its tiny model answers is poor; that it is understood is tested. Half a minute of one core: a window takes 60 to 90
tokens.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from fusionlog.records import Explanation, PseudoLabel, Route, Spend
from fusionlog.settings import LabelSettings
from fusionlog.teachers.llm.dialect import Dialect
from fusionlog.teachers.llm.endpoint import Endpoint
from fusionlog.teachers.llm.prompts import response_formats
from fusionlog.teachers.llm.reply import Reply
from tests.agents.stage import Stage, until
from tests.brokers import must_have_kafka
from tests.factories import make_anomaly, make_window
from tests.teachers.llama_server import llama_server, missing

pytestmark = [pytest.mark.llama, pytest.mark.slow, pytest.mark.timeout(900)]

SECONDS = 600.0
"""Of a call, and of all of them: a shared machine may give the server a tenth of a core."""
ENV = {"FUSIONLOG_LABEL__UNITS_PER_CALL": "1", "FUSIONLOG_LABEL__TIMEOUT": f"{SECONDS:.0f}"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if names := missing():
        problem = f"{' and '.join(names)} not installed: run  make setup"
        pytest.fail(problem) if must_have_kafka() else pytest.skip(problem)
    with llama_server(tmp_path_factory.mktemp("llama") / "server.log") as address:
        yield address


@pytest.mark.kafka
async def test_label_and_explain_workers_understand_what_it_answers(stage: Stage, url: str) -> None:
    topics, endpoint = stage.settings.topics, {**ENV, "FUSIONLOG_LABEL__URL": url}
    route = Route(kind="proprietary", similarity=0.1, threshold=0.8)
    texts = ["payment opened", "payment refused: error", "payment closed"]
    window = make_window(*texts, session="s1", route=route)
    await stage.publish(topics.proprietary, window)
    await stage.publish(topics.anomalies, make_anomaly("disk failed"))
    label, explain = await asyncio.gather(*(stage.worker(role, **endpoint) for role in ("label", "explain")))

    async def answered() -> bool:
        assert "no label" not in label.log.read_text()
        return bool(await stage.records(topics.labels)) and bool(await stage.records(topics.explanations))

    await until(answered, SECONDS, lambda: [each.log.read_text()[-3000:] for each in (label, explain)])
    (labelled,) = [msgspec.json.decode(each.value, type=PseudoLabel) for each in await stage.records(topics.labels)]
    assert (labelled.shape, labelled.teacher) == (window.shape, "llm:gpt-4o-mini")
    assert [event.text for event in labelled.events] == texts
    (found,) = [msgspec.json.decode(each.value, type=Explanation) for each in await stage.records(topics.explanations)]
    assert [line.line for line in found.evidence] == ["disk failed"]
    assert "teacher checked" in label.log.read_text()
    assert await asyncio.gather(label.stop(), explain.stop()) == [0, 0]
    spent = [msgspec.json.decode(each.value, type=Spend) for each in await stage.records(topics.spend)]
    last = {(each.role, each.minute): each for each in spent}
    assert {each.role for each in spent} == {"label", "explain"}
    assert sum(each.prompt_tokens for each in last.values()) > 500 and not any(each.estimated for each in spent)
    assert await stage.records(topics.deadletter) == []


def test_the_check_names_the_form_that_it_takes(url: str) -> None:
    """One request: the check of all six windows is that of the label worker."""
    env = {**os.environ, **ENV, "FUSIONLOG_LABEL__CALLS_PER_HOUR": "1"}
    command = [sys.executable, "-m", "fusionlog", "teacher", "check", "--url", url, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=SECONDS, check=False)
    found = json.loads(done.stdout)
    assert done.returncode == 1 and found["requests"] == 1 and found["tokens"] > 100
    assert (found["answered"], found["format"], found["system_role"]) == (1, "json_schema", True)
    assert "answered 1 of 6 made-up windows: the 1 calls an hour are spent" in found["reason"]


@pytest.mark.parametrize("form", ["json_schema", "json_object", "plain", "grammar"])
async def test_every_form_is_accepted_and_its_answer_is_read(url: str, form: str) -> None:
    (asked,) = (each for each in response_formats() if each.name == form)
    formats = [replace(asked, fields={**asked.fields, "max_tokens": 24})]
    endpoint = Endpoint(LabelSettings(url=url, timeout=SECONDS), formats=formats)
    endpoint.dialect = Dialect(formats[0], settled=True)

    def read(reply: Reply) -> Reply:
        return reply

    try:
        reply = await endpoint.complete([{"role": "user", "content": 'Reply with {"answers": []} alone.'}], read)
    finally:
        await endpoint.close()
    assert endpoint.cost.calls == 1 and reply.finish_reason in ("stop", "length")
    assert 0 < reply.prompt_tokens < 100 and 0 < reply.completion_tokens <= 24
    assert form == "plain" or reply.texts[0].lstrip().startswith("{")
