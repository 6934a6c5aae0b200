"""The watch of the shares of proprietary windows: a sample now and then, and the least share since each training."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from fusionlog.types import Clock
from fusionlog.workers.train.due import Counts
from fusionlog.workers.train.window_shares import EVERY_SECONDS

Sample = Callable[[], Awaitable[Mapping[str, float]]]
"""Returns the present share of each target.

:raises BrokerError: Kafka does not answer.
"""


class ShareWatch:
    """The present share of each target, and the least one since its last training, or since this worker has started.

    :param sample: None: nothing is watched.
    """

    def __init__(self, sample: Sample | None, clock: Clock = time.monotonic) -> None:
        self._sample, self._clock = sample, clock
        self._next_at = 0.0
        self._shares: dict[str, float] = {}
        self._least: dict[str, float] = {}

    async def look(self) -> None:
        """Sample, where the last sample is old.

        :raises BrokerError: Kafka does not answer.
        """
        if self._sample is None or self._clock() < self._next_at:
            return
        self._shares = dict(await self._sample())
        self._next_at = self._clock() + EVERY_SECONDS
        for system, share in self._shares.items():
            self._least[system] = min(share, self._least.get(system, share))

    def trained(self, system: str) -> None:
        """Begin once more with the least share of a target."""
        self._least.pop(system, None)

    def counted(self, system: str, counts: Counts) -> Counts:
        """Counts of a target with its shares."""
        return replace(counts, share=self._shares.get(system), least_share=self._least.get(system))
