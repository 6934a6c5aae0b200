"""`fusionlog worker`: run one worker of a role."""

from __future__ import annotations

import asyncio

from fusionlog.errors import MissingExtraError
from fusionlog.observability import logs
from fusionlog.settings import Settings


def run(role: str, settings: Settings) -> None:
    """Run a worker of a role (`ingest`, `score`, `label`, `explain`, `incidents`, `notify`, `canary` or `train`) until
    SIGTERM or SIGINT.

    :raises FusionLogError: the worker cannot start, or it crashed.
    """
    logs.configure(settings)
    try:
        from agents.run import build, end_in_time, serve
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "faust-streaming", "agents", "a worker") from error

    async def _serve() -> None:
        # Faust's objects belong to the loop that is running when they are made.
        await serve(build(role, settings), end_in_time)

    asyncio.run(_serve())
