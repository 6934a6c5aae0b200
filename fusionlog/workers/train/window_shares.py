"""The share of proprietary windows of each target, by a sample of the newest windows of both topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
from aiokafka import ConsumerRecord

from fusionlog.kafka.table import newest
from fusionlog.records import Probability, SystemName
from fusionlog.settings import Settings
from fusionlog.types import RouteKind

SAMPLE = 200
"""Records of each partition that are read, at most."""
LEAST_WINDOWS = 50
"""Windows of a target in the sample without which its share is not known."""
EVERY_SECONDS = 300.0


class RoutedBy(msgspec.Struct):
    """The route of a window, as far as its share needs it."""

    kind: RouteKind


class RoutedWindow(msgspec.Struct):
    """A window, as far as its share needs it."""

    system: SystemName
    route: RoutedBy | None = None
    provisional: Probability | None = None


@dataclass(frozen=True)
class SampledPartition:
    """The newest windows of a partition, with their times in Kafka (Unix ms); `whole`: it has no older ones."""

    route: RouteKind
    windows: Sequence[tuple[int, str]]
    whole: bool


def shares(partitions: Iterable[SampledPartition], least: int = LEAST_WINDOWS) -> dict[str, float]:
    """The share of proprietary windows of each target with enough windows.

    Busy partitions reach less far back than quiet ones: windows count from the time on that every sample covers.
    """
    found = list(partitions)
    since = max((each.windows[0][0] for each in found if each.windows and not each.whole), default=0)
    counts: Counter[tuple[str, RouteKind]] = Counter(
        (system, each.route) for each in found for at, system in each.windows if at >= since
    )
    totals = {system: counts[system, "general"] + counts[system, "proprietary"] for system, _ in counts}
    return {system: counts[system, "proprietary"] / total for system, total in totals.items() if total >= least}


async def sampled_shares(settings: Settings) -> dict[str, float]:
    """The shares by the present windows.

    :raises BrokerError: Kafka does not answer.
    """
    routes: tuple[RouteKind, ...] = ("general", "proprietary")
    partitions = list[SampledPartition]()
    for route in routes:
        topic = settings.topics.general if route == "general" else settings.topics.proprietary
        records = await newest(settings, topic, SAMPLE)
        partitions += sampled(route, records)
    return shares(partitions)


def sampled(route: RouteKind, records: Iterable[ConsumerRecord]) -> Iterator[SampledPartition]:
    """The samples of a topic's partitions.

    Left out of the proprietary windows are those for a second opinion, which the general ones have, and those that were
    sent back with a provisional verdict, which came before.
    """
    by_partition: dict[int, list[ConsumerRecord]] = {}
    for record in records:
        by_partition.setdefault(record.partition, []).append(record)
    decoder = msgspec.json.Decoder(RoutedWindow)
    for found in by_partition.values():
        windows = [
            (record.timestamp, window.system) for record in found if (window := _decoded(decoder, record, route))
        ]
        yield SampledPartition(route, windows, whole=len(found) < SAMPLE)


def _decoded(
    decoder: msgspec.json.Decoder[RoutedWindow], record: ConsumerRecord, route: RouteKind
) -> RoutedWindow | None:
    """A window that counts; None of a record that is none, or counts elsewhere."""
    try:
        window = decoder.decode(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    routed = window.route.kind if window.route else route
    return window if routed == route and window.provisional is None else None
