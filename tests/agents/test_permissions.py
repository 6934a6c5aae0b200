"""Every role works with the ACLs of `fusionlog acls` and no others, on Apache Kafka with its authorizer."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from copy import copy
from pathlib import Path
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import TopicAuthorizationFailedError

from agents.app import preflight
from agents.run import ROLES as APPS
from fusionlog.errors import BrokerRefusedError
from fusionlog.kafka import failures
from fusionlog.kafka.acls import grants, rows
from fusionlog.kafka.admin import check_topics, create_topics
from fusionlog.kafka.client import options, plain_client
from fusionlog.kafka.permissions import CODES, topic_views
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import newest, read_all
from fusionlog.settings import Settings
from fusionlog.topics import CANARY, EVERYONE, ROLES, Role, Topic, Who
from fusionlog.workers.canary.sessions import Session
from fusionlog.workers.canary.stuck import find
from fusionlog.workers.canary.watch import Sent
from tests.agents.stage import Stage, Worker
from tests.agents.test_topic_access import RAY
from tests.brokers import kafka_jars, started
from tests.explanation.factories import explaining_endpoint
from tests.factories import make_label, make_window
from tests.kafka.authorizer import ADMIN, GuardedKafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

REVOKED = {
    "ingest": "windows.general", "score": "score", "label": "label", "explain": "anomalies",
    "incidents": "anomalies", "notify": "incidents", "canary": "anomalies",
    "train": "labels",
}  # fmt: skip
"""The topic, or the consumer group, that each running worker loses."""
WORKERS = cast("tuple[Role, ...]", APPS)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    broker = started(lambda: GuardedKafka(tmp_path_factory.mktemp("guarded"), kafka_jars(), EVERYONE))
    yield broker
    broker.stop()


@pytest.fixture
async def stage(kafka: GuardedKafka, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage whose own clients are the administrator's; every role has its ACLs, and the operators' creates topics."""
    extra = {**kafka.env(ADMIN), "FUSIONLOG_CANARY__SECONDS": "60", "FUSIONLOG_RAY_ADDRESS": "http://127.0.0.1:1"}
    stage = Stage(tmp_path, kafka.settings, extra=extra)
    for who in EVERYONE:
        await kafka.grant(await acls(stage, who))
    assert stage.settings.topics.canary.name in await create_topics(of(stage, kafka, "cli"))
    await stage.publish(stage.settings.topics.models, stage.release())
    yield stage
    await stage.close()


async def acls(stage: Stage, who: Who) -> list[dict[str, str]]:
    """What the command prints for a role whose login has its name."""
    return rows(grants(stage.settings.topics, who), f"User:{who}")


async def run(stage: Stage, kafka: GuardedKafka, user: str, *command: str) -> tuple[int, str]:
    """Run a command with a user's login; its exit code and its output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env={**os.environ, **stage.env, **kafka.env(user)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


def of(stage: Stage, kafka: GuardedKafka, user: str) -> Settings:
    """The stage's settings with a user's login."""
    found = stage.settings.model_copy(update={"kafka": kafka.as_user(user)})
    found.__dict__.update(systems=stage.settings.systems, topics=stage.settings.topics)
    return found


def lines(user: str, stage: Stage, kafka: GuardedKafka) -> Stage:
    """The stage as a user sees it: what it writes and reads is that user's."""
    seen = copy(stage)
    seen.settings = of(stage, kafka, user)
    return seen


async def taken(kafka: GuardedKafka, user: str, topic: Topic, group: str) -> AsyncIterator[bytes]:
    """The records of a topic, as a member of a group gets them."""
    consumer = AIOKafkaConsumer(
        topic.name, **options(kafka.as_user(user)), group_id=group, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async for record in consumer:
            yield record.value
    finally:
        await consumer.stop()


async def first(records: AsyncIterator[bytes], *wanted: bytes, seconds: float = 60.0) -> None:
    """Take records until one has each of these texts in it."""
    missing = set(wanted)
    try:
        async with asyncio.timeout(seconds):
            async for value in records:
                missing -= {text for text in missing if text in value}
                if not missing:
                    return
    except TimeoutError:
        raise AssertionError(f"not in {seconds} s: {missing}") from None


async def ended(worker: Worker) -> tuple[int, str]:
    """The exit code of a worker that ends by itself, and the last line of its log."""
    code = await worker.ended(60)
    return code, worker.log.read_text().strip().splitlines()[-1]


def line_to_add(kafka: GuardedKafka, user: str, *words: str) -> str:
    """How a command that grants something begins and ends."""
    return (
        f"kafka-acls.sh --bootstrap-server {kafka.bootstrap_servers} --command-config admin.properties --add "
        f"--allow-principal User:{user} {' '.join(words)}"
    )


async def test_each_role_has_what_it_needs_and_no_more(stage: Stage, kafka: GuardedKafka) -> None:
    every = {topic.name: topic for topic in [*stage.settings.topics.all(), stage.settings.topics.canary]}
    for who in EVERYONE:
        settings = of(stage, kafka, who)
        async with plain_client(settings.kafka) as client:
            shown = await topic_views(client, every)
        found = grants(settings.topics, who)
        granted = {each.name: each.operations for each in found if each.resource == "topic"}
        for name, view in shown.items():
            assert view.allowed is not None
            allowed = {each for each, code in CODES.items() if view.allowed & 1 << code}
            assert allowed == set(granted.get(name, ())), (who, name)
        if who in ROLES:
            assert await check_topics(settings, cast("Role", who)) == [], who


async def test_the_canary_sees_where_its_lines_are_stuck(stage: Stage, kafka: GuardedKafka) -> None:
    place = (stage.settings.topics.canary.name, 0)
    sent = Sent(Session(1.0, "anomaly", "x"), 0.0, (place, 5))
    problem = await find(of(stage, kafka, "canary"), sent)
    assert problem.stage == "ingest" and "no ingest worker runs" in problem.text


async def test_a_role_does_not_start_with_the_permissions_of_another(stage: Stage, kafka: GuardedKafka) -> None:
    for role, user in [(role, user) for role in WORKERS for user in EVERYONE if role != user]:
        with pytest.raises(BrokerRefusedError) as refused:
            await preflight(of(stage, kafka, user), role)
        found = re.search(r"user '(\w+)' lacks the permissions? ([\w, ]+) on (topic|group) (\S+):", str(refused.value))
        assert found is not None and found[1] == user, str(refused.value)
        operations = [word for each in found[2].split(", ") for word in ("--operation", each)]
        assert line_to_add(kafka, user, *operations, f"--{found[3]}", found[4]) in str(refused.value)
        assert f"fusionlog acls --role {role} prints all" in str(refused.value)


async def test_what_a_role_may_not_do_is_refused_with_the_command_that_grants_it(
    stage: Stage, kafka: GuardedKafka
) -> None:
    settings, topics = of(stage, kafka, "score"), stage.settings.topics
    label = make_label(make_window("disk failed"), 0.1)
    producer = Producer(settings)
    await producer.start()
    ack = await producer.send(topics.labels, "shop/x", label)  # It reads them, and sees the topic.
    with pytest.raises(TopicAuthorizationFailedError) as unwritten:
        await ack
    assert line_to_add(kafka, "score", "--operation Write --topic", topics.labels.name) in failures.reason(
        unwritten.value, settings.kafka, "Write"
    )
    with pytest.raises(BrokerRefusedError, match=f"lacks the permission Write on topic {topics.spend.name}: add it"):
        await producer.send(topics.spend, "x", None)
    await producer.stop()
    with pytest.raises(BrokerRefusedError, match=f"lacks the permissions Read, Describe on topic {topics.spend.name}"):
        await read_all(settings, topics.spend)
    await stage.publish(topics.proprietary, make_window("disk failed"))
    with pytest.raises(BrokerRefusedError, match=f"lacks the permission Read on topic {topics.proprietary.name}: add"):
        await newest(settings, topics.proprietary, 10)
    with pytest.raises(BrokerRefusedError, match="lacks the permissions Create, Describe on topic"):
        await create_topics(settings)


async def test_a_permission_that_is_taken_away_ends_the_worker_and_is_named_at_each_start(
    stage: Stage, kafka: GuardedKafka
) -> None:
    topics = stage.settings.topics
    worker = await stage.worker("score", **kafka.env("score"))
    await worker.logged('"started"')
    await kafka.revoke("User:score", topics.labels.name)
    for _ in range(2):
        code, message = await ended(worker)
        assert code == 2 and f"on topic {topics.labels.name}" in message, message
        assert line_to_add(kafka, "score") in message and f"--topic {topics.labels.name}" in message
        worker = await stage.worker("score", **kafka.env("score"))
    await worker.ended()
    await kafka.grant(await acls(stage, "score"))
    again = await stage.worker("score", **kafka.env("score"))
    await again.logged('"started"')
    assert await again.stop() == 0


@pytest.mark.long
async def test_each_role_works_with_its_own_permissions(stage: Stage, kafka: GuardedKafka) -> None:
    topics = stage.settings.topics
    group = topics.group("users.siem")
    with explaining_endpoint() as endpoint:
        started = {
            role: await stage.worker(
                role, **kafka.env(role), **({"FUSIONLOG_LABEL__URL": endpoint.url} if role == "explain" else {})
            )
            for role in WORKERS
        }
        for worker in started.values():
            await worker.logged('"started"')
        known, unknown = ["s=known disk failed"] * 50, ["s=unknown payment refused: error"] * 50
        await lines("shippers", stage, kafka).write([(None, each) for each in [*known, *unknown, b""]])
        await first(taken(kafka, "users", topics.anomalies, group), b'"known"', b'"unknown"', CANARY.encode())
        await first(taken(kafka, "users", topics.explanations, group), b"look at the disk")
        await stage.publish(topics.labels, make_label(make_window("disk failed"), 0.1))
        await commands(stage, kafka)
        for role, name in REVOKED.items():
            await kafka.revoke(f"User:{role}", topics.group(name))
        for role, worker in started.items():
            code, message = await ended(worker)
            assert code == 2 and line_to_add(kafka, role) in message, (role, message)
            assert f" {topics.group(REVOKED[role])}  (fusionlog acls" in message, (role, message)


async def commands(stage: Stage, kafka: GuardedKafka) -> None:
    """Run the commands of operators, then the reads and the write of a Ray job."""
    version = stage.release().version
    shop = ("--system", "shop")
    for user, command in [
        ("cli", ("topics", "check")),
        ("cli", ("labels", "revoke", "disk failed")),
        ("cli", ("models", "rollback", version)),
        ("cli", ("explanations",)),
        ("cli", ("teacher", "spend")),
        ("cli", ("train", "pause", *shop)),
        ("cli", ("teacher", "show", "--topic", *shop)),
        ("cli", ("deadletter", "replay", "--stage", "ingest")),
    ]:
        code, output = await run(stage, kafka, user, "-m", "fusionlog", *command)
        assert code == 0, (command, output)
    _, output = await run(stage, kafka, "cli", "-m", "fusionlog", "systems", "check", "--topic", *shop)
    assert "empty" in output, "it reports the dead letter, and so has read the lines"
    code, output = await run(stage, kafka, "ray", "-c", RAY)
    assert code == 0, output
