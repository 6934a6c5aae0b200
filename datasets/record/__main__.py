"""`python -m datasets.record SYSTEM --seed 1 --out DIR`, and `python -m datasets.record operator --out FILE`."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
from pathlib import Path

from datasets.record.errors import RecordError
from datasets.record.recording import write
from datasets.record.spec import write_yaml

SYSTEMS = {"postgresql": 420, "kafka": 900, "rabbitmq": 550, "postfix": 570}
"""Systems and how long each is recorded by default, in seconds."""


def main() -> int:
    """Record one system, or write what operators say of all of them."""
    for number in _ENDS:
        signal.signal(number, _leave)
    asked = _arguments()
    if asked.system == "operator":
        write_yaml([_module(name).SPEC for name in SYSTEMS], asked.out)
        return 0
    began = time.monotonic()
    recording = _module(asked.system).record(asked.seed, asked.seconds or SYSTEMS[asked.system])
    write(recording, asked.out / asked.system)
    faulty = sum(cause.fault for cause in recording.causes.values())
    took = time.monotonic() - began
    print(f"{asked.system}: {len(recording.sessions)} sessions, {faulty} anomalous, {took:.0f} s")
    return 0


_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def _leave(number: int, _: object) -> None:
    """An exit, so that servers and mounts are cleared away; a second signal does not cut that short."""
    for other in _ENDS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m datasets.record", description=__doc__)
    parser.add_argument("system", choices=[*SYSTEMS, "operator"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="how long to record")
    parser.add_argument("--out", type=Path, required=True, help="a folder (for operator: a file)")
    return parser.parse_args()


def _module(name: str):  # type: ignore[no-untyped-def]
    return importlib.import_module(f"datasets.record.{name}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RecordError as problem:
        sys.exit(f"record: {problem}")
