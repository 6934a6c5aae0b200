"""What Kafka lets this client do with topics and consumer groups, compared with the grants that its role needs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v4
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from fusionlog.errors import BrokerError, BrokerRefusedError
from fusionlog.kafka.acls import Grant, Operation, Resource
from fusionlog.kafka.client import plain_client, unreached
from fusionlog.kafka.denials import denial
from fusionlog.settings import KafkaSettings
from fusionlog.topics import Topic

CODES: Mapping[Operation, int] = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
"""Kafka's numbers of the operations: the bits of an answer's `authorized_operations`."""
NOT_GIVEN = -(2**31)
COORDINATOR_SECONDS = 2.0
"""A group has its coordinator, which may be away while the other brokers answer."""


@dataclass(frozen=True)
class View:
    """What Kafka shows of a topic or a group to this client.

    :param partitions: of a topic; None where there is no such topic, or none is shown.
    :param allowed: the bits of what this client may do; None where Kafka does not give them.
    """

    partitions: int | None = None
    allowed: int | None = None


DENIED = View(allowed=0)
Views: TypeAlias = Mapping[tuple[Resource, str], View]
"""The views of topics and groups, by kind and name."""


class MetadataResponse_v8(Response):  # type: ignore[misc]
    """Topics, each with what this client may do with it. aiokafka has the versions up to 5."""

    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", String("utf-8")), ("port", Int32), ("rack", String("utf-8")))),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        ("topics", Array(
            ("error_code", Int16), ("topic", String("utf-8")), ("is_internal", Boolean),
            ("partitions", Array(
                ("error_code", Int16), ("partition", Int32), ("leader", Int32), ("leader_epoch", Int32),
                ("replicas", Array(Int32)), ("isr", Array(Int32)), ("offline_replicas", Array(Int32)),
            )),
            ("authorized_operations", Int32),
        )),
        ("cluster_authorized_operations", Int32),
    )  # fmt: skip


class MetadataRequest_v8(RequestStruct):  # type: ignore[misc]
    """The request of that."""

    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = MetadataResponse_v8
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class GroupsRequest_v3(RequestStruct):  # type: ignore[misc]
    """A request of groups with what this client may do with them; aiokafka's own leaves that in the answer unread."""

    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    SCHEMA = DescribeGroupsRequest_v3.SCHEMA


AnyMetadata: TypeAlias = MetadataRequest_v4 | MetadataRequest_v8


class TopicsRequest(Request[AnyMetadata]):  # type: ignore[misc]
    """Asks for topics by name, so that none is created; of a broker before 2.3 without what is allowed."""

    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)

    def build(self, request_struct_class: type[AnyMetadata]) -> AnyMetadata:
        """The request in the version that the broker has."""
        flags = (False, False, True) if request_struct_class is MetadataRequest_v8 else (False,)
        return request_struct_class(self._names, *flags)


class GroupsRequest(Request[GroupsRequest_v3]):  # type: ignore[misc]
    """Asks for groups."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[GroupsRequest_v3]) -> GroupsRequest_v3:
        """The request."""
        return request_struct_class([self._group], True)


async def topic_views(client: AIOKafkaClient, names: Iterable[str]) -> dict[str, View]:
    """What Kafka shows of these topics, by name.

    :raises KafkaError: Kafka does not answer.
    """
    response = await client.send(client.get_random_node(), TopicsRequest(list(names)))
    return {entry["topic"]: _topic_view(entry) for entry in response.to_object()["topics"]}


async def group_view(client: AIOKafkaClient, group: str) -> View:
    """What Kafka shows of a group; nothing while its coordinator is away."""
    try:
        async with asyncio.timeout(COORDINATOR_SECONDS):
            coordinator = await client.coordinator_lookup(0, group)
            response = await client.send(coordinator, GroupsRequest(group))
    except GroupAuthorizationFailedError:
        return DENIED
    except (KafkaError, OSError, TimeoutError, NotImplementedError):  # The last: this broker has no such request.
        return View()
    [entry] = response.to_object()["groups"]
    return _view(for_code(entry["error_code"]), GroupAuthorizationFailedError, 0, entry["authorized_operations"])


async def views(client: AIOKafkaClient, needed: Iterable[Grant], topics: Iterable[str] = ()) -> Views:
    """What Kafka shows of the topics and groups of these grants, and of further topics.

    :raises KafkaError: Kafka does not answer.
    """
    named = [grant for grant in needed if grant.pattern == "literal"]
    names = dict.fromkeys([*topics, *(grant.name for grant in named if grant.resource == "topic")])
    found: dict[tuple[Resource, str], View] = {}
    for name, view in (await topic_views(client, names)).items():
        found["topic", name] = view
    for grant in named:
        if grant.resource == "group":
            found["group", grant.name] = await group_view(client, grant.name)
    return found


def missing(needed: Iterable[Grant], shown: Views) -> list[Grant]:
    """The grants that this client needs and does not have, with the missing operations alone."""
    found = [_lacking(grant, shown.get((grant.resource, grant.name), View())) for grant in needed]
    return [grant for grant in found if grant.operations]


async def partitions_of(kafka: KafkaSettings, topic: Topic) -> int:
    """The number of partitions of a topic that is to be read.

    :raises BrokerRefusedError: it is not shown to this client.
    :raises BrokerError: Kafka does not answer, or there is no such topic.
    """
    try:
        async with plain_client(kafka) as client:
            view = (await topic_views(client, [topic.name]))[topic.name]
    except (KafkaError, OSError, TimeoutError) as error:
        raise await unreached(kafka, error) from error
    if view == DENIED:
        reason = denial([Grant("topic", topic.name, ("Read", "Describe"))], kafka)
        raise BrokerRefusedError(f"Kafka at {kafka.bootstrap_servers} does not show {topic.name}: {reason}")
    if view.partitions is None:
        raise BrokerError(f"topic {topic.name} does not exist: create it with  fusionlog topics create")
    return view.partitions


def _lacking(grant: Grant, view: View) -> Grant:
    allowed = view.allowed
    if allowed is None:
        return grant.only(())
    return grant.only([each for each in grant.operations if not allowed & 1 << CODES[each]])


def _topic_view(entry: Mapping[str, Any]) -> View:
    allowed = entry.get("authorized_operations", NOT_GIVEN)
    return _view(for_code(entry["error_code"]), TopicAuthorizationFailedError, len(entry["partitions"]), allowed)


def _view(error: type[KafkaError], denying: type[KafkaError], partitions: int, allowed: int) -> View:
    if error is denying:
        return DENIED
    # What is shown may be described: a broker whose answer denies that does not fill the field in.
    given = allowed != NOT_GIVEN and allowed & 1 << CODES["Describe"]
    return View(partitions or None, allowed if given else None)
