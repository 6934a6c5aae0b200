from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.teachers.factories import make_rows, write_rows


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fusionlog", "replay-teacher", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_when_told(tmp_path: Path, number: signal.Signals) -> None:
    with start(str(write_rows(tmp_path / "verdicts.jsonl", make_rows())), "--port", "0") as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("recorded verdicts of shop at http://127.0.0.1:")
        with urlopen(said.split()[-1].replace("/v1", "/stats")) as response:
            assert response.status == 200
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, "")


def test_a_bad_file_is_one_sentence(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "verdicts.jsonl", [{**make_rows()[0], "verdict": "odd"}])
    with start(str(path)) as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors.count("\n") == 1 and "line 1: verdict is 'odd'" in errors
