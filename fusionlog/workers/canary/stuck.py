"""Where a known anomaly got stuck: found by what the groups of the workers on its way have committed.

An ingest worker commits a raw offset only when Kafka has the windows of all lines up to it. So a commit behind the
canary's lines means that its window is cut; workers that have no window left but fresh ones have handled it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aiokafka import AIOKafkaConsumer, TopicPartition

from fusionlog.errors import BrokerError
from fusionlog.kafka.client import admin_client, kafka_errors, options, partition_counts
from fusionlog.kafka.takeover import Extent, committed_offsets
from fusionlog.settings import Settings
from fusionlog.topics import CANARY, Topic
from fusionlog.workers.canary.watch import Sent

ANSWER_SECONDS = 5.0
FRESH_SECONDS = 5.0
"""Workers that keep up have not handled the windows of the last seconds, a third of the canary's timeout at most."""
Stage = Literal["kafka", "ingest", "score", "label", "model", "verdict", "normal", "unknown"]


@dataclass(frozen=True)
class Problem:
    """What is wrong with the canary: the stage at which it got stuck, a code for metrics, and a sentence."""

    stage: Stage
    text: str


@dataclass(frozen=True)
class Readers:
    """A consumer group of a role on the way of the canary.

    :param members: those of the group; None: not known.
    :param begun: whether it has committed any offset there.
    :param behind: records that it has not committed.
    """

    role: Literal["ingest", "score", "label"]
    group: str
    members: int | None
    begun: bool
    behind: int


def stuck(sent: Sent, ingest: Readers, deciding: Readers) -> Problem:
    """Where a known anomaly got stuck. Its lines are in Kafka.

    :param ingest: the readers of its lines. :param deciding: those of its window, whose verdict it waits for.
    """
    lines = f"its lines are in Kafka ({_shown(sent)})"
    if ingest.behind:
        return Problem("ingest", f"{lines}, and {_not_read(ingest)}")
    if deciding.behind:
        return Problem(deciding.role, f"{lines} and cut to a window, and {_not_read(deciding)}")
    return Problem(
        "verdict",
        f"{lines}, and its window was handled by the {deciding.role} workers, which reported no anomaly: their model "
        "or teacher calls the known anomaly normal (fusionlog models list), or it is a dead letter "
        "(fusionlog deadletter list)",
    )


async def find(settings: Settings, sent: Sent) -> Problem:
    """Ask Kafka where a known anomaly got stuck."""
    try:
        return stuck(sent, await _ingest(settings, sent), await _deciding(settings))
    # aiokafka takes an error in some answers for a field that they have not.
    except (BrokerError, AttributeError, LookupError, ValueError) as error:
        return Problem("unknown", f"it did not come out, and where it got stuck is not known: {error}")


def _shown(sent: Sent) -> str:
    if sent.place is None:
        return "where, it has not reported"
    (topic, partition), offset = sent.place
    return f"{topic}/{partition} at {offset}"


def _not_read(readers: Readers) -> str:
    """Why a group has not handled what it should have."""
    if readers.members == 0:
        return f"no {readers.role} worker runs (group {readers.group} has no member): start one"
    if readers.role == "ingest" and not readers.begun:
        return (
            f"the ingest workers (group {readers.group}) have never read this partition of {CANARY}: start them with "
            "FUSIONLOG_CANARY__SECONDS, too"
        )
    return (
        f"the {readers.role} workers (group {readers.group}) have {readers.behind} records left up to it: they "
        "are behind, or hang (see their log, and /healthz)"
    )


async def _ingest(settings: Settings, sent: Sent) -> Readers:
    if sent.place is None:
        return Readers("ingest", f"{settings.topic_prefix}ingest", None, begun=True, behind=1)
    place, offset = TopicPartition(*sent.place[0]), sent.place[1]
    return await _readers(settings, "ingest", {place: Extent(0, offset + 1)})


async def _deciding(settings: Settings) -> Readers:
    """The group that has the verdict on the canary's windows: that of the small model, else of the teacher."""
    if settings.rules(CANARY).model:
        return await _readers(settings, "score", await _extents(settings, settings.topics.general))
    return await _readers(settings, "label", await _extents(settings, settings.topics.proprietary))


async def _extents(settings: Settings, topic: Topic) -> Mapping[TopicPartition, Extent]:
    """The offsets of a topic's records but for fresh ones."""
    before = int(1000 * (time.time() - min(FRESH_SECONDS, settings.canary.timeout / 3)))
    async with (
        kafka_errors(settings.kafka, f"reading the offsets of {topic.name}"),
        AIOKafkaConsumer(**options(settings.kafka), enable_auto_commit=False) as consumer,
    ):
        count = (await partition_counts(settings.kafka, ANSWER_SECONDS)).get(topic.name, 0)
        places = [TopicPartition(topic.name, number) for number in range(count)]
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        fresh = await consumer.offsets_for_times(dict.fromkeys(places, before))
    return {place: Extent(begins[place], fresh[place].offset if fresh[place] else ends[place]) for place in places}


async def _readers(
    settings: Settings, role: Literal["ingest", "score", "label"], wanted: Mapping[TopicPartition, Extent]
) -> Readers:
    """The state of a role's group on partitions.

    :param wanted: the offsets that it should have committed.
    :raises BrokerError: Kafka does not answer, or does not permit it.
    """
    group = f"{settings.topic_prefix}{role}"
    committed = await committed_offsets(settings.kafka, group, list(wanted))
    behind = sum(
        max(0, extent.end - max(extent.begin, committed[place].offset if place in committed else 0))
        for place, extent in wanted.items()
    )
    members = await _members(settings, group) if behind else None
    return Readers(role, group, members, bool(committed), behind)


async def _members(settings: Settings, group: str) -> int | None:
    """The number of members of a group; None where Kafka does not give it."""
    async with (
        kafka_errors(settings.kafka, f"describing group {group}"),
        admin_client(settings.kafka, ANSWER_SECONDS) as admin,
    ):
        [response] = await admin.describe_consumer_groups([group])
    [(error, _, _, _, _, members, *_)] = response.groups
    return None if error else len(members)
