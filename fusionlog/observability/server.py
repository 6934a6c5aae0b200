"""The HTTP server of a worker: metrics, and the probes of liveness and readiness."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import SecretStr

from fusionlog.errors import SettingError
from fusionlog.observability.health import Answer, Health
from fusionlog.settings import Settings

log = structlog.get_logger(__name__)

SHUTDOWN_SECONDS = 1.0
Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]
CHALLENGE = 'Bearer realm="fusionlog"'


class HealthServer:
    """Serves `/metrics`, `/healthz` and `/readyz` in the worker's event loop: one that hangs answers no probe.

    Where the settings have a token, `/metrics` is for those that bear it; the probes are for everybody.
    """

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._runner = web.AppRunner(
            application(health, settings.metrics.token), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
        )

    async def start(self) -> None:
        """Serve where a port is configured.

        :raises SettingError: the port is taken, or the address is none of this machine.
        """
        port, host = self._settings.metrics_port, self._settings.metrics_host
        if not port:
            return
        if self._settings.metrics.token is None and not is_loopback(host):
            log.warning(
                "metrics are open to all who reach this address: set FUSIONLOG_METRICS__TOKEN", host=host, port=port
            )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise SettingError(
                "FUSIONLOG_METRICS_PORT", port, f"{error.strerror or error} (FUSIONLOG_METRICS_HOST={host}); "
                "choose another",
            ) from error  # fmt: skip

    async def stop(self) -> None:
        """Stop serving."""
        await self._runner.cleanup()


def application(health: Health, token: SecretStr | None = None) -> web.Application:
    """The three paths; any other is 404. Without the token, where there is one, `/metrics` is 401."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/metrics", _guarded(_metrics, token)),
            web.get("/healthz", _probe(health.live)),
            web.get("/readyz", _probe(health.ready)),
        ]
    )
    return app


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone; of names this is assumed of localhost only."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host.lower() == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _guarded(handle: Handle, token: SecretStr | None) -> Handle:
    """A handler for those that bear the token; the time of the comparison shows nothing of it."""
    if token is None:
        return handle
    wanted = token.get_secret_value().encode()

    async def guarded(request: web.Request) -> web.StreamResponse:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # aiohttp decodes headers so that any byte survives the way back.
        right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), wanted)
        if scheme.lower() != "bearer" or not right:
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": CHALLENGE})
        return await handle(request)

    return guarded


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _probe(answer: Callable[[], Answer]) -> Handle:
    async def handle(request: web.Request) -> web.StreamResponse:
        found = answer()
        return web.json_response(found.body, status=found.status)

    return handle
