"""Creation of the topics, and a check of the existing ones against their declarations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from fusionlog.errors import BrokerError, BrokerRefusedError
from fusionlog.kafka.acls import Grant, grants
from fusionlog.kafka.client import admin_client, kafka_errors, partition_counts
from fusionlog.kafka.denials import denial
from fusionlog.kafka.permissions import DENIED, Views, missing, views_of
from fusionlog.kafka.stray_topics import stray_sentence, stray_topics
from fusionlog.settings import KafkaSettings, Settings
from fusionlog.topics import Role, Topic, Topics

Configs = Mapping[str, str]

VISIBLE_SECONDS = 15.0


@dataclass(frozen=True)
class Problem:
    """A fault of a topic, as a sentence with its remedy. `fatal`: no worker works with it.

    `denied`: it is a permission that is missing, on a topic or a group, and `text` is the whole sentence.
    """

    topic: str
    text: str
    fatal: bool = True
    denied: bool = False

    def __str__(self) -> str:
        return self.text if self.denied else f"topic {self.topic} {self.text}"


async def create_topics(settings: Settings) -> list[str]:
    """Create the missing topics, raw ones of the configured systems included; return the names of those created.

    :raises BrokerError: Kafka does not answer, or refuses a topic.
    """
    existing = await _existing(settings)
    missing = [
        topic for topic in _declared(settings.topics.all(), settings.topics, existing) if topic.name not in existing
    ]
    if not missing:
        return []
    async with kafka_errors(settings.kafka, "creating topics"), admin_client(settings.kafka) as admin:
        response = await admin.create_topics([_new_topic(topic, settings) for topic in missing])
    errors = {name: (for_code(code), text) for name, code, text in response.topic_errors}
    made = [topic.name for topic in missing if _created(topic, settings.kafka, *errors[topic.name])]
    await _visible(settings, {topic.name for topic in missing})
    return made


async def _visible(settings: Settings, names: set[str]) -> None:
    """Wait until the broker lists the topics: the controller's metadata reaches it a moment after their creation."""
    deadline = asyncio.get_running_loop().time() + VISIBLE_SECONDS
    while missing := names - set(await partition_counts(settings.kafka)):
        if asyncio.get_running_loop().time() > deadline:
            raise BrokerError(f"Kafka created {sorted(missing)[0]} but does not list it after {VISIBLE_SECONDS:.0f} s")
        await asyncio.sleep(0.05)


async def check_topics(settings: Settings, role: Role | None = None) -> list[Problem]:
    """The faults of the topics, fatal ones first; an empty list where there are none.

    Raw topics are the user's: a missing one is a fault, its settings are not checked.

    :param role: check the topics of this role alone, and that this client may do with them, and with its consumer
        groups, what the role does; by default all topics, which this client must see.
    :raises BrokerError: Kafka does not answer.
    """
    topics, needed = _used(settings.topics, role), _needed(settings.topics, role)
    shown = await views_of(settings.kafka, needed, [each.name for each in (*topics, *_not_read(settings.topics))])
    counts, denied = _counts(shown), missing(needed, shown)
    hidden = {grant.name for grant in denied if "DescribeConfigs" in grant.operations}
    checked = [each.name for each in needed if "DescribeConfigs" in each.operations and each.name not in hidden]
    async with kafka_errors(settings.kafka, "reading the settings of topics"), admin_client(settings.kafka) as admin:
        configs = await _configs(admin, [name for name in checked if name in counts])
    unseen = {grant.name for grant in denied if "Describe" in grant.operations}
    problems = [
        *_denials(denied, settings.kafka, role or "cli"),
        *(
            problem
            for topic in _declared(topics, settings.topics, counts) if topic.name not in unseen
            for problem in _problems(topic, counts, configs)
        ),
        *_left_behind(settings, counts),
        *(await _stray(settings) if role in (None, "ingest") else ()),
    ]  # fmt: skip
    return sorted(problems, key=lambda problem: not problem.fatal)


def needed_by(topics: Topics, role: Role) -> list[Grant]:
    """The grants without which a role does not work: the check of settings can be done without."""
    return [each.only(("Read", "Write", "Describe")) for each in _needed(topics, role)]


def _used(topics: Topics, role: Role | None) -> list[Topic]:
    return topics.all() if role is None else topics.used(role)


def _needed(topics: Topics, role: Role | None) -> list[Grant]:
    """The grants to check: those of a role but for the creation of topics; without one, to see every topic."""
    if role is not None:
        return [each.only(("Read", "Write", "Describe", "DescribeConfigs")) for each in grants(topics, role)]
    found = [each.only(("Describe", "DescribeConfigs")) for each in grants(topics, "cli")]
    return [each for each in found if each.resource == "topic"]


def _not_read(topics: Topics) -> list[Topic]:
    """The keyed topics that nothing reads, where they exist: those of systems without `repartition: true`."""
    return [topics.keyed(system) for system in topics.systems if system not in topics.repartitioned]


def _counts(shown: Views) -> dict[str, int]:
    """The numbers of partitions of the topics that are there."""
    return {name: view.partitions for (_, name), view in shown.items() if view.partitions is not None}


def _denials(denied: Sequence[Grant], kafka: KafkaSettings, role: Role) -> Iterator[Problem]:
    """A problem a topic or group; one whose settings alone are not shown is no fatal one."""
    for grant in denied:
        yield Problem(
            grant.name, denial([grant], kafka, role), fatal=grant.operations != ("DescribeConfigs",), denied=True
        )


async def _existing(settings: Settings) -> dict[str, int]:
    """The numbers of partitions of the topics that exist.

    :raises BrokerRefusedError: a topic is not shown to this client: it may exist or not.
    """
    needed = [each.only(("Describe", "Create")) for each in grants(settings.topics, "cli") if each.resource == "topic"]
    shown = await views_of(settings.kafka, (), [topic.name for topic in settings.topics.all()])
    if hidden := [grant for grant in needed if shown.get(("topic", grant.name)) == DENIED]:
        raise BrokerRefusedError(denial(hidden, settings.kafka, "cli"))
    return _counts(shown)


def _declared(wanted: Sequence[Topic], topics: Topics, counts: Mapping[str, int]) -> list[Topic]:
    """Topics as they must exist: a keyed one has as many partitions as the raw one that is there."""
    own = {topics.keyed(name).name: counts.get(topics.raw(name).name) for name in topics.repartitioned}
    return [replace(topic, partitions=own.get(topic.name) or topic.partitions) for topic in wanted]


def _new_topic(topic: Topic, settings: Settings) -> NewTopic:
    return NewTopic(topic.name, topic.partitions, settings.kafka.replication_factor, topic_configs=topic.config())


def _created(topic: Topic, kafka: KafkaSettings, error: type[KafkaError], text: str | None) -> bool:
    if error is TopicAlreadyExistsError:  # another worker was quicker
        return False
    if error is TopicAuthorizationFailedError:
        raise BrokerRefusedError(denial([Grant("topic", topic.name, ("Create", "Describe"))], kafka, "cli"))
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
    for topic in _not_read(topics):
        name, system = topic.name, topic.name.removeprefix(topics.keyed("").name)
        if name in counts:
            yield Problem(
                name,
                f"exists, and {system} has no repartition: true: lines in it that were not read yet are in no window. "
                "Set repartition: true until its fusionlog_lag_records and the system's fusionlog_lines_open are 0, "
                f"then delete the topic with  kafka-topics.sh --delete --topic {name}",
                fatal=False,
            )


async def _stray(settings: Settings) -> list[Problem]:
    """The raw topics of no system, of those that are shown to this client."""
    names = await partition_counts(settings.kafka)
    return [Problem(name, stray_sentence(settings, name), fatal=False) for name in stray_topics(settings, names)]


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
