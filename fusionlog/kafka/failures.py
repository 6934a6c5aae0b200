"""What an error of a Kafka client means: Kafka is away, or it refuses this client; with the setting that mends it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)

from fusionlog.kafka.acls import Operation
from fusionlog.kafka.denials import client_name, denied
from fusionlog.settings import KafkaSettings

LOGIN = (SaslAuthenticationFailed, AuthenticationFailedError)
MECHANISM = (UnsupportedSaslMechanismError, IllegalSaslStateError, AuthenticationMethodNotSupported)
PERMISSION = (
    ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)  # fmt: skip
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
CLIENT_CERTIFICATE = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
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
    detail = words(error)
    if isinstance(error, LOGIN):
        return (
            f"the login of user {kafka.sasl_username!r} was refused ({detail}): set FUSIONLOG_KAFKA__SASL_USERNAME and "
            "FUSIONLOG_KAFKA__SASL_PASSWORD"
        )
    if isinstance(error, MECHANISM):
        return (
            f"SASL mechanism {kafka.sasl_mechanism} is not accepted ({detail}): set FUSIONLOG_KAFKA__SASL_MECHANISM "
            "and FUSIONLOG_KAFKA__SECURITY_PROTOCOL as its listener has them"
        )
    if isinstance(error, PERMISSION):
        return (
            f"{client_name(kafka)} lacks a permission ({type(error).__name__}: {detail}): grant it by an ACL, or set "
            "FUSIONLOG_KAFKA__SASL_USERNAME to a user that has it"
        )
    return _tls_refusal(error, kafka) if isinstance(error, ssl.SSLError) else None


def _tls_refusal(error: ssl.SSLError, kafka: KafkaSettings) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its TLS certificate was not accepted ({error.verify_message or error.reason}): set "
            "FUSIONLOG_KAFKA__SSL_CAFILE to the certificate of its authority, and use the certificate's host names in "
            "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS"
        )
    reason = error.reason or ""
    if any(each in reason for each in NO_TLS):
        return (
            f"the port does not use TLS ({reason}): set FUSIONLOG_KAFKA__SECURITY_PROTOCOL, which is "
            f"{kafka.security_protocol}"
        )
    if any(each in reason for each in CLIENT_CERTIFICATE):
        return (
            f"it did not accept this client's certificate ({reason}): set FUSIONLOG_KAFKA__SSL_CERTFILE and "
            "FUSIONLOG_KAFKA__SSL_KEYFILE"
        )
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it came from."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
