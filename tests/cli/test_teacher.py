"""`fusionlog teacher check` as a process: its output and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.teachers.fake_endpoint import Reply, fake_endpoint


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("FUSIONLOG_LABEL")}
    command = [sys.executable, "-m", "fusionlog", "teacher", "check", *words]
    return subprocess.run(command, capture_output=True, text=True, env={**own, **env}, timeout=60, check=False)


def test_a_usable_endpoint_is_one_line_or_one_object_and_exit_code_0() -> None:
    with fake_endpoint() as endpoint:
        line = run("--url", endpoint.url, "--model", "m")
        found: dict[str, Any] = json.loads(run("--json", FUSIONLOG_LABEL__URL=endpoint.url).stdout)
        models = [request["model"] for request in endpoint.requests]
    assert line.returncode == 0 and line.stdout.startswith("usable: ") and len(line.stdout.splitlines()) == 1
    assert models == ["m", "gpt-4o-mini"]
    seconds = found.pop("seconds")
    assert isinstance(seconds, float) and found == {
        "usable": True, "answered": 6, "requests": 1, "format": "json_schema", "system_role": True, "tokens": 110,
        "reason": f"{endpoint.url[:-3]} answered 6 of 6 made-up windows (json_schema, with a system role)",
    }  # fmt: skip


def test_one_of_no_use_has_exit_code_1_and_a_reason() -> None:
    with fake_endpoint() as endpoint:
        endpoint.otherwise = Reply(status=401, error={"message": "Incorrect API key"})
        done = run("--json", "--url", endpoint.url)
    found = json.loads(done.stdout)
    assert done.returncode == 1 and "answers 401: Incorrect API key" in found["reason"]
    assert (found["usable"], found["answered"], found["format"], found["system_role"]) == (False, 0, None, None)


@pytest.mark.parametrize("words", [(), ("--url", "127.0.0.1:80"), ("--url",), ("--colour",)])
def test_wrong_usage_has_exit_code_2(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 2 and done.stdout == "" and done.stderr
