"""Options of every Kafka client (addresses, security), and the conversion of its errors into `BrokerError`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.helpers import create_ssl_context

from fusionlog.errors import BrokerError, SettingError
from fusionlog.settings import KafkaSettings

REACH_SECONDS = 10.0


def options(kafka: KafkaSettings) -> dict[str, Any]:
    """The arguments that every aiokafka client (consumer, producer, admin) takes.

    :raises SettingError: a certificate or key file cannot be read.
    """
    found: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
        "client_id": "fusionlog",
        "metadata_max_age_ms": int(kafka.metadata_seconds * 1000),
    }
    if "SASL" in kafka.security_protocol:
        found["sasl_mechanism"] = kafka.sasl_mechanism
        found["sasl_plain_username"] = kafka.sasl_username
        found["sasl_plain_password"] = kafka.sasl_password.get_secret_value() if kafka.sasl_password else None
    if "SSL" in kafka.security_protocol:
        found["ssl_context"] = ssl_context(kafka)
    return found


def ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    """The TLS context of the settings; without files, that of the system's certificates.

    :raises SettingError: a file cannot be read or is no certificate.
    """
    files = {"cafile": kafka.ssl_cafile, "certfile": kafka.ssl_certfile, "keyfile": kafka.ssl_keyfile}
    for name, path in files.items():
        if path is not None and not path.is_file():
            raise SettingError(f"FUSIONLOG_KAFKA__SSL_{name.upper()}", str(path), "there is no such file")
    try:
        context: ssl.SSLContext = create_ssl_context(**{name: str(path) for name, path in files.items() if path})
    except ssl.SSLError as error:
        shown = ", ".join(str(path) for path in files.values() if path)
        raise SettingError("FUSIONLOG_KAFKA__SSL_CAFILE", shown, f"not PEM certificates: {error.reason}") from error
    return context


@asynccontextmanager
async def kafka_errors(kafka: KafkaSettings, doing: str) -> AsyncIterator[None]:
    """Turn aiokafka's errors into one sentence that names the address and what was being done.

    :raises BrokerError: in place of any KafkaError, OSError or timeout of the body.
    """
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        remedy = (
            "; start it, or set FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS" if isinstance(error, KafkaConnectionError) else ""
        )
        raise BrokerError(f"Kafka at {kafka.bootstrap_servers} failed at {doing}: {_words(error)}{remedy}") from error


@asynccontextmanager
async def admin_client(kafka: KafkaSettings, seconds: float = REACH_SECONDS) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started admin client whose requests take at most that many seconds."""
    admin = AIOKafkaAdminClient(**options(kafka), request_timeout_ms=int(seconds * 1000))
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def reach(kafka: KafkaSettings, seconds: float = REACH_SECONDS) -> None:
    """Wait until Kafka answers.

    :raises BrokerError: no answer within that many seconds; the message names what to check.
    """
    await partition_counts(kafka, seconds)


async def partition_counts(kafka: KafkaSettings, seconds: float = REACH_SECONDS) -> dict[str, int]:
    """The number of partitions of every topic. Asked so that Kafka creates none (it does for a topic asked by name).

    :raises BrokerError: no answer within that many seconds; the message names what to check.
    """
    try:
        async with asyncio.timeout(seconds), admin_client(kafka, seconds) as admin:
            topics = await admin.describe_topics()
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerError(
            f"Kafka does not answer at {kafka.bootstrap_servers} ({_words(error)}): start it, "
            "or set FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS"
        ) from error
    return {topic["topic"]: len(topic["partitions"]) for topic in topics}


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error).removeprefix("KafkaConnectionError: ") or type(error).__name__
