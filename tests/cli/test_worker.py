"""`fusionlog worker` that cannot start, as a process of its own: one sentence, exit code 2, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fusionlog.data.bundled import DATASETS
from tests.brokers import free_ports


def run(role: str, before: str = "pass", **env: str) -> tuple[int, list[str]]:
    """The exit code and the lines on stderr of a worker; `before` is code that its process runs first."""
    code = f"import sys; {before}; sys.argv[1:] = ['worker', {role!r}]; from fusionlog.cli.main import main; main()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stderr.strip().splitlines()


@pytest.mark.parametrize("role", ["ingest", "score", "label", "explain", "incidents", "notify", "canary"])
def test_a_worker_without_kafka_says_where_it_looks_and_waits(role: str, tmp_path: Path) -> None:
    (tmp_path / "notifications.yaml").write_text("hook: {type: webhook, url: 'http://127.0.0.1:9'}")
    address = f"127.0.0.1:{free_ports(1)[0]}"
    env = {
        "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": address,
        "FUSIONLOG_SYSTEMS_FILE": str(DATASETS / "systems.yaml"),
        "FUSIONLOG_LABEL__URL": "http://127.0.0.1:1/v1",
        "FUSIONLOG_CANARY__SECONDS": "60",
        "FUSIONLOG_NOTIFICATIONS_FILE": str(tmp_path / "notifications.yaml"),
    }
    command = [sys.executable, "-m", "fusionlog", "worker", role]
    with subprocess.Popen(command, env={**os.environ, **env}, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr is not None
        printed = next(line for line in worker.stderr if "the worker waits for Kafka" in line)
        worker.terminate()
        printed += worker.stderr.read()
        assert worker.wait(60) == 0, printed
    assert f"Kafka does not answer at {address} " in printed and "refused" in printed
    assert "Traceback" not in printed and printed.count("waits for Kafka") == 1


def test_a_worker_without_a_setting_that_its_role_needs_names_it() -> None:
    code, printed = run("ingest", FUSIONLOG_SYSTEMS_FILE="")
    assert code == 2
    assert printed[-1].startswith("fusionlog: setting FUSIONLOG_SYSTEMS_FILE is None: ")
    code, printed = run("notify", FUSIONLOG_NOTIFICATIONS_FILE="")
    assert code == 2
    assert printed[-1].startswith("fusionlog: setting FUSIONLOG_NOTIFICATIONS_FILE is None: ")


def test_a_canary_that_is_off_or_would_have_no_constant_verdict_names_its_setting() -> None:
    code, printed = run("canary", FUSIONLOG_CANARY__SECONDS="0")
    assert code == 2 and "setting FUSIONLOG_CANARY__SECONDS is 0.0: set the seconds" in printed[-1]
    code, printed = run("canary", FUSIONLOG_CANARY__SECONDS="60", FUSIONLOG_METHOD="offline")
    assert code == 2 and "takes an anomaly that comes each minute for routine" in printed[-1]


def test_a_worker_without_its_extra_names_it() -> None:
    code, printed = run("score", "sys.modules['faust'] = None")
    assert (code, printed) == (
        2,
        ["fusionlog: a worker needs faust: install it with  pip install 'fusionlog[agents]'"],
    )  # fmt: skip


def test_an_unknown_role_is_refused_with_those_that_there_are() -> None:
    code, printed = run("judge")
    assert code == 2
    assert all(
        role in "\n".join(printed)
        for role in ("judge", "ingest", "score", "label", "explain", "incidents", "notify", "canary")
    )
