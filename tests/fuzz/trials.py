"""What tries a decoder: a few hundred examples that hypothesis draws and shrinks, or as many records as are wanted."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import record

RECORDS = 100_000
"""Records of a decoder in `make check-long`."""
BATCH = 100

Trial = Callable[[Random], None]
"""Draws one record, or a few, and checks what becomes of it."""

RANDOMS = st.randoms(use_true_random=False)
"""Each of its draws is hypothesis', so that an example shrinks."""


@dataclass(frozen=True)
class Decoder:
    """What is tried: valid records to begin with, and a check of what becomes of any record."""

    name: str
    valid: Sequence[bytes]
    check: Callable[[bytes], None]

    def __call__(self, random: Random) -> None:
        """Try a record."""
        data = record(random, self.valid)
        try:
            self.check(data)
        except BaseException as error:
            error.add_note(f"{self.name}: {data[:4_000]!r}")
            raise


@cache
def scratch() -> Path:
    """A directory for the files of trials, one at a time: a new one for each takes longer than what is tried."""
    directory = mkdtemp(prefix="fuzz-")
    atexit.register(rmtree, directory)
    return Path(directory)


def seeded(examples: int) -> settings:
    """The same examples in each run, whatever the clock."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def try_many(name: str, trial: Trial, records: int = RECORDS, each: int = 1) -> None:
    """Try so many records, and print how many were.

    :param each: records of a trial.
    """
    tried = 0

    @settings(seeded(-(-records // (BATCH * each))), phases=[Phase.generate])
    @given(seed=st.integers(0, 2**64 - 1))
    def run(seed: int) -> None:
        nonlocal tried
        for number in range(BATCH):
            try:
                trial(Random(f"{seed}/{number}"))
            except BaseException as error:
                error.add_note(f"{name}: Random('{seed}/{number}')")
                raise
            tried += each

    run()
    print(f"{name}: {tried:,} records tried")
