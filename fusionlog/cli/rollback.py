"""The wait of `fusionlog models rollback` until the running workers use the release."""

from __future__ import annotations

import asyncio
import time

from fusionlog.online.rollback import Rollback, usage, usage_sentence
from fusionlog.settings import Settings

WAIT_SECONDS = 60.0
LOOK_SECONDS = 1.0


async def until_used(config: Settings, rollback: Rollback, seconds: float = WAIT_SECONDS) -> str:
    """Wait until the running workers use the release, at most so many seconds; return how many do."""
    from fusionlog.cli.status import read

    ends = time.monotonic() + seconds
    while True:
        found = await read(config)
        used, of = usage(found, rollback)
        if used == of or time.monotonic() > ends:
            return usage_sentence(found, rollback)
        await asyncio.sleep(LOOK_SECONDS)
