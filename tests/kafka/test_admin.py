"""Topics on Apache Kafka: created once, checked, and every problem a sentence with its way out."""

import pytest
from aiokafka.admin import NewTopic

from fusionlog.errors import BrokerError
from fusionlog.kafka.admin import check_topics, create_topics
from fusionlog.kafka.client import admin_client, partition_counts
from fusionlog.settings import KafkaSettings, Settings, SystemSettings, WindowSettings
from tests.agents.stage import until
from tests.brokers import free_ports

pytestmark = pytest.mark.kafka


def with_system(settings: Settings, name: str = "shop") -> Settings:
    settings.__dict__["systems"] = {name: SystemSettings()}
    return settings


async def test_create_makes_all_topics_once(kafka_settings: Settings) -> None:
    settings = with_system(kafka_settings)
    made = await create_topics(settings)
    assert made == [topic.name for topic in settings.topics.all()]
    assert settings.topics.raw("shop").name in made
    assert await create_topics(settings) == []
    assert await check_topics(settings) == []
    counts = await partition_counts(settings.kafka)
    assert all(counts[topic.name] == topic.partitions for topic in settings.topics.all())


async def test_asking_for_topics_creates_none(kafka_settings: Settings) -> None:
    problems = await check_topics(kafka_settings)
    assert {problem.topic for problem in problems} == {topic.name for topic in kafka_settings.topics.own()}
    assert all("does not exist: create it with  fusionlog topics create" in str(problem) for problem in problems)
    assert not set(await partition_counts(kafka_settings.kafka)) & {p.topic for p in problems}


async def test_check_names_policy_size_and_partitions(kafka_settings: Settings) -> None:
    topics = kafka_settings.topics
    async with admin_client(kafka_settings.kafka) as admin:
        await admin.create_topics(
            [
                NewTopic(topics.models.name, 1, 1),
                NewTopic(topics.general.name, 1, 1, topic_configs=topics.general.config()),
            ]
        )
    await create_topics(kafka_settings)
    problems = [str(problem) for problem in await check_topics(kafka_settings)]
    assert len(problems) == 3
    assert "cleanup.policy=delete" in problems[0] and "cleanup.policy=compact" in problems[0]
    assert "max.message.bytes=1048588" in problems[1] and str(topics.models.max_message_bytes) in problems[1]
    assert "has 1 partitions where 4 are configured" in problems[2]


async def test_a_raw_topic_of_no_system_is_named_and_ends_no_worker(kafka_settings: Settings) -> None:
    settings = with_system(kafka_settings)
    await create_topics(settings)
    stray = settings.topics.raw("shp").name
    async with admin_client(settings.kafka) as admin:
        await admin.create_topics([NewTopic(stray, 1, 1)])

    async def found() -> bool:
        return stray in {problem.topic for problem in await check_topics(settings)}

    await until(found, 20)
    (problem,) = await check_topics(settings, "ingest")
    assert str(problem).startswith(f"topic {stray} belongs to no system, so its lines are not read")
    assert not problem.fatal
    assert await check_topics(settings, "score") == []


async def test_no_kafka_is_one_sentence_that_names_the_setting() -> None:
    settings = Settings(kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}"))
    with pytest.raises(BrokerError, match="FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS"):
        await create_topics(settings)


def repartitioned(settings: Settings, *, on: bool = True) -> Settings:
    window = WindowSettings(by="session")
    changed = settings.model_copy()
    changed.__dict__.pop("topics", None)
    changed.__dict__["systems"] = {"shop": SystemSettings(session="s=(x)", window=window, repartition=on)}
    return changed


@pytest.mark.parametrize("partitions", [7, 1])
async def test_a_keyed_topic_has_as_many_partitions_as_the_raw_one(kafka_settings: Settings, partitions: int) -> None:
    settings = repartitioned(kafka_settings)
    raw = settings.topics.raw("shop").name
    async with admin_client(settings.kafka) as admin:
        await admin.create_topics([NewTopic(raw, partitions, 1)])

    async def is_there() -> bool:
        return raw in await partition_counts(settings.kafka)

    await until(is_there, 15)
    assert settings.topics.keyed("shop").name in await create_topics(settings)
    keyed = settings.topics.keyed("shop").name
    assert (await partition_counts(settings.kafka))[keyed] == partitions
    assert keyed not in {problem.topic for problem in await check_topics(settings)}


async def test_a_keyed_topic_that_nothing_reads_any_more_is_named(kafka_settings: Settings) -> None:
    await create_topics(repartitioned(kafka_settings))
    (problem,) = await check_topics(repartitioned(kafka_settings, on=False))
    assert "keyed.shop exists, and shop has no repartition: true" in str(problem) and not problem.fatal
