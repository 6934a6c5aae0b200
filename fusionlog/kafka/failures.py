"""What an error of a Kafka client means: Kafka is away, or it refuses this client; with the setting that mends it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from fusionlog.kafka.acls import Operation
from fusionlog.kafka.denials import client_name, denied
from fusionlog.kafka.security_failures import security_refusal
from fusionlog.settings import KafkaSettings


class ProtocolError(KafkaError):  # type: ignore[misc]
    """The listener uses another protocol than the settings; the message has the setting to change."""


PERMISSION = (
    ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)  # fmt: skip
CLOSED = (KafkaConnectionError, ConnectionResetError, ssl.SSLError)


def refusal(error: BaseException, kafka: KafkaSettings, operation: Operation = "Read") -> str | None:
    """Why Kafka and this client do not accept each other, with what to change; None where it is no refusal.

    :param operation: on topics, of what the client was doing.
    """
    for each in _chain(error):
        if (reason := denied(each, kafka, operation) or _refusal(each, kafka)) is not None:
            return reason
    return None


def words(error: BaseException) -> str:
    """An error as the reason in a sentence."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    text = str(error).removeprefix("KafkaConnectionError: ")
    if text.startswith("Unable to bootstrap from"):  # aiokafka's, with Python's names of address families
        return "no connection to any server"
    return text or type(error).__name__


def reason(error: BaseException, kafka: KafkaSettings, operation: Operation) -> str:
    """Why Kafka did not take or give a record: what to change where it refuses that, else the error's own words."""
    return refusal(error, kafka, operation) or words(error)


def hint(error: BaseException, kafka: KafkaSettings) -> str:
    """What a connection that was closed at once may mean; empty for other errors."""
    if not isinstance(error, CLOSED):
        return ""
    return f"; a listener of another protocol than FUSIONLOG_KAFKA__SECURITY_PROTOCOL={kafka.security_protocol} does so"


def _refusal(error: BaseException, kafka: KafkaSettings) -> str | None:
    if isinstance(error, ProtocolError):
        return str(error.args[0])
    if isinstance(error, PERMISSION):
        return (
            f"{client_name(kafka)} lacks a permission ({type(error).__name__}: {words(error)}): grant it by an ACL, or "
            "set FUSIONLOG_KAFKA__SASL_USERNAME to a user that has it"
        )
    return security_refusal(error, kafka)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it came from."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
