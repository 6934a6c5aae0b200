"""Options of every Kafka client (addresses, security), and the conversion of its errors into `BrokerError`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError

from fusionlog.errors import BrokerAwayError, BrokerError, BrokerRefusedError
from fusionlog.kafka import failures
from fusionlog.kafka.acls import Operation
from fusionlog.kafka.batch_limit import limit_batches
from fusionlog.kafka.listener_probe import close, protocol_refusal
from fusionlog.kafka.security import security
from fusionlog.settings import KafkaSettings

REACH_SECONDS = 10.0
AGAIN_SECONDS = 0.1
PROBE_SECONDS = 3.0


def options(kafka: KafkaSettings) -> dict[str, Any]:
    """The arguments that every aiokafka client (consumer, producer, admin) takes.

    :raises SettingError: a login lacks its password, or a certificate or key file cannot be used.
    """
    limit_batches()
    return {
        "bootstrap_servers": kafka.bootstrap_servers,
        "client_id": "fusionlog",
        "metadata_max_age_ms": int(kafka.metadata_seconds * 1000),
        **security(kafka),
    }


@asynccontextmanager
async def kafka_errors(kafka: KafkaSettings, doing: str, operation: Operation = "Read") -> AsyncIterator[None]:
    """Turn aiokafka's errors into one sentence that names the address and what was being done.

    :param operation: what the body does with topics, as the authorizer calls it.
    :raises BrokerRefusedError: in place of an error of login, certificate or permission.
    :raises BrokerAwayError: in place of any other KafkaError, OSError or timeout of the body.
    """
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        cause = await _cause(kafka, error) if kafka.security_protocol != "PLAINTEXT" else error
        if (reason := failures.refusal(cause, kafka, operation)) is not None:
            raise BrokerRefusedError(f"Kafka at {kafka.bootstrap_servers} failed at {doing}: {reason}") from error
        remedy = (
            "; start it, or set FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS" if isinstance(error, KafkaConnectionError) else ""
        )
        raise BrokerAwayError(
            f"Kafka at {kafka.bootstrap_servers} failed at {doing}: {failures.words(error)}{remedy}"
        ) from error


@asynccontextmanager
async def admin_client(kafka: KafkaSettings, seconds: float = REACH_SECONDS) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started admin client whose requests take at most that many seconds."""
    admin = AIOKafkaAdminClient(**options(kafka), request_timeout_ms=int(seconds * 1000))
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def plain_client(kafka: KafkaSettings, seconds: float = REACH_SECONDS) -> AsyncIterator[AIOKafkaClient]:
    """A connected client without a task of its own, for requests that the admin client has not.

    :raises TimeoutError: Kafka answers, and names no broker within that many seconds. One that has just started names
        none at first.
    """
    client = AIOKafkaClient(**options(kafka), request_timeout_ms=int(seconds * 1000))
    try:
        await client.bootstrap()
        async with asyncio.timeout(seconds):
            while client.get_random_node() is None:
                await asyncio.sleep(AGAIN_SECONDS)
                await client.force_metadata_update()
        yield client
    finally:
        await client.close()


async def reach(kafka: KafkaSettings, seconds: float = REACH_SECONDS) -> None:
    """Wait until Kafka answers.

    :raises BrokerAwayError: no answer within that many seconds; the message names what to check.
    :raises BrokerRefusedError: the login, the certificate or a permission was refused.
    """
    await partition_counts(kafka, seconds)


async def partition_counts(kafka: KafkaSettings, seconds: float = REACH_SECONDS) -> dict[str, int]:
    """The number of partitions of every topic. Asked so that Kafka creates none (it does for a topic asked by name).

    :raises BrokerAwayError: no answer within that many seconds; the message names what to check.
    :raises BrokerRefusedError: the login, the certificate or a permission was refused.
    """
    try:
        async with asyncio.timeout(seconds), admin_client(kafka, seconds) as admin:
            topics = await admin.describe_topics()
    except (KafkaError, OSError, TimeoutError) as error:
        raise await unreached(kafka, error) from error
    return {topic["topic"]: len(topic["partitions"]) for topic in topics}


async def unreached(kafka: KafkaSettings, error: BaseException) -> BrokerError:
    """The error to raise where Kafka could not be reached: refused or away, in one sentence with what to do."""
    cause = await _cause(kafka, error)
    if (reason := failures.refusal(cause, kafka)) is not None:
        return BrokerRefusedError(f"Kafka at {kafka.bootstrap_servers} cannot be used: {reason}")
    return BrokerAwayError(
        f"Kafka does not answer at {kafka.bootstrap_servers} ({failures.words(cause)}{failures.hint(cause, kafka)}): "
        "start it, or set FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS"
    )


async def _cause(kafka: KafkaSettings, error: BaseException) -> BaseException:
    """What a client's error came from: aiokafka keeps to itself why it could connect to none of the servers.

    The refusal of any server counts more than the silence of others.
    """
    if not isinstance(error, KafkaConnectionError | NodeNotReadyError):
        return error
    found = [each async for each in _connection_errors(kafka)]
    refused = [each for each in found if failures.refusal(each, kafka) is not None]
    return (refused or found or [error])[0]


async def _connection_errors(kafka: KafkaSettings) -> AsyncIterator[BaseException]:
    """The error of a connection to each server that has one; of a closed one, what its listener wants instead."""
    arguments = options(kafka)
    del arguments["metadata_max_age_ms"]
    for host, port, _ in collect_hosts(arguments.pop("bootstrap_servers"), randomize=False):
        try:
            connection = await create_conn(host, port, request_timeout_ms=int(PROBE_SECONDS * 1000), **arguments)
        except (KafkaError, OSError, TimeoutError) as error:
            yield await _closed_because(kafka, error, host, port)
        else:
            await close(connection)
            if (reason := await protocol_refusal(kafka, host, port)) is not None:
                yield failures.ProtocolError(reason)


async def _closed_because(kafka: KafkaSettings, error: BaseException, host: str, port: int) -> BaseException:
    """The error of a connection, or the refusal behind it where the listener closed it without a reason."""
    closed = failures.refusal(error, kafka) is None and isinstance(error, failures.CLOSED)
    if closed and (reason := await protocol_refusal(kafka, host, port)) is not None:
        return failures.ProtocolError(reason)
    return error
