"""The endpoint over HTTP, and beside the one whose protocol it speaks, where that is at hand."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from fusionlog.data.systems import read_sessions
from fusionlog.errors import SettingError
from fusionlog.teachers.llm.teacher import LLMTeacher
from fusionlog.teachers.recorded.chat import MODEL, RecordedTeacher
from fusionlog.teachers.recorded.recordings import Recording, read_recordings
from fusionlog.teachers.recorded.server import InjectedFaults, serving
from fusionlog.utils.redaction import redact
from tests.teachers.factories import make_rows, make_settings, make_unit, write_rows

DATA = Path(os.environ.get("FUSIONLOG_DATA", Path(__file__).parents[4] / "shared" / "data"))
TEACHER = DATA.parent / "teacher"
with_reference = pytest.mark.skipif(
    not TEACHER.is_dir(), reason=f"no recorded teacher to compare with in {TEACHER}; set FUSIONLOG_DATA"
)
SYSTEMS = ("bgl", "hdfs", "openstack")
FAULT = {"system": "shop", "events": [{"id": 1, "text": "ledger 3 damaged badly"}]}


def make_replay(tmp_path: Path) -> RecordedTeacher:
    return RecordedTeacher(read_recordings([write_rows(tmp_path / "a.jsonl", make_rows())]))


def client(url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0)


async def ask(url: str, units: Any) -> Any:
    """The text of an answer, or the status of a refusal."""
    async with client(url) as connection:
        try:
            told = await connection.chat.completions.create(
                model="any", messages=[{"role": "user", "content": json.dumps(units)}]
            )
        except openai.APIStatusError as error:
            return error.status_code
        return told.choices[0].message.content


async def stats_of(url: str) -> dict[str, int]:
    async with client(url.removesuffix("/v1")) as connection:
        return dict(await connection.get("/stats", cast_to=object))  # type: ignore[call-overload]


async def test_our_own_teacher_is_answered(tmp_path: Path) -> None:
    async with serving(make_replay(tmp_path), InjectedFaults(), "127.0.0.1", 0) as url:
        teacher = LLMTeacher(make_settings(url, model=MODEL))
        told = await teacher.label([make_unit("ledger 9 damaged badly"), make_unit("order 3 opened", "order 4 closed")])
        await teacher.close()
        assert teacher.name == "llm:recorded"
        assert [verdict.probability for verdict in told] == [0.9, 0.7]  # type: ignore[union-attr]
        async with client(url) as connection:
            assert [model.id async for model in connection.models.list()] == [MODEL]
        stats = await stats_of(url)
        assert (stats["calls"], stats["units"], stats["units_by_session"], stats["units_by_events"]) == (1, 2, 1, 1)
        assert stats["prompt_tokens"] == teacher.cost.prompt_tokens > 0


async def test_a_failed_call_says_when_to_come_back(tmp_path: Path) -> None:
    async with serving(make_replay(tmp_path), InjectedFaults(fail=1.0), "127.0.0.1", 0) as url:
        async with client(url) as connection:
            with pytest.raises(openai.RateLimitError) as caught:
                await connection.chat.completions.create(model="any", messages=[{"role": "user", "content": "{}"}])
        assert caught.value.response.headers["Retry-After"] == "1"
        assert (await stats_of(url))["failed"] == 1


async def test_a_garbled_answer_is_the_first_half(tmp_path: Path) -> None:
    async with serving(make_replay(tmp_path), InjectedFaults(), "127.0.0.1", 0) as url:
        whole = await ask(url, FAULT)
    async with serving(make_replay(tmp_path), InjectedFaults(garble=1.0), "127.0.0.1", 0) as url:
        assert await ask(url, FAULT) == whole[: len(whole) // 2]
        assert (await stats_of(url))["garbled"] == 1


async def test_a_flipped_call_has_the_other_labels_at_the_same_confidence(tmp_path: Path) -> None:
    async with serving(make_replay(tmp_path), InjectedFaults(flip=1.0), "127.0.0.1", 0) as url:
        told = json.loads(await ask(url, FAULT))
    assert (told["label"], told["confidence"]) == ("normal", 0.9)


async def test_a_call_takes_as_long_as_told_and_the_seed_decides_which_fail(tmp_path: Path) -> None:
    outcomes = []
    for seed in (3, 3, 4):
        async with serving(
            make_replay(tmp_path), InjectedFaults(latency=0.01, fail=0.5, seed=seed), "127.0.0.1", 0
        ) as url:
            outcomes.append([await ask(url, FAULT) == 429 for _ in range(12)])
    assert outcomes[0] == outcomes[1] != outcomes[2]
    assert True in outcomes[0] and False in outcomes[0]


async def test_a_bad_request_is_refused_and_the_next_one_answered(tmp_path: Path) -> None:
    async with serving(make_replay(tmp_path), InjectedFaults(), "127.0.0.1", 0) as url:
        assert await ask(url, "no unit") == 400
        assert json.loads(await ask(url, FAULT))["label"] == "anomalous"


async def test_a_taken_port_and_a_foreign_host_are_one_sentence(tmp_path: Path) -> None:
    replay = make_replay(tmp_path)
    async with serving(replay, InjectedFaults(), "127.0.0.1", 0) as url:
        port = int(url.split(":")[2].split("/")[0])
        with pytest.raises(SettingError, match=f"--port is {port}: another program listens there"):
            async with serving(replay, InjectedFaults(), "127.0.0.1", port):
                pass
    with pytest.raises(SettingError, match=r"--host is '192\.0\.2\.1'"):
        async with serving(replay, InjectedFaults(), "192.0.2.1", 0):
            pass


@contextmanager
def reference(*switches: str) -> Iterator[str]:
    """The other endpoint, in a process of its own; its base URL."""
    command = [sys.executable, str(TEACHER / "replay.py"), "--port", "0", *switches]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[2]
        finally:
            process.terminate()


def make_units(system: str, recording: Recording, number: int) -> Iterator[dict[str, Any]]:
    """Sessions of a system, a third of them with events left out; texts are raw lines, redacted ones and templates."""
    rng = random.Random(7)
    sessions = read_sessions(DATA, system)
    for place, session in enumerate(rng.sample(sessions, min(number, len(sessions)))):
        lines: dict[str, list[str]] = {}
        for line in session.lines:
            found = recording.find(line)
            lines.setdefault(found.text if found else line, []).append(line)
        kept = [(text, own) for text, own in lines.items() if place % 3 or rng.random() < 0.7]
        yield {
            "system": system, "task": rng.choice(["label", "explain"]),
            "events": [
                {"id": id, "text": rng.choice([own[0], redact(own[0]), text]), "count": len(own)}
                for id, (text, own) in enumerate(kept, 1)
            ],
        }  # fmt: skip


@with_reference
@pytest.mark.parametrize("system", SYSTEMS)
async def test_the_same_requests_get_the_same_labels_as_from_the_reference(system: str) -> None:
    recordings = read_recordings(sorted((TEACHER / "answers").glob("*.jsonl")))
    units = list(make_units(system, recordings[system], 400))
    with reference() as other:
        async with serving(RecordedTeacher(recordings), InjectedFaults(), "127.0.0.1", 0) as own:
            for start in range(0, len(units), 20):
                asked = units[start : start + 20]
                told, expected = json.loads(await ask(own, asked)), json.loads(await ask(other, asked))
                assert [labels(answer) for answer in told] == [labels(answer) for answer in expected]
            ours, theirs = await stats_of(own), await stats_of(other)
    assert ours["units"] == theirs["units"]
    assert ours["events_unknown"] == theirs.get("events_unknown", 0)


@with_reference
async def test_the_switches_strike_the_same_calls_as_those_of_the_reference() -> None:
    recordings = read_recordings(sorted((TEACHER / "answers").glob("*.jsonl")))
    unit = next(make_units("hdfs", recordings["hdfs"], 1))
    switches = ("--fail", "0.3", "--garble", "0.3", "--flip", "0.3", "--seed", "5")
    with reference(*switches) as other:
        async with serving(
            RecordedTeacher(recordings), InjectedFaults(fail=0.3, garble=0.3, flip=0.3, seed=5), "127.0.0.1", 0
        ) as own:
            outcomes = [(await ask(own, unit), await ask(other, unit)) for _ in range(30)]
    assert [kind(own) for own, _ in outcomes] == [kind(other) for _, other in outcomes]
    assert len({kind(own) for own, _ in outcomes}) == 4


def kind(answer: Any) -> Any:
    """The status of a refusal, `cut`, or the label."""
    if isinstance(answer, int):
        return answer
    try:
        return json.loads(answer)["label"]
    except ValueError:
        return "cut"


def labels(answer: dict[str, Any]) -> Sequence[Any]:
    return answer["label"], [(event["id"], event["label"]) for event in answer["events"]], answer.get("evidence")
