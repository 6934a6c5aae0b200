"""The telemetry of ONNX Runtime: its builds keep an identifier and a queue of events in the home directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.detector.graphs import make_onnx

SCRIPT = """
import sys
{first}
import onnxruntime
onnxruntime.InferenceSession(sys.stdin.buffer.read(), providers=["CPUExecutionProvider"])
"""


def traces(home: Path, first: str, onnx: bytes) -> list[str]:
    """The files that a session leaves in an empty home directory, after `first`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_"))} | {"HOME": str(home)}
    command = [sys.executable, "-c", SCRIPT.format(first=first)]
    subprocess.run(command, input=onnx, env=environment, check=True, timeout=120)
    return [path.name for path in home.rglob("*") if path.is_file()]


def test_a_session_after_fusionlog_reports_nothing(tmp_path: Path) -> None:
    assert traces(tmp_path, "import fusionlog", make_onnx()) == []
