"""What Kafka shows of topics and groups; what it does not give is not missing."""

from __future__ import annotations

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from fusionlog.errors import BrokerError
from fusionlog.kafka.acls import Grant, grants
from fusionlog.kafka.admin import check_topics, create_topics
from fusionlog.kafka.client import partition_counts, plain_client
from fusionlog.kafka.embedded_broker import EmbeddedBroker
from fusionlog.kafka.permissions import CODES, DENIED, View, _topic_view, missing, partitions_of, topic_views, views
from fusionlog.settings import Settings
from fusionlog.topics import ROLES

GRANT = Grant("topic", "f.labels", ("Read", "Write", "Describe"))


def shown(view: View) -> list[Grant]:
    return missing([GRANT], {("topic", "f.labels"): view})


def test_the_operations_that_are_not_allowed_are_missing() -> None:
    assert shown(View(4, 1 << CODES["Read"] | 1 << CODES["Describe"])) == [Grant("topic", "f.labels", ("Write",))]
    assert shown(DENIED) == [GRANT]


def test_a_topic_that_is_shown_and_has_no_operation_is_of_a_broker_that_does_not_give_them() -> None:
    entry = {"error_code": 0, "partitions": [0], "topic": "f.labels"}
    assert _topic_view(entry | {"authorized_operations": 0}) == View(1, None)
    assert _topic_view(entry | {"authorized_operations": 1 << CODES["Describe"]}).allowed
    assert _topic_view(entry | {"error_code": TopicAuthorizationFailedError.errno, "partitions": []}) == DENIED


def test_what_a_broker_does_not_give_is_not_missing() -> None:
    assert shown(View(4, None)) == [] == missing([GRANT], {})


@pytest.mark.kafka
async def test_a_kafka_without_an_authorizer_permits_everything_and_creates_nothing(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    topics = kafka_settings.topics
    async with plain_client(kafka_settings.kafka) as client:
        found = await topic_views(client, [topics.labels.name, "no-such-topic"])
        assert found[topics.labels.name].partitions == topics.labels.partitions
        assert found["no-such-topic"].partitions is None
        for role in ROLES:
            needed = grants(topics, role)
            assert missing(needed, await views(client, needed)) == []
    assert "no-such-topic" not in await partition_counts(kafka_settings.kafka)
    assert await partitions_of(kafka_settings.kafka, topics.models) == 1


@pytest.mark.kafka
async def test_a_role_is_checked_on_its_own_topics_alone(kafka_settings: Settings) -> None:
    for role in ROLES:
        found = {problem.topic for problem in await check_topics(kafka_settings, role)}
        assert found == {topic.name for topic in kafka_settings.topics.used(role)}
    with pytest.raises(BrokerError, match="does not exist: create it with  fusionlog topics create"):
        await partitions_of(kafka_settings.kafka, kafka_settings.topics.models)


async def test_an_embedded_broker_permits_everything() -> None:
    broker = EmbeddedBroker()
    await broker.start()
    try:
        settings = Settings(kafka=broker.settings)
        await create_topics(settings)
        assert [await check_topics(settings, role) for role in ROLES if role != "canary"] == [[]] * (len(ROLES) - 1)
    finally:
        await broker.stop()
