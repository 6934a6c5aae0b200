"""Creation of the topics, and a check of the existing ones against their declarations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from fusionlog.errors import BrokerError
from fusionlog.kafka.client import admin_client, kafka_errors, partition_counts
from fusionlog.settings import Settings
from fusionlog.topics import Topic

Configs = Mapping[str, str]

VISIBLE_SECONDS = 15.0


@dataclass(frozen=True)
class Problem:
    """A fault of a topic, as a sentence with its remedy. `fatal`: no worker works with it."""

    topic: str
    text: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"topic {self.topic} {self.text}"


async def create_topics(settings: Settings) -> list[str]:
    """Create the missing topics, raw ones of the configured systems included; return the names of those created.

    :raises BrokerError: Kafka does not answer, or refuses a topic.
    """
    existing = await partition_counts(settings.kafka)
    missing = [topic for topic in _declared(settings, existing) if topic.name not in existing]
    if not missing:
        return []
    async with kafka_errors(settings.kafka, "creating topics"), admin_client(settings.kafka) as admin:
        response = await admin.create_topics([_new_topic(topic, settings) for topic in missing])
    errors = {name: (for_code(code), text) for name, code, text in response.topic_errors}
    made = [topic.name for topic in missing if _created(topic, *errors[topic.name])]
    await _visible(settings, {topic.name for topic in missing})
    return made


async def _visible(settings: Settings, names: set[str]) -> None:
    """Wait until the broker lists the topics: the controller's metadata reaches it a moment after their creation."""
    deadline = asyncio.get_running_loop().time() + VISIBLE_SECONDS
    while missing := names - set(await partition_counts(settings.kafka)):
        if asyncio.get_running_loop().time() > deadline:
            raise BrokerError(f"Kafka created {sorted(missing)[0]} but does not list it after {VISIBLE_SECONDS:.0f} s")
        await asyncio.sleep(0.05)


async def check_topics(settings: Settings) -> list[Problem]:
    """The faults of the topics, fatal ones first; an empty list where there are none.

    Raw topics are the user's: a missing one is a fault, its settings are not checked.

    :raises BrokerError: Kafka does not answer.
    """
    counts = await partition_counts(settings.kafka)
    present = [topic.name for topic in settings.topics.all() if topic.name in counts]
    async with kafka_errors(settings.kafka, "reading the settings of topics"), admin_client(settings.kafka) as admin:
        configs = await _configs(admin, present)
    problems = [problem for topic in _declared(settings, counts) for problem in _problems(topic, counts, configs)]
    problems += _left_behind(settings, counts)
    return sorted(problems, key=lambda problem: not problem.fatal)


def _declared(settings: Settings, counts: Mapping[str, int]) -> list[Topic]:
    """All topics as they must exist: a keyed one has as many partitions as the raw one that is there."""
    topics = settings.topics
    own = {topics.keyed(name).name: counts.get(topics.raw(name).name) for name in topics.repartitioned}
    return [replace(topic, partitions=own.get(topic.name) or topic.partitions) for topic in topics.all()]


def _new_topic(topic: Topic, settings: Settings) -> NewTopic:
    return NewTopic(topic.name, topic.partitions, settings.kafka.replication_factor, topic_configs=topic.config())


def _created(topic: Topic, error: type[Exception], text: str | None) -> bool:
    if error is TopicAlreadyExistsError:  # another worker was quicker
        return False
    if getattr(error, "errno", 0):
        raise BrokerError(f"Kafka refused to create topic {topic.name}: {text or error.__name__}")
    return True


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, Configs]:
    """The settings of topics by name, without those that the broker does not disclose."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, Configs] = {}
    for response in await admin.describe_configs(resources) if resources else []:
        for code, _, _, name, entries, *_ in response.resources:
            if code == 0:
                found[name] = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return found


def _left_behind(settings: Settings, counts: Mapping[str, int]) -> Iterator[Problem]:
    """The keyed topics of systems that are not repartitioned any more: nothing reads what is in them."""
    topics = settings.topics
    for system in topics.systems:
        name = topics.keyed(system).name
        if system not in topics.repartitioned and name in counts:
            yield Problem(
                name,
                f"exists, and {system} has no repartition: true: lines in it that were not read yet are in no window. "
                "Set repartition: true until its fusionlog_lag_records and the system's fusionlog_lines_open are 0, "
                f"then delete the topic with  kafka-topics.sh --delete --topic {name}",
                fatal=False,
            )


def _problems(topic: Topic, counts: Mapping[str, int], configs: Mapping[str, Configs]) -> Iterator[Problem]:
    """The faults of one topic, given every topic's partition count and settings."""
    count, config = counts.get(topic.name), configs.get(topic.name, {})
    if count is None:
        yield Problem(topic.name, "does not exist: create it with  fusionlog topics create")
        return
    if topic.record is None and "shippers" in topic.written_by:
        return
    if count < topic.partitions:
        yield Problem(
            topic.name,
            f"has {count} partitions where {topic.partitions} are configured: set FUSIONLOG_KAFKA__PARTITIONS={count}, "
            f"or add partitions with  kafka-topics.sh --alter --partitions {topic.partitions}",
            fatal=False,
        )
    yield from _config_problems(topic, config)


def _config_problems(topic: Topic, config: Configs) -> Iterator[Problem]:
    policy = config.get("cleanup.policy", topic.cleanup)
    if topic.cleanup not in policy.split(",") or (topic.cleanup == "compact" and "delete" in policy):
        yield Problem(
            topic.name,
            f"has cleanup.policy={policy}, which loses records that are needed or keeps those that are not: "
            f"set it with  kafka-configs.sh --alter --add-config cleanup.policy={topic.cleanup}",
            fatal=topic.cleanup == "compact",
        )
    size = config.get("max.message.bytes")
    if size is not None and size.isdigit() and int(size) < topic.max_message_bytes:
        yield Problem(
            topic.name,
            f"has max.message.bytes={size}, and a {_noun(topic)} may need {topic.max_message_bytes}: "
            f"set it with  kafka-configs.sh --alter --add-config max.message.bytes={topic.max_message_bytes}",
            fatal=topic.max_message_bytes > 1024 * 1024 and topic.cleanup == "compact",
        )


def _noun(topic: Topic) -> str:
    return topic.record.__name__ if topic.record else "record"
