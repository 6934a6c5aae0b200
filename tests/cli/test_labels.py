from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from fusionlog.cli import labels as command
from fusionlog.cli.main import app
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.codecs import key_of
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.records import ModelRelease, PseudoLabel
from fusionlog.settings import Settings
from tests.factories import make_event, make_label, make_release, make_window

FULL, BOTH = make_window("disk full"), make_window("disk full", "disk opened")
LABELS = [
    make_label(FULL, 0.1, labelled_at=1.0, reason="\x1b[31mred\x07"),
    make_label(BOTH, 0.9, labelled_at=2.0, teacher="llm:b"),
    make_label(make_window("belt lost", system="mill"), 0.9, labelled_at=3.0),
]
TEMPLATE = make_event("disk full").template


class Topic:
    """The labels and releases of a topic, and what is written to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.labels, self.releases, self.written = list(LABELS), list[ModelRelease](), list[PseudoLabel]()

        async def read(_: Settings) -> dict[str, list[PseudoLabel]]:
            systems = sorted({label.system for label in self.labels})
            return {system: [label for label in self.labels if label.system == system] for system in systems}

        async def releases(_: Settings) -> list[ModelRelease]:
            return self.releases

        async def write(_: Settings, labels: list[PseudoLabel]) -> None:
            self.written += labels
            self.labels = list({label.shape: label for label in [*self.labels, *labels]}.values())

        monkeypatch.setattr(command, "_labels", read)
        monkeypatch.setattr(command, "_releases", releases)
        monkeypatch.setattr(command, "_write", write)

    def run(self, *words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(app, ["labels", *words])
        assert done.exit_code == code, done.output
        return done

    def listed(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("list", "--json", *words).stdout)
        return found


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    return Topic(monkeypatch)


def test_events_and_shapes_are_listed_the_newest_last_and_no_line_steers_the_terminal(topic: Topic) -> None:
    text = topic.run("list").stdout
    assert text.index("disk full") < text.index("belt lost") and "\x1b" not in text and "?[31mred?" in text
    assert f"{TEMPLATE}, 2 answers (1 anomalous) by llm:b, test" in text and FULL.id in text


@pytest.mark.parametrize(
    ("words", "events", "shapes"),
    [
        ((), ["disk full", "disk opened", "belt lost"], 3),
        (("--system", "mill"), ["belt lost"], 1),
        (("--event", TEMPLATE), ["disk full"], 2),
        (("--event", "OPENED"), ["disk opened"], 1),
        (("--shape", BOTH.shape[:8]), ["disk full", "disk opened"], 1),
        (("--state", "revoked"), [], 0),
        (("--limit", "1"), ["belt lost"], 1),
        (("--limit", "1", "--skip", "1"), ["disk opened"], 1),
        (("--skip", "9"), [], 0),
    ],
)
def test_a_list_can_be_narrowed_and_paged(topic: Topic, words: tuple[str, ...], events: list[str], shapes: int) -> None:
    found = topic.listed(*words)
    assert [event["text"] for event in found["events"]] == events and len(found["shapes"]) == shapes


def test_the_totals_are_those_without_paging(topic: Topic) -> None:
    found = topic.listed("--limit", "1")
    assert (found["total_events"], found["total_shapes"]) == (3, 3)


def test_an_empty_topic_is_one_sentence_and_an_empty_object(topic: Topic) -> None:
    topic.labels = []
    done = topic.run("list")
    assert done.stdout == "" and "has no label yet: run  fusionlog worker label" in done.stderr
    assert topic.listed() == {"total_events": 0, "total_shapes": 0, "events": [], "shapes": []}


def test_a_revocation_names_what_it_withdraws_the_releases_with_it_and_how_it_is_undone(topic: Topic) -> None:
    topic.releases = [make_release(("disk full", 0.1), created=9.0)]
    text = topic.run("revoke", "disk full", "--by", "ann", "--note", "planted").stdout
    assert "shop: 2 labels are revoked" in text and FULL.shape in text and BOTH.shape in text
    assert "without an answer then, too" in text and "disk opened" in text
    assert topic.releases[0].version in text and "fusionlog distill --system shop" in text
    assert f"undo: fusionlog labels restore --system shop {TEMPLATE}" in text
    revoked = [label.revoked for label in topic.written]
    assert [(each.by, each.note, each.templates) for each in revoked if each] == [("ann", "planted", [TEMPLATE])] * 2
    assert "revoked" in topic.run("list", "--event", TEMPLATE).stdout
    assert topic.listed("--state", "revoked")["events"][0]["revoked"]["by"] == "ann"


def test_a_shape_that_no_release_was_trained_with_is_revoked_alone(topic: Topic) -> None:
    text = topic.run("revoke", FULL.shape).stdout
    assert "no release on the model topic was trained with" in text and [each.shape for each in topic.written] == [
        FULL.shape
    ]


def test_a_dry_run_changes_nothing(topic: Topic) -> None:
    assert "2 labels would be revoked" in topic.run("revoke", TEMPLATE, "--dry-run").stdout
    assert topic.written == []
    topic.run("revoke", TEMPLATE)
    assert "2 labels would be restored" in topic.run("restore", TEMPLATE, "--dry-run").stdout
    assert len(topic.written) == 2


def test_what_was_revoked_is_restored_as_it_was(topic: Topic) -> None:
    topic.run("revoke", TEMPLATE)
    assert "revoked already" in topic.run("revoke", TEMPLATE).stdout
    assert "2 labels are restored" in topic.run("restore", "disk full").stdout
    assert sorted(topic.labels, key=lambda label: label.labelled_at) == LABELS
    assert "nothing to restore" in topic.run("restore", TEMPLATE).stdout


def test_a_shape_with_a_new_answer_keeps_it(topic: Topic) -> None:
    topic.run("revoke", FULL.shape)
    topic.labels = [*(label for label in LABELS if label.shape != FULL.shape), make_label(FULL, 0.9, labelled_at=9e9)]
    assert "nothing to restore" in topic.run("restore", FULL.shape).stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("nothing",), "'nothing': no label is of it (fusionlog labels list has the ids"),
        ((TEMPLATE, "nothing"), "'nothing'"),
        ((TEMPLATE, "--system", "farm"), "no label is of it; there are mill, shop"),
        ((TEMPLATE, "--system", "mill"), "no label is of it"),
        ((TEMPLATE, "--note", "x" * 1001), "1000 characters at most"),
    ],
)
def test_what_cannot_be_revoked_is_one_sentence(topic: Topic, words: tuple[str, ...], problem: str) -> None:
    done = CliRunner().invoke(app, ["labels", "revoke", *words])
    assert done.exit_code == 1 and problem in str(done.exception) and topic.written == []


def test_an_event_of_two_systems_needs_the_system(topic: Topic) -> None:
    topic.labels.append(replace(LABELS[0], system="mill", shape="twin"))
    done = CliRunner().invoke(app, ["labels", "revoke", TEMPLATE])
    assert "mill, shop have labels of it" in str(done.exception)
    topic.run("revoke", TEMPLATE, "--system", "mill")
    assert [label.shape for label in topic.written] == ["twin"]


@pytest.mark.kafka
async def test_labels_are_revoked_and_restored_on_their_topic(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    producer = Producer(kafka_settings)
    await producer.start()
    for label in LABELS:
        await (await producer.send(kafka_settings.topics.labels, key_of(label), label))
    await producer.stop()
    environment = {
        "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.kafka.bootstrap_servers,
        "FUSIONLOG_TOPIC_PREFIX": kafka_settings.topic_prefix,
    }

    async def revoked(*words: str) -> set[str]:
        done = await asyncio.to_thread(CliRunner(env=environment).invoke, app, ["labels", *words])
        assert done.exit_code == 0, done.output
        found = [label for _, label in await read_all(kafka_settings, kafka_settings.topics.labels)]
        return {label.shape for label in found if label.revoked}

    assert await revoked("list") == set()
    assert await revoked("revoke", TEMPLATE, "--by", "ann") == {FULL.shape, BOTH.shape}
    assert await revoked("restore", TEMPLATE) == set()
