import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from datasets.record.errors import RecordError
from datasets.record.process import Process, offspring
from datasets.record.timeline import Crew, Script, drive

PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'], check=False)"
"""A program with a child of its own."""


def process_factory(tmp_path: Path, code: str = PARENT) -> Process:
    return Process([sys.executable, "-c", code], tmp_path / "output")


def child_of(process: Process) -> int:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for child in offspring(process.pid):
            return child.pid
        time.sleep(0.02)
    raise AssertionError("no child within ten seconds")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_the_end_takes_a_frozen_child_along(tmp_path):
    process = process_factory(tmp_path)
    process.start()
    child = child_of(process)
    os.kill(child, signal.SIGSTOP)
    process.end(within_s=5)
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(child)


def test_what_was_ended_for_good_does_not_start_again(tmp_path):
    process = process_factory(tmp_path, "import time; time.sleep(60)")
    process.start()
    process.stop()
    process.start()
    process.end()
    with pytest.raises(RecordError, match="ended for good"):
        process.start()


def test_a_process_never_started_can_be_ended(tmp_path):
    process = process_factory(tmp_path)
    process.end()
    with pytest.raises(RecordError):
        process.start()


def test_a_script_strikes_early_then_late_while_clients_come():
    seen: list[str] = []
    script: Script[list[str]] = Script(
        early=[lambda world, rng: world.append("early")],
        late=[lambda world, rng: world.append("late")],
        arrive=lambda world, rng: world.append("client"),
        rate=40,
        calm_s=0.2,
    )
    crew = Crew()
    drive(script, seen, random.Random(1), 1.2, crew)
    crew.join(2)
    assert [name for name in seen if name != "client"] == ["early", "late"]
    assert seen.count("client") > 10


def test_a_failing_client_ends_the_recording():
    def fail(world: None, rng: random.Random) -> None:
        raise ValueError("broken client")

    script: Script[None] = Script([lambda world, rng: None], [lambda world, rng: None], fail, rate=40, calm_s=0.2)
    with pytest.raises(ValueError, match="broken client"):
        drive(script, None, random.Random(1), 5, Crew())
