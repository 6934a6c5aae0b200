"""A member of a consumer group that hands its partitions' records, batch by batch, to a handler.

aiokafka's `getmany` gives 0.8 million records a second where a Faust stream gives 17 thousand.

What holds here, whatever is killed, frozen or moved, and why:

* An offset is committed only behind records that the handler has finished with. Where reading begins is decided here
  (see `takeover`) and set by `seek`; the consumer's own position is never taken for what was handled. aiokafka begins
  to fetch as soon as partitions are assigned, before `on_partitions_assigned` is called, and `getmany` is called
  outside of the lock. So a batch may have been given out before its partition was opened. It is thrown away: either
  its partition is not open yet, and opening it seeks to its start; or a rebalance has come since `getmany` was called
  (the count of rebalances is another), and every open partition is sought back to its next unhandled record. Between
  two rebalances only `run` calls `getmany`, so what it gives then is what follows what was handled.
* Nothing is written for partitions that may be another member's. See `membership`: a handler awaits `confirm` before it
  writes, which answers at once while the membership is proven, else commits, and Kafka refuses that to a former member.
* Records that retention deleted before they were read are counted: at the takeover by the commit and the log's
  beginning, later where offsets are missing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from fusionlog.errors import BrokerError
from fusionlog.kafka import failures
from fusionlog.kafka.client import kafka_errors, options
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.crash_notes import CrashNotes, RecordCrash
from fusionlog.kafka.lag import log_deleted
from fusionlog.kafka.membership import AssignmentLost, Lease
from fusionlog.kafka.partition_handler import Batches, PartitionHandler
from fusionlog.kafka.single_member import SingleMember
from fusionlog.kafka.stopping import CLOSE_SECONDS, LEAVE_SECONDS, bounded
from fusionlog.kafka.takeover import Offsets, Takeover, committed_offsets, extents, takeover
from fusionlog.observability.health import Health
from fusionlog.observability.outage import Outage
from fusionlog.settings import KafkaSettings

log = structlog.get_logger(__name__)

RETRY_SECONDS = 0.5
POSITION_SECONDS = 0.05
MEASURE_SECONDS = 2.0


@dataclass(frozen=True)
class Reading:
    """The settings of a group's reads: topics, batch size, waits in seconds.

    :param single: whether one member has all partitions, and the others stand by.
    """

    topics: tuple[str, ...]
    max_records: int
    poll_seconds: float
    commit_seconds: float
    max_partition_bytes: int = 4 * 1024 * 1024
    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed"
    single: bool = False


def instance_id(name: str | None, topics: Iterable[str]) -> str | None:
    """The id of a static member that reads these topics.

    Kafka gives a static member that is back the assignment that it had, whatever it subscribes to now, and begins no
    rebalance: topics that are new would be nobody's. With other topics it is another member, so one begins; what the
    former one had is assigned again after the session timeout.
    """
    if name is None:
        return None
    return f"{name}.{blake2b(' '.join(sorted(topics)).encode(), digest_size=4).hexdigest()}"


class GroupConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Feeds a handler with the records of this member's partitions, and commits the handler's positions.

    A lock keeps handling, committing and rebalancing apart. `getmany` is called outside of it: during a rebalance it
    waits for the assignment, and the assignment waits for the lock.
    """

    def __init__(
        self, kafka: KafkaSettings, group: str, reading: Reading, handler: PartitionHandler,
        health: Health | None = None,
    ) -> None:  # fmt: skip
        """`health` gets the assignment and the steps of the reader."""
        self._kafka, self.group, self._reading, self._handler = kafka, group, reading, handler
        self._health = health or Health(group)
        self._commits = Outage()
        self._lock = asyncio.Lock()
        self._consumer = AIOKafkaConsumer(**self._options())
        self._lease = Lease(kafka.session_timeout, kafka.rebalance_timeout)
        self._guard = CrashGuard(CrashNotes(kafka, group))
        self._rebalances = 0
        self._next: Offsets = {}
        self._committed: dict[TopicPartition, OffsetAndMetadata] = {}
        self._failed: Exception | None = None
        self._stopping = False
        self._running: asyncio.Task[Any] | None = None
        self._abandoned = False

    async def start(self) -> None:
        """Connect and subscribe.

        :raises BrokerError: Kafka does not answer.
        """
        async with kafka_errors(self._kafka, f"starting to read {', '.join(self._reading.topics)}"):
            await self._consumer.start()
        self._consumer.subscribe(list(self._reading.topics), listener=self)

    async def run(self) -> None:
        """Read until stopped.

        :raises BrokerError: Kafka refused a write, or is gone for good.
        :raises RecordCrash: an unexpected exception; the records in hand are noted.
        """
        self._running = asyncio.current_task()
        try:
            await self._run()
        except RecordCrash as crash:
            await self._guard.crashed(crash)
            raise
        except asyncio.CancelledError:
            if not self._abandoned:
                raise
            if self._running is not None:
                self._running.uncancel()

    async def stop(self) -> None:
        """Wait for acknowledgements, commit, and leave the group, a static member excepted.

        Each takes a bounded time: what is not acknowledged or not committed by then is read again.
        """
        self._stopping = True
        self._health.idle()
        if not await bounded(self._leave_in_order(), LEAVE_SECONDS, f"the reader of group {self.group}"):
            self._forget()
        if not await bounded(self._consumer.stop(), CLOSE_SECONDS, f"the consumer of group {self.group}"):
            self._abandon()

    def _abandon(self) -> None:
        """End `run`, which may wait without end for a client that is closed in part."""
        if self._running is not None and not self._running.done():
            self._abandoned = True
            self._running.cancel()

    async def confirm(self) -> None:
        """Prove this member's assignment: by its lease, else by a commit that Kafka accepts.

        While Kafka does not answer it waits: nothing could be written either.

        :raises AssignmentLost: the partitions are another member's, or this one is stopping.
        """
        while not self._lease.valid:
            if self._stopping or not self._next:
                raise AssignmentLost("the membership is not proven, and this worker stops or has no partition")
            self._health.step()
            if await self._commit(self._handler.positions()):
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by aiokafka before a rebalance: settle and commit what can be, then close all partitions.

        The answer to a heartbeat showed the rebalance, so it began after the heartbeat before; twice that to be safe.
        """
        self._lease.rebalancing(time.monotonic() - 2 * self._kafka.heartbeat_interval)
        async with self._lock:
            self._rebalances += 1
            self._health.assigned(None)
            with self._kept():
                await self._leave(self._kafka.rebalance_timeout / 2)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by aiokafka after a rebalance: open the assigned partitions."""
        async with self._lock:
            self._rebalances += 1
            with self._kept():
                places = list(assigned)
                await self._open(places)
                self._health.assigned(len(places))

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Keep an error for `run` to raise: aiokafka would log it and continue, with partitions that nobody reads."""
        try:
            yield
        except Exception as error:
            self._failed = error

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        commit_at = clock() + self._reading.commit_seconds
        while not self._stopping:
            self._health.step()
            rebalances = self._rebalances
            batches = await self._poll()
            async with self._lock:
                if self._stopping:
                    return
                if self._failed is not None:
                    raise BrokerError(f"a rebalance failed: {self._failed}") from self._failed
                if rebalances != self._rebalances:
                    self._seek_back()
                    continue
                try:
                    await self._round(batches)
                    if clock() >= commit_at:
                        await self._skip_marks()
                        if (positions := self._handler.positions()) != self._committed:
                            await self._commit(positions)
                        await self._measure()
                        commit_at = clock() + self._reading.commit_seconds
                except AssignmentLost as lost:
                    self._drop(lost)

    async def _poll(self) -> Batches:
        async with kafka_errors(self._kafka, f"reading {', '.join(self._reading.topics)}"):
            try:
                batches: Batches = await self._consumer.getmany(
                    timeout_ms=int(self._reading.poll_seconds * 1000), max_records=self._reading.max_records
                )
            except ConsumerStoppedError:
                return {}
        return batches

    async def _round(self, batches: Batches) -> None:
        own = {place: records for place, records in batches.items() if place in self._next}
        for place, records in own.items():
            await self._check_gap(place, records[0].offset)
        if own:
            await self._handler.take(own)
            self._next |= {place: records[-1].offset + 1 for place, records in own.items()}
        await self._handler.tick()
        self._regulate()

    async def _check_gap(self, place: TopicPartition, first: int) -> None:
        """Count the records that retention deleted before this one; other gaps are transaction markers."""
        expected = self._next[place]
        if first < expected:
            raise BrokerError(
                f"{place.topic}/{place.partition} went back from offset {expected} to {first}: the topic was made again"
            )
        if first > expected:
            async with kafka_errors(self._kafka, f"reading where {place.topic} begins"):
                begin = (await self._consumer.beginning_offsets([place]))[place]
            self._count_deleted(place, min(begin, first) - expected)

    def _count_deleted(self, place: TopicPartition, records: int) -> None:
        if records <= 0:
            return
        log_deleted(place, records)
        self._handler.deleted(place, records)

    def _regulate(self) -> None:
        """Pause the partitions while the handler is congested.

        The loop continues meanwhile: commits and rebalances are not delayed."""
        congested = self._handler.congested
        if congested:
            # Again each time: a partition that has just been assigned is not paused.
            self._consumer.pause(*self._consumer.assignment())
        elif congested is False and self._consumer.paused():
            self._consumer.resume(*self._consumer.paused())
        self._handler.paused(self._consumer.paused())

    def _seek_back(self) -> None:
        """Discard a batch that was fetched before or during a rebalance: seek back to the next unhandled records."""
        for place, offset in self._next.items():
            self._consumer.seek(place, offset)

    async def _leave_in_order(self) -> None:
        async with self._lock:
            await self._leave(LEAVE_SECONDS / 2)

    async def _leave(self, seconds: float) -> None:
        """:param seconds: for the acknowledgements, at most."""
        if self._next:
            if not await self._handler.settle(seconds):
                log.warning("not everything was acknowledged in time; its records will be read again")
            # Refused where the assignment was lost: then the next reader goes on at the commit before.
            with suppress(AssignmentLost):
                await self._commit(self._handler.positions())
        self._forget()

    def _drop(self, lost: AssignmentLost) -> None:
        """Close partitions that another member has: nothing of theirs is written or committed."""
        log.warning("the assignment was lost; its records are read again by their next reader", why=str(lost))
        self._forget()

    def _forget(self) -> None:
        self._handler.close()
        self._next.clear()
        self._committed.clear()

    async def _open(self, places: Sequence[TopicPartition]) -> None:
        """Open partitions and commit their starts at once: every commit may carry metadata for the next reader."""
        self._lease.begin()
        if not places:
            return
        committed, found = await committed_offsets(self._kafka, self.group, places), await extents(self._kafka, places)
        self._guard.assigned(places)
        await self._guard.read()
        takeovers = {
            place: takeover(found[place], committed.get(place), self._guard.suspect(place)) for place in places
        }
        await self._handler.open(takeovers, self._guard, self.confirm)
        for place, each in takeovers.items():
            self._consumer.seek(place, each.start)
            self._next[place] = each.start
            self._log_takeover(place, each)
        log.info("partitions taken over", partitions=sorted(f"{place.topic}/{place.partition}" for place in places))
        try:
            await self._commit(self._handler.positions())
        except AssignmentLost as lost:
            self._drop(lost)

    def _log_takeover(self, place: TopicPartition, each: Takeover) -> None:
        if each.replaced:
            log.warning(
                "the group's commit is behind the end of the log: the topic was made again, and is read from its start",
                topic=place.topic, partition=place.partition, start=each.start,
            )  # fmt: skip
        self._count_deleted(place, each.deleted)

    async def _commit(self, positions: Mapping[TopicPartition, OffsetAndMetadata]) -> bool:
        """Commit the positions; return whether Kafka accepted them.

        :raises AssignmentLost: Kafka answers that this member is out of the group.
        """
        if not positions:
            return False
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(self._kafka.session_timeout):
                await self._consumer.commit(dict(positions))
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("offsets were not committed", error=str(error))
            self._lease.end()
            raise AssignmentLost(str(error)) from error
        except (KafkaError, TimeoutError) as error:
            if self._commits.away(why := failures.reason(error, self._kafka, "Read")):
                log.warning("offsets are not committed now; each commit tries again", error=why)
            return False
        if (seconds := self._commits.back()) is not None:
            log.info("offsets are committed again", seconds=round(seconds, 1))
        self._lease.confirm(asked_at)
        self._committed = dict(positions)
        return True

    async def _skip_marks(self) -> None:
        """Move positions past transaction markers, which are offsets without a record.

        Under the lock, and with all that was given out handled, the consumer's position is what was handled and the
        marks behind it.
        """
        for place, expected in self._next.items():
            with suppress(TimeoutError, IllegalStateError):
                async with asyncio.timeout(POSITION_SECONDS):
                    position = await self._consumer.position(place)
                if position > expected:
                    self._next[place] = position
                    self._handler.skip_to(place, position)

    async def _measure(self) -> None:
        """Report the unread records of each partition by Kafka's own ends: a paused partition fetches nothing."""
        try:
            async with asyncio.timeout(MEASURE_SECONDS):
                ends: Offsets = await self._consumer.end_offsets(list(self._next)) if self._next else {}
        except (KafkaError, OSError, TimeoutError) as error:
            log.debug("the lag could not be read", error=str(error))
            ends = {}
        self._handler.unread({place: max(0, end - self._next[place]) for place, end in ends.items()})

    def _options(self) -> dict[str, Any]:
        kafka = self._kafka
        assignment = {"partition_assignment_strategy": (SingleMember,)} if self._reading.single else {}
        return {
            **options(kafka),
            **assignment,
            "group_id": self.group,
            "group_instance_id": instance_id(kafka.group_instance_id, self._reading.topics),
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "isolation_level": self._reading.isolation_level,
            "session_timeout_ms": int(kafka.session_timeout * 1000),
            "heartbeat_interval_ms": int(kafka.heartbeat_interval * 1000),
            "rebalance_timeout_ms": int(kafka.rebalance_timeout * 1000),
            "max_partition_fetch_bytes": self._reading.max_partition_bytes,
        }
