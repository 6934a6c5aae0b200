"""Train the bundled base on all bundled systems and write it into this checkout: `python -m fusionlog.bundled.build`.

Needs `fusionlog[train]`, no Ray and no Kafka, and takes a minute or two. The settings are the defaults, whatever the
environment has. Equal bits need equal code and data, the library versions of the manifest, one thread (which is set
here) and a CPU with the same instructions. A base that did not change keeps its version.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from importlib.metadata import version

import msgspec
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.bundled.base import BUILD, FILE, MANIFEST, WORDS, Manifest, read_manifest, stamped
from fusionlog.data.bundled import CHECKOUT, DATASETS
from fusionlog.data.sources import Source, read_source
from fusionlog.data.systems import read_catalog
from fusionlog.detector.examples import Example
from fusionlog.distillation.base_model import base_release
from fusionlog.distillation.source_regressions import fit_offline, with_offline_fit
from fusionlog.embedding.encoder import Encoder, VectorCache, find_encoder
from fusionlog.embedding.source import WHEEL
from fusionlog.errors import FusionLogError, MissingExtraError, ModelError
from fusionlog.records import ModelRelease
from fusionlog.settings import BaseTraining, DistillSettings, IngestSettings, load
from fusionlog.teachers.offline.label_transfer import LabelTransfer
from fusionlog.types import Encode, FloatArray
from fusionlog.utils.files import replace_file

LIBRARIES = ("torch", "numpy", "scipy", "onnxruntime", "tokenizers", "drain3")


def train(now: float) -> ModelRelease:
    """The base of all bundled systems, with its digest, not signed; on one thread.

    :param now: Unix time in seconds.
    :raises MissingExtraError: the train extra is not installed.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError as error:
        raise MissingExtraError("threadpoolctl", "train", "training the bundled base") from error
    settings, sources = DistillSettings(), read_sources()
    encoder = bundled_encoder()
    with threadpool_limits(1):
        base = base_release(sources, VectorCache(encoder), encoder.name, settings, _fit_all, now=now, job=BUILD)
        made = with_offline_fit(base, fit_offline(sources, encoder))
    return releases.sign(replace(made, lineage=replace(made.lineage, bundled=True)), None)


def read_sources() -> list[Source]:
    """The bundled systems as sources, in the order of their catalogue."""
    return [read_source(DATASETS, name, IngestSettings()) for name in read_catalog(DATASETS)]


def made_with() -> dict[str, str]:
    """The versions of the libraries that compute, and the instructions of the CPU that torch uses."""
    import torch

    return {name: version(name) for name in LIBRARIES} | {"cpu": torch.backends.cpu.get_cpu_capability()}


def manifest_of(release: ModelRelease) -> Manifest:
    """The manifest of a release that was trained now."""
    return Manifest(
        version=release.version, created=release.created, sha256=release.sha256, parsing=release.lineage.parsing,
        encoder=release.encoder, made_with=made_with(),
    )  # fmt: skip


def write(release: ModelRelease) -> None:
    """Write the release and its manifest into the package."""
    replace_file(FILE, releases.release_bytes(release))
    manifest = msgspec.json.format(msgspec.json.encode(manifest_of(release)), indent=2)
    replace_file(MANIFEST, manifest + b"\n")
    write_word_vectors(release)


def write_word_vectors(release: ModelRelease) -> None:
    """Write the vectors of the words of its bank into the package."""
    replace_file(WORDS, releases.pack_vectors(word_vectors(release, bundled_encoder())))


def bundled_encoder() -> Encoder:
    """The encoder of the wheel, whatever the environment has."""
    return Encoder(find_encoder(load(encoder=None, encoder_model=WHEEL)))


def word_vectors(release: ModelRelease, encode: Encode) -> FloatArray:
    """The vectors of the words of a bank, as the offline teacher computes them."""
    return LabelTransfer(release.bank, encode).vectors


def build() -> ModelRelease:
    """Train the base; write it under a new version where it is not the present one.

    :raises ModelError: this is no checkout.
    """
    if DATASETS != CHECKOUT:
        raise ModelError(f"{FILE} is part of an installed package: run  {BUILD}  in a checkout of FusionLog")
    before = _present()
    release = train(before.created if before else time.time())
    if before is None or release.sha256 != before.sha256 or not FILE.is_file():
        release = stamped(release, time.time())
        write(release)
    return release


def _present() -> Manifest | None:
    return read_manifest() if MANIFEST.is_file() else None


def _fit_all(jobs: Sequence[Sequence[Example]], how: BaseTraining = "erm", /) -> list[bytes]:
    from fusionlog.detector.fitting import model

    return [model(examples, DistillSettings(), how) for examples in jobs]


if __name__ == "__main__":
    try:
        made = build()
    except FusionLogError as failure:
        sys.exit(f"fusionlog: {failure}")
    print(f"{FILE.name} is {made.version}, {made.sha256}")
