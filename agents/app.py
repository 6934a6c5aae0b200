"""The base of the Faust apps of all roles: settings, broker, lifecycle, batches with manual acknowledgement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from typing import Any, Protocol, cast

import faust
import structlog
from aiokafka import TopicPartition
from faust.app.base import BootStrategy
from faust.streams import Stream
from faust.types import EventT, StreamT, TransportT
from mode import Service
from yarl import URL

from agents.transport import BoundedTransport
from fusionlog.errors import BrokerError, BrokerRefusedError, FusionLogError
from fusionlog.kafka import failures
from fusionlog.kafka.admin import check_topics, needed_by
from fusionlog.kafka.batch_handler import Handle
from fusionlog.kafka.batch_output import BatchOutput
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.crash_notes import CrashNotes, RecordCrash
from fusionlog.kafka.monitor import KafkaMonitor, until_reached
from fusionlog.kafka.security import security
from fusionlog.kafka.state_reports import StateReports
from fusionlog.kafka.systems_reload import SystemsMonitor
from fusionlog.observability.health import STALL_SECONDS, Health
from fusionlog.observability.logs import configure
from fusionlog.observability.server import HealthServer
from fusionlog.settings import KafkaSettings, LabelSettings, Settings, load
from fusionlog.signing.signatures import OFF, REMEDY
from fusionlog.teachers.llm.retries import LONGEST_WAIT
from fusionlog.topics import Role as RoleName
from fusionlog.topics import Topic
from fusionlog.utils.gc_tuning import tune_gc

log = structlog.get_logger(__name__)

# Heartbeats show that a worker lives. One that waits for its teacher polls no records for as long as that takes.
POLL_INTERVAL_SECONDS = 24 * 3600.0


class Role(Protocol):
    """The work of a role. `prepare` comes before its first message, `finish` after its last."""

    health: Health
    """What the role reports for the probes."""

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks that `prepare` started: none of them ends before `finish`."""

    async def prepare(self) -> None:
        """Connect, and read the tables that the first message needs."""

    async def finish(self) -> None:
        """Close what `prepare` opened."""


class FusionLogApp(faust.App):
    """A Faust app that checks its topics before it starts and prepares its role before its agents run."""

    # Mode would log every step of the lifecycle under this module's name; as Faust's it is quiet.
    logger = logging.getLogger("faust.app")

    def __init__(self, role: RoleName, settings: Settings, work: Role, **options: Any) -> None:
        """:raises SettingError: a key is missing, empty, or may not sign what the role writes."""
        settings.signatures.check_role(role)
        self.fusionlog, self.role, self.work, self.health = settings, role, work, work.health
        self.health.signatures = lambda: settings.signatures.state
        self._server = HealthServer(settings, self.health)
        self._kafka_monitor = KafkaMonitor(settings.kafka, self.health.kafka, needed_by(settings.topics, role), role)
        self._systems_monitor = SystemsMonitor(settings)
        self._state_reports = StateReports(settings, role, self.health)
        super().__init__(f"{settings.topic_prefix}{role}", **_options(settings), **options)

    async def on_first_start(self) -> None:
        """Serve metrics and probes, wait for Kafka, and check the topics.

        Faust would make directories for its tables here; there are none.
        """
        await self._server.start()
        warn_unsigned(self.fusionlog)
        await until_reached(self.fusionlog.kafka, partial(preflight, self.fusionlog, self.role))
        self._kafka_monitor.start()
        self._systems_monitor.start()
        self._state_reports.start()

    async def on_start(self) -> None:
        """Prepare the role before an agent gets its first message."""
        await self.work.prepare()
        self.health.tables_read = True
        self.health.tasks = (
            *self.work.background, *self._kafka_monitor.background, *self._systems_monitor.background,
            *self._state_reports.background,
        )  # fmt: skip
        for task in self.health.tasks:
            task.add_done_callback(self._background_ended)
        tune_gc()
        await super().on_start()

    def _background_ended(self, task: asyncio.Task[None]) -> None:
        """End the worker with a background task: without it labels or models would be missed, and no line say so."""
        if self.should_stop or task.cancelled():
            return
        failure = task.exception()
        reason = f"{type(failure).__name__}: {failure}" if failure is not None else "it returned"
        error = BrokerError(f"{task.get_name()} ended ({reason}): the worker ends too, start it again")
        error.__cause__ = failure
        if isinstance(failure, BrokerRefusedError):
            error = failure
        self._ending = asyncio.create_task(self.crash(error), name="crash")

    def _crash(self, reason: BaseException) -> None:
        """Keep why the worker ends; a refusal of Kafka, which Faust's consumer raises as it is, as a sentence."""
        why = failures.refusal(reason, self.fusionlog.kafka) if not isinstance(reason, FusionLogError) else None
        if why is not None:
            refused = BrokerRefusedError(f"Kafka at {self.fusionlog.kafka.bootstrap_servers} cannot be used: {why}")
            refused.__cause__, reason = reason, refused
        super()._crash(reason)

    async def on_shutdown(self) -> None:
        """Close the role after everything that uses it has stopped."""
        await super().on_shutdown()
        await self._state_reports.stop()
        await self._kafka_monitor.stop()
        await self._systems_monitor.stop()
        await self.work.finish()
        await self._server.stop()

    async def stop(self) -> None:
        """Stop in order; the worker is not ready from now on."""
        self.health.stopping = True
        await super().stop()

    def _new_transport(self) -> TransportT:
        return BoundedTransport(self.conf.broker_consumer, self)


class NoConsumer(BootStrategy):
    """A boot strategy without Faust's own Kafka clients: the services of the app have theirs."""

    enable_kafka = False


class ReaderApp(FusionLogApp):
    """An app that reads Kafka by a service of its own, in batches."""

    BootStrategy = NoConsumer
    producer_only = True

    def attend(self, read: Callable[[], Awaitable[None]], leave: Callable[[], Awaitable[None]]) -> None:
        """Run `read` as a service of the app, and `leave` when the app stops; the end of `read` ends the worker."""

        @self.service
        class Reading(Service):
            logger = self.logger

            @Service.task
            async def reading(self) -> None:
                await read()

            async def on_stop(self) -> None:
                await leave()


def of_environment(build: Callable[[Settings], FusionLogApp]) -> Callable[[str], FusionLogApp]:
    """The `__getattr__` of a module whose `app` is built from the environment when Faust's command line asks for it."""

    @cache
    def app() -> FusionLogApp:
        config = load()
        configure(config)
        return build(config)

    def attribute(name: str) -> FusionLogApp:
        if name == "app":
            return app()
        raise AttributeError(f"no attribute {name!r}")

    return attribute


def warn_unsigned(settings: Settings) -> None:
    """Log, once at the start, that whoever can write to Kafka decides what is anomalous, where no keys are set."""
    if not settings.signatures.verifies:
        log.warning(OFF, remedy=REMEDY)


async def preflight(settings: Settings, role: RoleName) -> None:
    """Check that the topics of a role are as it needs them, and that Kafka permits what it does.

    :raises BrokerError: Kafka does not answer, or a topic is not as it must be; the message names the way out.
    :raises BrokerRefusedError: a permission is missing; the message has the command that grants it.
    """
    problems = await check_topics(settings, role)
    for problem in problems:
        if not problem.fatal:
            log.warning(str(problem))
    fatal = [problem for problem in problems if problem.fatal]
    if fatal:
        more = f" (and {len(fatal) - 1} more: fusionlog topics check --role {role})" if len(fatal) > 1 else ""
        raise (BrokerRefusedError if fatal[0].denied else BrokerError)(f"{fatal[0]}{more}")


def stall_seconds(label: LabelSettings) -> float:
    """The time after which a worker that asks an LLM is taken for hung: a call with all its repetitions is a step."""
    return STALL_SECONDS + 2 * (label.timeout + LONGEST_WAIT) * (label.retries + 1)


def guarded(
    app: FusionLogApp, topic: Topic, on_assigned: Callable[[Sequence[int]], None] = lambda partitions: None
) -> CrashGuard:
    """The crash guard of a topic: its notes on crashed records are read whenever partitions are assigned.

    :param on_assigned: gets the topic's partitions that are this worker's from now on.
    """
    settings = app.fusionlog
    guard = CrashGuard(CrashNotes(settings.kafka, f"{settings.topic_prefix}{app.role}"))

    @app.on_partitions_assigned.connect
    async def assigned(_sender: Any, /, *args: Any, signal: Any, **kwargs: Any) -> None:
        places = [TopicPartition(*place) for place in args[0] if place.topic == topic.name]
        guard.assigned(places)
        app.health.assigned(len(places))
        on_assigned([place.partition for place in places])
        if places:
            log.info("partitions taken over", partitions=sorted(f"{each.topic}/{each.partition}" for each in places))

    @app.on_partitions_revoked.connect
    async def revoked(_sender: Any, /, *args: Any, signal: Any, **kwargs: Any) -> None:
        app.health.assigned(None)

    return guard


@asynccontextmanager
async def ending(app: FusionLogApp, guard: CrashGuard) -> AsyncIterator[None]:
    """End the worker by an exception of the body, after a note on the records in hand where one may be at fault."""
    try:
        yield
    except Exception as error:
        if isinstance(error, RecordCrash):
            await guard.crashed(error)
        await app.crash(error)
        raise


async def consume(
    app: FusionLogApp, stream: StreamT[bytes], size: int, seconds: float, handle: Handle, guard: CrashGuard,
    output: BatchOutput,
) -> None:  # fmt: skip
    """Give a stream's messages to `handle` by the batch, and acknowledge a batch when it was handled.

    A failure ends the worker: nothing of the batch was acknowledged, so it is read again. A message that ended
    workers before goes to the dead-letter topic by `output`.
    """
    async with ending(app, guard):
        async for events in batches(stream, size, seconds):
            with app.health.at_work():
                await guard.handle([event.message for event in events], handle, output.bury_now)
            app.health.verdict()
            for event in events:
                event.ack()


async def together(app: FusionLogApp, guard: CrashGuard, *works: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until the first of them ends, then cancel the others; one that fails ends the worker."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        async with ending(app, guard):
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def batches(stream: StreamT[bytes], size: int, seconds: float) -> AsyncIterator[list[EventT[bytes]]]:
    """Events of a stream, at most `size` at a time, at most `seconds` after the first; nobody but the caller acks them.

    Faust's own `take` acknowledges a batch even when the body failed or was cancelled: on a shutdown in the
    middle of a batch the batch would be lost.
    """
    queue: asyncio.Queue[EventT[bytes]] = asyncio.Queue(maxsize=size)
    pump = asyncio.create_task(_pump(stream, queue))
    try:
        while batch := await _batch(queue, pump, size, seconds):
            yield batch
    finally:
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump


async def _pump(stream: StreamT[bytes], queue: asyncio.Queue[EventT[bytes]]) -> None:
    async for event in cast("Stream[bytes]", stream).noack().events():
        await queue.put(event)


async def _batch(
    queue: asyncio.Queue[EventT[bytes]], pump: asyncio.Task[None], size: int, seconds: float
) -> list[EventT[bytes]]:
    """The next batch; an empty one when the stream has ended."""
    first = asyncio.create_task(queue.get())
    try:
        await asyncio.wait({first, pump}, return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            pump.result()
            return []
    finally:
        first.cancel()
    batch = [first.result()]
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while len(batch) < size:
                batch.append(await queue.get())
    return batch


def _options(settings: Settings) -> dict[str, Any]:
    """The settings of Faust."""
    kafka = settings.kafka
    return {
        "broker": [URL(f"kafka://{server.strip()}") for server in kafka.bootstrap_servers.split(",")],
        "broker_credentials": credentials(kafka),
        "broker_session_timeout": kafka.session_timeout,
        "broker_heartbeat_interval": kafka.heartbeat_interval,
        "broker_rebalance_timeout": kafka.rebalance_timeout,
        "broker_max_poll_interval": POLL_INTERVAL_SECONDS,
        "broker_commit_interval": settings.ingest.commit_seconds,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": kafka.group_instance_id,
        "consumer_metadata_max_age_ms": int(kafka.metadata_seconds * 1000),
        "key_serializer": "raw",
        "value_serializer": "raw",
        "producer_metadata_max_age_ms": int(kafka.metadata_seconds * 1000),
        "producer_compression_type": None if kafka.compression == "none" else kafka.compression,
        "store": "memory://",
        "stream_processing_timeout": POLL_INTERVAL_SECONDS,
        "stream_wait_empty": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_enabled": False,
        "worker_redirect_stdouts": False,
    }


def credentials(kafka: KafkaSettings) -> faust.auth.Credentials | None:
    """The security settings in Faust's form; None where there are none.

    :raises SettingError: a login lacks its password, or a file cannot be used.
    """
    found = security(kafka)
    context = found.get("ssl_context")
    if (tokens := found.get("sasl_oauth_token_provider")) is not None:
        return faust.auth.OAuthCredentials(oauth_cb=tokens, ssl_context=context)
    if "sasl_mechanism" in found:
        return faust.SASLCredentials(
            username=found["sasl_plain_username"], password=found["sasl_plain_password"], ssl_context=context,
            mechanism=found["sasl_mechanism"],
        )  # fmt: skip
    return faust.SSLCredentials(context) if context is not None else None
