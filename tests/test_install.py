"""What a worker's image installs: small, without torch and Ray, and it scores."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from fusionlog import releases
from fusionlog.embedding.encoder import Encoder
from tests.detector.graphs import make_onnx
from tests.encoders import make_encoder
from tests.factories import make_release, make_window

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


@pytest.fixture(scope="module")
def worker_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a venv with nothing but `.[agents]`, at the pinned versions."""
    venv = tmp_path_factory.mktemp("worker") / "venv"
    python = venv / "bin" / "python"
    _run([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, str(venv)])
    constraints = ["--verify-hashes", "--constraint", str(ROOT / "constraints.txt")]
    _run(
        [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            "--quiet",
            "--python",
            str(python),
            *constraints,
            f"{ROOT}[agents]",
        ]
    )
    return python


@pytest.mark.slow
def test_a_worker_installs_without_torch_and_ray_and_is_small(worker_python: Path) -> None:
    listed = _run([sys.executable, "-m", "uv", "pip", "list", "--quiet", "--python", str(worker_python)])
    installed = {line.split()[0].lower() for line in listed.splitlines() if line}
    assert {"onnxruntime", "faust-streaming", "aiokafka"} <= installed
    assert not {"torch", "ray", "sentence-transformers", "onnxruntime-gpu"} & installed
    size = sum(path.stat().st_size for path in worker_python.parents[1].rglob("*") if path.is_file())
    assert size < LIMIT_BYTES


@pytest.mark.slow
def test_a_worker_scores_a_window(worker_python: Path, tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "encoder")
    vectors = releases.pack_vectors(Encoder(encoder)(["disk full"]))
    release = make_release(("disk full", 0.9), encoder="words", onnx=make_onnx(), vectors=vectors)
    (tmp_path / "release.json").write_bytes(msgspec.json.encode(releases.sign(release, None)))
    (tmp_path / "window.json").write_bytes(msgspec.json.encode(make_window("disk full")))
    assert 0.0 <= float(_run([str(worker_python), "-c", PROGRAM, str(tmp_path)]).splitlines()[-1]) <= 1.0


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


IMPORTS = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"imblearn", "ray", "scipy", "sentence_transformers", "sklearn", "torch"}:
            raise ImportError(f"a worker has no {name}")

sys.meta_path.insert(0, Refuse())
import agents.explain, agents.ingest, agents.label, agents.score
import fusionlog.teachers.llm.teacher, fusionlog.teachers.offline.teacher
"""


def test_workers_import_nothing_of_the_training_extra() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
