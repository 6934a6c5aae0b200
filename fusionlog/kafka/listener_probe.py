"""A probe of what a listener wants that closes connections: TLS, or a login. Kafka itself closes without a reason."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaError, UnsupportedSaslMechanismError, for_code
from aiokafka.protocol.admin import SaslAuthenticateRequest, SaslHandShakeRequest

from fusionlog.kafka import security_failures
from fusionlog.kafka.security import security, uses_login, uses_tls
from fusionlog.kafka.security_failures import NAME, no_tls
from fusionlog.settings import KafkaSettings

SECONDS = 3.0
CLOSE_SECONDS = 1.0
NO_MECHANISM = "-"
"""A mechanism that no listener has: it answers with those that it has."""


async def protocol_refusal(kafka: KafkaSettings, host: str, port: int) -> str | None:
    """Why a listener closes the connections of these settings: it uses another protocol. None where it does not."""
    tls = await uses_tls_there(host, port)
    if tls and not uses_tls(kafka):
        wanted = "SASL_SSL" if uses_login(kafka) else "SSL, or SASL_SSL where it wants a login"
        return f"the port uses TLS: set {NAME}SECURITY_PROTOCOL to {wanted}, it is {kafka.security_protocol}"
    if not tls and uses_tls(kafka) and await _answers_without_tls(host, port):
        return no_tls(kafka, "Kafka answers in plain text there")
    if uses_login(kafka):
        return await _token_refusal(kafka, host, port) if kafka.sasl_mechanism == "OAUTHBEARER" else None
    if mechanisms := await _mechanisms(kafka, host, port):
        return (
            f"its listener wants a login by SASL ({', '.join(mechanisms)}): set {NAME}SECURITY_PROTOCOL to "
            f"SASL_{kafka.security_protocol}, it is {kafka.security_protocol}, with {NAME}SASL_MECHANISM and its login"
        )
    return None


async def uses_tls_there(host: str, port: int) -> bool:
    """Whether a port answers a TLS handshake. Its certificate does not matter, for nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError):
        return False
    await _closed(writer)
    return True


async def _answers_without_tls(host: str, port: int) -> bool:
    plain = KafkaSettings(bootstrap_servers=f"{host}:{port}")
    try:
        async with _connected(plain, host, port):
            return True
    except (KafkaError, OSError, TimeoutError):
        return False


async def close(connection: AIOKafkaConnection) -> None:
    """Close a connection, and wait for its end a short time."""
    await asyncio.wait([connection.close()], timeout=CLOSE_SECONDS)


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection at once."""
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


async def _mechanisms(kafka: KafkaSettings, host: str, port: int) -> list[str]:
    """The SASL mechanisms of a listener; none where it has no login."""
    try:
        async with _connected(kafka, host, port) as connection:
            answer = await connection.send(SaslHandShakeRequest(NO_MECHANISM))
    except (KafkaError, OSError, TimeoutError):
        return []
    return list(answer.enabled_mechanisms) if for_code(answer.error_code) is UnsupportedSaslMechanismError else []


async def _token_refusal(kafka: KafkaSettings, host: str, port: int) -> str | None:
    """Why a listener does not accept the token; None where it does.

    Kafka gives the reason as a challenge (RFC 7628, 3.2.2), which aiokafka takes for a success.
    """
    tokens = security(kafka)["sasl_oauth_token_provider"]
    try:
        async with _connected(kafka, host, port) as connection:
            await connection.send(SaslHandShakeRequest(kafka.sasl_mechanism))
            request = f"n,,\x01auth=Bearer {await tokens.token()}\x01\x01".encode()
            answer = await connection.send(SaslAuthenticateRequest(request))
    except (KafkaError, OSError, TimeoutError):
        return None
    challenge = answer.sasl_auth_bytes.decode(errors="replace") if answer.sasl_auth_bytes else ""
    return security_failures.token_refusal(kafka, answer.error_message or challenge) if challenge else None


@asynccontextmanager
async def _connected(kafka: KafkaSettings, host: str, port: int) -> AsyncIterator[AIOKafkaConnection]:
    """A connection before its login."""
    arguments = {name: value for name, value in security(kafka).items() if not name.startswith("sasl")}
    arguments["security_protocol"] = kafka.security_protocol.removeprefix("SASL_")
    connection = await create_conn(host, port, request_timeout_ms=int(SECONDS * 1000), **arguments)
    try:
        yield connection
    finally:
        await close(connection)
