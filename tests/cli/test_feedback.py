"""`fusionlog feedback`: the verdict that is written, and what is refused with the way out."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from fusionlog.cli.main import app
from fusionlog.errors import SettingError
from fusionlog.incidents import group
from fusionlog.kafka import table, written
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.codecs import key_of
from fusionlog.kafka.producer import Producer
from fusionlog.online.giving_verdicts import seconds_of
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import Evidence, Feedback, Record, template_id
from fusionlog.settings import Settings
from fusionlog.topics import Topic
from fusionlog.workers.knowledge_tables import KnowledgeTables
from tests.encoders import WordEncoder
from tests.factories import make_anomaly

ABSENT = Evidence(template=template_id("disk closed"), text="disk closed", example="", count=0, absent=True)
FAILED = replace(make_anomaly("disk failed", "disk opened"), id="abcd1234")
LACKS = replace(make_anomaly("disk opened", first_offset=9), id="abff5678", evidence=[ABSENT])


class Topics:
    """Anomalies that are there, and the feedback topic."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.feedback: dict[str, Feedback] = {}

        async def read_all(_: Settings, topic: Topic, limit: int | None = None) -> list[tuple[str, Any]]:
            if topic.name.endswith("incidents"):
                return [(each.id, each) for each in group([FAILED, LACKS])]
            return list(self.feedback.items()) if topic.name.endswith("feedback") else [("", FAILED), ("", LACKS)]

        async def write(_: Settings, topic: Topic, records: Mapping[str, Record | None]) -> None:
            assert topic.name.endswith("feedback")
            for key, record in records.items():
                self.feedback.pop(key, None)
                if isinstance(record, Feedback):
                    self.feedback[key] = record

        monkeypatch.setattr(table, "read_all", read_all)
        monkeypatch.setattr(written, "write", write)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["feedback", *words])

    def given(self, *words: str) -> Feedback:
        done = self.run(*words)
        assert done.exit_code == 0, done.output + repr(done.exception)
        return list(self.feedback.values())[-1]


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Topics:
    return Topics(monkeypatch)


def test_a_dismissal_is_of_the_shape_with_all_its_events_normal(topics: Topics) -> None:
    found = topics.given("abcd", "dismiss", "--note", "a restart", "--by", "ann")
    assert (found.scope, found.verdict, found.until, found.note) == ("shape", "dismiss", None, "a restart")
    assert (found.system, found.shape, found.anomaly, found.by) == ("shop", FAILED.shape, FAILED.id, "ann")
    assert {each.text: each.probability for each in found.events} == {"disk failed": 0.0, "disk opened": 0.0}


def test_a_confirmation_names_the_most_telling_event_as_anomalous(topics: Topics) -> None:
    found = topics.given("abcd", "confirm")
    assert {each.text: each.probability for each in found.events}["disk failed"] == 1.0


def test_a_dismissal_may_end(topics: Topics) -> None:
    found = topics.given("abcd", "dismiss", "--for", "7d")
    assert found.until is not None and 6.9 < (found.until - time.time()) / 86_400 <= 7


def test_the_most_telling_event_is_that_of_scope_event_a_missing_one_too(topics: Topics) -> None:
    found = topics.given("abcd", "dismiss", "--scope", "event")
    assert (found.scope, found.text, found.absent) == ("event", "disk failed", False)
    assert topics.given("abff", "dismiss", "--scope", "event").absent
    assert topics.given("abcd", "dismiss", "--event", "OPENED").text == "disk opened"
    assert len(topics.feedback) == 3


def test_what_stands_is_listed_and_undone_by_the_anomaly_or_by_its_target(topics: Topics) -> None:
    topics.given("abcd", "dismiss")
    topics.given("abff", "dismiss", "--scope", "event", "--by", "bob")
    text = topics.run().stdout
    assert "dismiss  shape" in text and "missing event" in text and "by bob" in text
    [first, second] = [json.loads(each) for each in topics.run("--json").stdout.splitlines()]
    assert first["anomaly"] == "abcd1234" and second["absent"]
    assert "undone" in topics.run("abcd", "undo").stdout and "undone" in topics.run(ABSENT.template, "undo").stdout
    assert topics.feedback == {} and "no verdict of an operator stands" in topics.run().stdout


def test_one_that_ended_stands_no_more(topics: Topics) -> None:
    found = topics.given("abcd", "dismiss", "--for", "1m")
    topics.feedback = {"key": replace(found, until=time.time() - 1)}
    assert "no verdict of an operator stands" in topics.run().stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("zzzz", "dismiss"), "no anomaly among the newest 100,000 of each partition"),
        (("ab", "dismiss"), "2 anomalies have ids that begin so"),
        (("abc", "dismiss"), "name 4 characters or more"),
        (("abcd",), "fusionlog feedback abcd confirm|dismiss|undo"),
        (("abcd", "confirm", "--for", "7d"), "only a dismissal ends"),
        (("abcd", "dismiss", "--for", "soon"), "12h or 7d"),
        (("abcd", "dismiss", "--event", "lost"), "name one event of the anomaly"),
        (("abcd", "dismiss", "--event", "disk"), "'disk failed'"),
        (("abcd", "dismiss", "--scope", "shape", "--event", "failed"), "it goes with  --scope event"),
        (("abff", "confirm", "--scope", "event"), "confirm the shape"),
        (("abcd", "dismiss", "--note", "x" * 2000), "1000 characters at most, not 2000"),
        (("abcd", "undo"), "no verdict that stands is on it"),
    ],
)
def test_what_cannot_be_is_one_sentence(topics: Topics, words: tuple[str, ...], sentence: str) -> None:
    done = topics.run(*words)
    assert isinstance(done.exception, SettingError) and sentence in str(done.exception)
    assert topics.feedback == {}


@pytest.mark.parametrize("duration", ["0d", "-1d", "7", "d", "7 d", "1y", "99999999999d", "9999999d", "1.5h", "٣d"])
def test_a_duration_is_a_number_and_a_unit(duration: str) -> None:
    with pytest.raises(SettingError, match="take a number"):
        seconds_of(duration)


@pytest.mark.kafka
async def test_a_worker_follows_a_verdict_and_its_undoing_on_kafka(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    producer = Producer(kafka_settings)
    await producer.start()
    await (await producer.send(kafka_settings.topics.anomalies, key_of(FAILED), FAILED))
    await producer.stop()
    environment = {
        "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.kafka.bootstrap_servers,
        "FUSIONLOG_TOPIC_PREFIX": kafka_settings.topic_prefix,
    }
    tables = KnowledgeTables(kafka_settings, lambda system: Knowledge(system, WordEncoder("failed"), None))
    await tables.start()

    async def run(*words: str) -> None:
        done = await asyncio.to_thread(CliRunner(env=environment).invoke, app, ["feedback", *words])
        assert done.exit_code == 0, done.output + repr(done.exception)

    async def until(muted: bool) -> None:
        while (tables.of("shop").operators.mute_of(FAILED, time.time()) is not None) != muted:
            await asyncio.sleep(0.01)

    async with asyncio.timeout(30):
        await run("abcd1234", "dismiss")
        await until(True)
        await run("abcd1234", "undo")
        await until(False)
    await tables.stop()


def test_an_incident_is_dismissed_by_its_anomalies_and_that_is_undone_at_once(topics: Topics) -> None:
    incidents = group([FAILED, LACKS])
    of = {each.anomaly_ids[0]: each for each in incidents}[LACKS.id]
    done = topics.run(of.id[:8], "dismiss", "--scope", "incident", "--for", "7d", "--by", "ann")
    assert done.exit_code == 0, done.output + repr(done.exception)
    (found,) = topics.feedback.values()
    assert (found.scope, found.absent, found.event, found.incident) == ("event", True, ABSENT.template, of.id)
    assert "1 verdict of 1 of its 1 anomalies" in done.stdout and f"incident {of.id[:12]}, by ann" in done.stdout
    assert f"incident {of.id[:12]}" in topics.run().stdout
    assert "undone" in topics.run(of.id[:12], "undo").stdout and topics.feedback == {}


def test_an_id_of_no_incident_and_an_incident_without_its_scope_are_refused(topics: Topics) -> None:
    error = topics.run("abcd", "dismiss", "--scope", "incident").exception
    assert isinstance(error, SettingError) and "there is no such incident" in str(error)
    (one, _) = group([FAILED, LACKS])
    error = topics.run(one.id[:8], "dismiss").exception
    assert isinstance(error, SettingError) and "goes with  --scope incident" in str(error)
