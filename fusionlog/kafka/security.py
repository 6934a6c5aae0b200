"""Login and TLS of Kafka clients: what the settings give, with a sentence for everything that is missing or wrong."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fusionlog.errors import NOT_SHOWN, SettingError
from fusionlog.kafka.oauth import provider
from fusionlog.settings import FILE, KafkaSettings

NAME = "FUSIONLOG_KAFKA__"


def uses_login(kafka: KafkaSettings) -> bool:
    """Whether clients log in by SASL."""
    return kafka.security_protocol.startswith("SASL")


def uses_tls(kafka: KafkaSettings) -> bool:
    """Whether connections use TLS."""
    return kafka.security_protocol.endswith("SSL")


def security(kafka: KafkaSettings) -> dict[str, Any]:
    """The arguments of an aiokafka client on login and TLS.

    :raises SettingError: one is missing, or a file cannot be used.
    """
    found: dict[str, Any] = {"security_protocol": kafka.security_protocol}
    if uses_login(kafka):
        found |= _login(kafka)
    if uses_tls(kafka):
        found["ssl_context"] = ssl_context(kafka)
    return found


def ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    """The TLS context of the settings; without files, that of the system's certificates. Host names are checked.

    :raises SettingError: a file cannot be read, or is not what its setting names.
    """
    authorities = _file(kafka, "ssl_cafile")
    try:
        context = ssl.create_default_context(cafile=authorities)
    except (ssl.SSLError, OSError) as error:
        raise _wrong("SSL_CAFILE", authorities, f"not PEM certificates: {_reason(error)}") from error
    certificate, key = _file(kafka, "ssl_certfile"), _file(kafka, "ssl_keyfile")
    if certificate is None and key is not None:
        raise SettingError(f"{NAME}SSL_CERTFILE", None, f"the key {key} needs its certificate: name its PEM file")
    if certificate is not None:
        _load_certificate(context, kafka, certificate, key)
    return context


def _login(kafka: KafkaSettings) -> dict[str, Any]:
    tokens = ("oauth_url", "oauth_client_id", "oauth_client_secret")
    for name in tokens if kafka.sasl_mechanism == "OAUTHBEARER" else ("sasl_username", "sasl_password"):
        if getattr(kafka, name) is None:
            variable = f"{NAME}{name.upper()}"
            raise SettingError(
                variable, None,
                f"a login by {kafka.sasl_mechanism} needs it ({NAME}SECURITY_PROTOCOL is {kafka.security_protocol}): "
                f"set {variable} or {variable}{FILE}",
            )  # fmt: skip
    if kafka.sasl_mechanism == "OAUTHBEARER":
        return {"sasl_mechanism": kafka.sasl_mechanism, "sasl_oauth_token_provider": provider(kafka)}
    assert kafka.sasl_password is not None
    return {
        "sasl_mechanism": kafka.sasl_mechanism,
        "sasl_plain_username": kafka.sasl_username,
        "sasl_plain_password": kafka.sasl_password.get_secret_value(),
    }


def _file(kafka: KafkaSettings, name: str) -> str | None:
    """The path of a PEM file.

    :raises SettingError: it cannot be read.
    """
    path: Path | None = getattr(kafka, name)
    if path is None:
        return None
    variable = name.upper()
    try:
        path.open("rb").close()
    except FileNotFoundError as error:
        raise _wrong(variable, path, "there is no such file") from error
    except OSError as error:
        raise _wrong(variable, path, f"cannot be read: {error.strerror}") from error
    return str(path)


def _load_certificate(context: ssl.SSLContext, kafka: KafkaSettings, certificate: str, key: str | None) -> None:
    """Load a client certificate and its key.

    :raises SettingError: naming the one that cannot be used.
    """
    place = key or certificate
    name = "SSL_KEYFILE" if key else "SSL_CERTFILE"
    try:
        context.load_cert_chain(certificate, key, _password(kafka, place))
    except ssl.SSLError as error:
        if "MISMATCH" in (error.reason or ""):
            raise _wrong(name, place, f"it is not the key of the certificate {certificate}") from error
        if kafka.ssl_key_password is not None and _is_encrypted(place):
            raise SettingError(f"{NAME}SSL_KEY_PASSWORD", NOT_SHOWN, f"it does not decrypt the key {place}") from error
        if not _has(certificate, b"CERTIFICATE-----"):
            raise _wrong("SSL_CERTFILE", certificate, "no PEM certificate in it") from error
        if not _has(place, b"PRIVATE KEY-----"):
            raise _wrong(
                name, place, f"no PEM private key in it; the key may be in a file of its own: {NAME}SSL_KEYFILE"
            ) from error
        raise _wrong(name, place, f"no key and certificate that can be used ({_reason(error)})") from error


def _password(kafka: KafkaSettings, place: str) -> Callable[[], str]:
    """The password of an encrypted key: without it OpenSSL would ask at the terminal.

    :raises SettingError: when called, where none is set.
    """

    def password() -> str:
        if kafka.ssl_key_password is None:
            variable = f"{NAME}SSL_KEY_PASSWORD"
            raise SettingError(variable, None, f"the key {place} is encrypted: set {variable} or {variable}{FILE}")
        return kafka.ssl_key_password.get_secret_value()

    return password


def _is_encrypted(path: str) -> bool:
    return _has(path, b"ENCRYPTED")


def _has(path: str, mark: bytes) -> bool:
    return mark in Path(path).read_bytes()


def _wrong(variable: str, path: str | Path | None, problem: str) -> SettingError:
    return SettingError(f"{NAME}{variable}", None if path is None else str(path), problem)


def _reason(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or type(error).__name__
