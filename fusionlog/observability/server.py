"""The HTTP server of a worker: metrics, and the probes of liveness and readiness."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from fusionlog.errors import SettingError
from fusionlog.observability.health import Answer, Health
from fusionlog.settings import Settings

SHUTDOWN_SECONDS = 1.0


class HealthServer:
    """Serves `/metrics`, `/healthz` and `/readyz` in the worker's event loop: one that hangs answers no probe."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._runner = web.AppRunner(application(health), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)

    async def start(self) -> None:
        """Serve where a port is configured.

        :raises SettingError: the port is taken, or the address is none of this machine.
        """
        port, host = self._settings.metrics_port, self._settings.metrics_host
        if not port:
            return
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


def application(health: Health) -> web.Application:
    """The three paths; any other is 404."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/metrics", _metrics),
            web.get("/healthz", _probe(health.live)),
            web.get("/readyz", _probe(health.ready)),
        ]
    )
    return app


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _probe(answer: Callable[[], Answer]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        found = answer()
        return web.json_response(found.body, status=found.status)

    return handle
