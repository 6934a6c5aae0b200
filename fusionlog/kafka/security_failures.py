"""Refused logins and certificates of Kafka clients: a sentence for each kind, with the setting that mends it."""

from __future__ import annotations

import ssl

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from fusionlog.kafka.oauth import TokenError
from fusionlog.settings import KafkaSettings

LOGIN = (SaslAuthenticationFailed, AuthenticationFailedError)
MECHANISM = (UnsupportedSaslMechanismError, AuthenticationMethodNotSupported)
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
CLIENT_CERTIFICATE = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
# The verification errors of OpenSSL (x509_vfy.h).
NOT_YET_VALID, EXPIRED, REVOKED = 9, 10, 23
UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21, 24, 27, 33})
OTHER_NAME = frozenset({62, 63, 64})
NAME = "FUSIONLOG_KAFKA__"


def security_refusal(error: BaseException, kafka: KafkaSettings) -> str | None:
    """Why a login or a certificate is refused, with the setting to change; None for any other error."""
    if isinstance(error, TokenError):
        return str(error) if error.denied else None
    if isinstance(error, LOGIN):
        return _login_refusal(error, kafka)
    if isinstance(error, MECHANISM):
        return (
            f"SASL mechanism {kafka.sasl_mechanism} is not accepted: set {NAME}SASL_MECHANISM to one that the listener "
            "has (sasl.enabled.mechanisms)"
        )
    if isinstance(error, IllegalSaslStateError):
        wanted = "SSL" if kafka.security_protocol == "SASL_SSL" else "PLAINTEXT"
        return (
            f"its listener has no login: set {NAME}SECURITY_PROTOCOL to {wanted}, it is {kafka.security_protocol}; or "
            f"name a listener with {kafka.sasl_mechanism} in {NAME}BOOTSTRAP_SERVERS"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_refusal(error, kafka)
    return _tls_refusal(error, kafka) if isinstance(error, ssl.SSLError) else None


def _login_refusal(error: BaseException, kafka: KafkaSettings) -> str:
    detail = str(error.args[0]) if error.args and error.args[0] else type(error).__name__
    if kafka.sasl_mechanism == "OAUTHBEARER":
        return token_refusal(kafka, detail)
    return (
        f"the login of user {kafka.sasl_username!r} was refused ({detail}): set {NAME}SASL_USERNAME and "
        f"{NAME}SASL_PASSWORD"
    )


def token_refusal(kafka: KafkaSettings, detail: str) -> str:
    """The sentence on a token that the broker does not accept."""
    return (
        f"the token of client {kafka.oauth_client_id!r} was refused ({detail}): set {NAME}OAUTH_URL to an endpoint "
        f"that the broker trusts, and {NAME}OAUTH_SCOPE and {NAME}OAUTH_CLIENT_ID as it expects them"
    )


def _certificate_refusal(error: ssl.SSLCertVerificationError, kafka: KafkaSettings) -> str:
    """The sentence on a broker's certificate that this client does not accept."""
    detail, code = error.verify_message or error.reason, error.verify_code
    if code in UNKNOWN_AUTHORITY:
        trusted = f"{kafka.ssl_cafile} does not have" if kafka.ssl_cafile else "this system does not have"
        return (
            f"its TLS certificate is signed by an authority that {trusted} ({detail}): set {NAME}SSL_CAFILE to a PEM "
            "file with the certificate of that authority"
        )
    if code in OTHER_NAME:
        return (
            f"its TLS certificate is one of another host ({detail.rstrip('.')}): name the hosts in "
            f"{NAME}BOOTSTRAP_SERVERS as the certificate does, or give the broker one with this name"
        )
    if code == EXPIRED:
        return f"its TLS certificate has expired ({detail}): renew it at the broker; no setting here mends this"
    if code == NOT_YET_VALID:
        return f"its TLS certificate is not valid yet ({detail}): set the clock of this machine, or that certificate"
    if code == REVOKED:
        return f"its TLS certificate was revoked ({detail}): renew it at the broker; no setting here mends this"
    return f"its TLS certificate was not accepted ({detail}): renew it at the broker, or set {NAME}SSL_CAFILE"


def _tls_refusal(error: ssl.SSLError, kafka: KafkaSettings) -> str | None:
    reason = error.reason or ""
    if any(each in reason for each in NO_TLS):
        return no_tls(kafka, reason)
    if not any(each in reason for each in CLIENT_CERTIFICATE):
        return None
    if kafka.ssl_certfile is None:
        return (
            f"it requires a certificate of the client ({reason}): set {NAME}SSL_CERTFILE and {NAME}SSL_KEYFILE to the "
            "PEM files of one"
        )
    return (
        f"it did not accept this client's certificate {kafka.ssl_certfile} ({reason}): it has expired, or the broker "
        f"does not trust its authority; set {NAME}SSL_CERTFILE and {NAME}SSL_KEYFILE to a valid one"
    )


def no_tls(kafka: KafkaSettings, detail: str) -> str:
    """The sentence on a port that does not use TLS, though the settings do."""
    wanted = kafka.security_protocol.replace("SASL_SSL", "SASL_PLAINTEXT").replace("SSL", "PLAINTEXT")
    if "SASL" in kafka.security_protocol:
        wanted = "SASL_PLAINTEXT"
    return (
        f"the port does not use TLS ({detail}): set {NAME}SECURITY_PROTOCOL to {wanted}, it is "
        f"{kafka.security_protocol}; or name a listener with TLS in {NAME}BOOTSTRAP_SERVERS"
    )
