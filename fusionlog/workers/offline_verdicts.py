"""Offline verdicts of a label worker, each from the windows before it in its partition.

`windows.proprietary` holds the windows of a raw partition in one partition, in the order in which they were cut. So the
verdicts of a lane, a system's windows of one raw partition, follow from its windows and their order: not from batches,
speed, other lanes, or the worker. The state of a partition is that of the windows before an offset. Where a message
does not follow the last one (after a start, a rebalance, a repeat) it is built again from what Kafka has before it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from fusionlog.kafka.batch_output import Message
from fusionlog.novelty.profile import SystemProfile
from fusionlog.online.second_opinion import acquisition_score_of
from fusionlog.records import Window
from fusionlog.teachers.offline.in_order import LEARNING_WINDOWS, OrderedVerdict, VerdictsInOrder
from fusionlog.teachers.offline.teacher import OfflineTeacher

log = structlog.get_logger(__name__)

History = Callable[[Mapping[int, int]], Awaitable[Mapping[int, Sequence[Window]]]]
"""Offsets by partition to the windows before them, in their order."""


@dataclass
class _Partition:
    """The lanes of a partition, by raw partition, after the windows before offset `next`."""

    next: int
    lanes: dict[int, VerdictsInOrder] = field(default_factory=dict)


class OfflineVerdicts:
    """The offline verdicts of one worker. `follow` comes before the verdicts on the windows of a batch of messages.

    :param teacher: it counts nothing itself: each lane has its own counts.
    :param history: reads windows of the topic. :param gets_verdict: whether a system's windows get offline verdicts.
    """

    def __init__(
        self, teacher: OfflineTeacher, history: History, gets_verdict: Callable[[str], bool],
        learning: int = LEARNING_WINDOWS,
    ) -> None:  # fmt: skip
        self._teacher, self._history, self._gets_verdict, self._learning = teacher, history, gets_verdict, learning
        self._partitions: dict[int, _Partition] = {}
        self._lent: dict[str, SystemProfile | None] = {}

    @property
    def learning(self) -> dict[str, tuple[int, int]]:
        """For each system that is being learned, the windows of its learning phases so far, and those of all."""
        learned, lanes = Counter[str](), Counter[str]()
        for lane in self._lanes():
            lanes.update(lane.systems)
            learned.update({system: lane.learned(system) for system in lane.systems})
        whole = {system: self._learning * count for system, count in lanes.items()}
        return {system: (learned[system], whole[system]) for system in whole if learned[system] < whole[system]}

    def lend(self, system: str, profile: SystemProfile | None) -> None:
        """Use a release's profile of a system in each lane that has counted fewer windows."""
        self._lent[system] = profile

    def keep(self, partitions: Iterable[int]) -> None:
        """Drop the state of all other partitions: they are another worker's."""
        kept = set(partitions)
        self._partitions = {number: state for number, state in self._partitions.items() if number in kept}

    async def follow(self, messages: Sequence[Message]) -> None:
        """Have the state before the first of these messages of each partition, those without a usable window included.

        :raises BrokerError: Kafka does not answer.
        """
        first, last = dict[int, int](), dict[int, int]()
        for message in messages:
            first.setdefault(message.partition, message.offset)
            last[message.partition] = message.offset
        gaps = {
            partition: offset for partition, offset in first.items()
            if partition not in self._partitions or self._partitions[partition].next != offset
        }  # fmt: skip
        for partition, windows in (await self._read(gaps)).items():
            self._partitions[partition] = _Partition(gaps[partition])
            await asyncio.to_thread(self._count, partition, windows)
        for partition, offset in last.items():
            self._partitions[partition].next = offset + 1

    def of(self, partition: int, windows: Sequence[Window]) -> Iterator[OrderedVerdict]:
        """The verdicts on windows of a partition, and on those of a learning phase that ends in them, one by one.

        One for a second opinion, or one that comes again, gets a verdict and is not counted.
        """
        for window in windows:
            lane = self._lane(partition, window)
            lane.teacher.lend(window.system, self._lent.get(window.system))
            if is_counted(window):
                yield from lane.take([window])
            else:
                yield lane.at_present(window)

    def prepare(self, windows: Sequence[Window]) -> None:
        """Encode the events of windows in one batch."""
        self._teacher.prepare(windows)

    def profile(self, partition: int, window: Window) -> SystemProfile:
        """The profile by which a window of a partition has its verdict. To be read, and not kept."""
        return self._lane(partition, window).teacher.profile(window.system)

    async def _read(self, offsets: Mapping[int, int]) -> Mapping[int, Sequence[Window]]:
        return await self._history(offsets) if offsets else {}

    def _count(self, partition: int, windows: Sequence[Window]) -> None:
        counted = [window for window in windows if is_counted(window) and self._gets_verdict(window.system)]
        if counted:
            log.info("windows before are counted for offline verdicts", partition=partition, windows=len(counted))
        for window in counted:
            try:
                self._lane(partition, window).count([window])
            except Exception:
                # It may be one that has ended workers before, and is a dead letter by now.
                log.exception("a window is left out of the counts", system=window.system, window=window.id)

    def _lane(self, partition: int, window: Window) -> VerdictsInOrder:
        lanes = self._partitions[partition].lanes
        if window.partition not in lanes:
            lanes[window.partition] = VerdictsInOrder(self._teacher.without_history(), self._learning)
        return lanes[window.partition]

    def _lanes(self) -> Iterator[VerdictsInOrder]:
        for partition in self._partitions.values():
            yield from partition.lanes.values()


def is_counted(window: Window) -> bool:
    """Whether a window is one that comes for the first time, from an ingest worker.

    When a window comes for a second opinion depends on other topics: verdicts that depended on it would as well.
    """
    return window.provisional is None and acquisition_score_of(window) is None
