"""Errors of Kafka clients: what is refused names the setting to change, all else is an outage."""

from __future__ import annotations

import ssl

import pytest
from aiokafka import errors
from pydantic import SecretStr

from fusionlog.kafka import failures
from fusionlog.settings import KafkaSettings

KAFKA = KafkaSettings(
    security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", sasl_username="me", sasl_password=SecretStr("hush")
)


def tls_error(kind: type[ssl.SSLError], reason: str) -> ssl.SSLError:
    error = kind(1, f"[SSL: {reason}] {reason.lower()} (_ssl.c:1006)")
    error.reason = reason
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_code, error.verify_message = 19, "self-signed certificate in certificate chain"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.SaslAuthenticationFailed("no such user"), ["'me'", "no such user", "SASL_USERNAME", "SASL_PASSWORD"]),
        (errors.AuthenticationFailedError("bad proof"), ["bad proof", "SASL_PASSWORD"]),
        (errors.UnsupportedSaslMechanismError("x"), ["SCRAM-SHA-512", "SASL_MECHANISM"]),
        (errors.IllegalSaslStateError("x"), ["no login", "SECURITY_PROTOCOL to SSL, it is SASL_SSL"]),
        (errors.TopicAuthorizationFailedError("logs.raw.a"), ["Read on topic logs.raw.a", "'me'", "kafka-acls.sh"]),
        (errors.GroupAuthorizationFailedError("fusionlog.score"), ["Read on group fusionlog.score", "kafka-acls.sh"]),
        (errors.ClusterAuthorizationFailedError("x"), ["ACL"]),
        (tls_error(ssl.SSLCertVerificationError, "CERTIFICATE_VERIFY_FAILED"), ["self-signed", "SSL_CAFILE"]),
        (tls_error(ssl.SSLError, "WRONG_VERSION_NUMBER"), ["does not use TLS", "SECURITY_PROTOCOL"]),
        (tls_error(ssl.SSLError, "TLSV13_ALERT_CERTIFICATE_REQUIRED"), ["SSL_CERTFILE", "SSL_KEYFILE"]),
        (tls_error(ssl.SSLError, "TLSV1_ALERT_UNKNOWN_CA"), ["SSL_CERTFILE"]),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_a_refusal_names_what_to_change_and_never_the_password(error: Exception, words: list[str]) -> None:
    reason = failures.refusal(error, KAFKA)
    assert reason is not None and all(word in reason for word in words), reason
    assert "hush" not in reason


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        OSError("no route"),
        ConnectionRefusedError(111, "refused"),
        ConnectionResetError(),
        errors.KafkaConnectionError("closed"),
        errors.RequestTimedOutError(),
        errors.GroupCoordinatorNotAvailableError(),
        errors.NotLeaderForPartitionError(),
        tls_error(ssl.SSLEOFError, "UNEXPECTED_EOF_WHILE_READING"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_outage_is_no_refusal(error: Exception) -> None:
    assert failures.refusal(error, KAFKA) is None


def test_a_refusal_is_found_behind_the_error_that_hides_it() -> None:
    hidden = errors.KafkaConnectionError("Unable to bootstrap")
    hidden.__cause__ = errors.SaslAuthenticationFailed("no such user")
    assert "no such user" in (failures.refusal(hidden, KAFKA) or "")


def test_a_connection_that_is_closed_at_once_hints_at_the_protocol() -> None:
    assert "FUSIONLOG_KAFKA__SECURITY_PROTOCOL=SASL_SSL" in failures.hint(errors.KafkaConnectionError("closed"), KAFKA)
    assert failures.hint(ConnectionRefusedError(), KAFKA) == ""
