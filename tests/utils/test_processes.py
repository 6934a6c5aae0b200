import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fusionlog.utils.processes import Child, ChildError

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
STUBBORN = [sys.executable, "-c", DEAF]


async def until(condition: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_child_that_ends_by_itself_is_named_with_its_last_words(tmp_path: Path) -> None:
    child = Child(
        "the broker", [sys.executable, "-c", "print('first'); print('no room'); raise SystemExit(3)"], tmp_path / "log"
    )
    await child.start()
    await until(lambda: not child.running)
    with pytest.raises(ChildError, match=r"the broker ended by itself \(exit code 3\): no room"):
        child.check()


async def test_a_stopped_child_is_gone(tmp_path: Path) -> None:
    child = Child("sleeper", SLEEPER, tmp_path / "log")
    await child.start()
    child.check()
    await child.stop()
    assert not child.running


async def test_a_child_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    child = Child("stubborn", STUBBORN, tmp_path / "log")
    await child.start()
    await until(lambda: "up" in child.tail())
    await child.stop(grace=0.2)
    assert not child.running


async def test_a_command_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="ghost could not be started"):
        await Child("ghost", ["/no/such/command"], tmp_path / "log").start()


def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys, time\nfrom pathlib import Path\nfrom fusionlog.utils.processes import Child\n"
        f"child = Child('c', {SLEEPER!r}, Path({str(tmp_path / 'log')!r}))\n"
        "async def main():\n    await child.start()\n    print(child._process.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while _alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
