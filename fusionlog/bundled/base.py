"""The bundled base release: trained on all bundled systems, for targets that are none of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.data.bundled import DATASETS
from fusionlog.data.systems import read_catalog
from fusionlog.errors import ModelError
from fusionlog.records import ModelRelease
from fusionlog.settings import SystemSettings
from fusionlog.types import FloatArray

FILE = Path(__file__).parent / "base.json.gz"
MANIFEST = FILE.with_name("base.manifest.json")
WORDS = FILE.with_name("base.words.npy")
"""The vectors of the words of its bank, which the offline teacher compares with: seconds to compute."""
BUILD = "python -m fusionlog.bundled.build"
"""The command that trains the bundled base, in a checkout; `make base` runs it."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The bundled base in a few lines: its version and digest, and what else must be equal for equal bits.

    `parsing` is the fingerprint of the parsing that it was trained under (`sources.parsing_fingerprint`), `made_with`
    the versions of the libraries that compute, and the CPU's instructions.
    """

    version: str
    created: float
    sha256: str
    parsing: str
    encoder: str
    made_with: dict[str, str]


def read_manifest() -> Manifest:
    """The manifest of the bundled base.

    :raises ModelError: it is not there, or cannot be read.
    """
    try:
        return msgspec.json.decode(MANIFEST.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise ModelError(f"{MANIFEST} cannot be read ({error}): install fusionlog again") from error


def read_base() -> ModelRelease:
    """The bundled base release, not signed.

    :raises ModelError: it is not there, or is not the one of its manifest.
    """
    release, manifest = releases.read_release(FILE), read_manifest()
    if release.sha256 != manifest.sha256:
        raise ModelError(f"{FILE} has the sha256 {release.sha256}, not {manifest.sha256}: install fusionlog again")
    return release


def read_word_vectors(encoder: str) -> FloatArray | None:
    """The vectors of the words of the base's bank, `[known, dim]`; None where they are of another encoder.

    :raises ModelError: they are not there, or cannot be read.
    """
    if encoder != read_manifest().encoder:
        return None
    try:
        return releases.unpack_vectors(WORDS.read_bytes())
    except OSError as error:
        raise ModelError(f"{WORDS} cannot be read ({error}): install fusionlog again") from error


def refuse_targets(release: ModelRelease, targets: Mapping[str, SystemSettings]) -> None:
    """Refuse a base for targets whose labels it was trained on.

    :raises ModelError: naming the first of them.
    """
    for name, target in targets.items():
        same = sources_like(name, target, release)
        if same:
            others = "".join(f" --source {source}" for source in release.lineage.sources if source not in same)
            raise ModelError(
                f"the base {release.version} was trained on {', '.join(release.lineage.sources)}, and target {name} of "
                "FUSIONLOG_SYSTEMS_FILE is one of them by its name or settings; no label of a target is ever used: "
                f"train a base on the others  (fusionlog meta-train{others})  or, where {name} is another system, give "
                "it a name and a description of its own"
            )


def sources_like(name: str, target: SystemSettings, release: ModelRelease) -> set[str]:
    """The sources of a release that a target may be: of its name, or a bundled one with its settings, renamed."""
    catalog, own = read_catalog(DATASETS), _without_method(target)
    renamed = {each for each, system in catalog.items() if _without_method(system) == own}
    return {source for source in release.lineage.sources if source == name or source in renamed}


def _without_method(system: SystemSettings) -> SystemSettings:
    return system.model_copy(update={"method": None})


def stamped(release: ModelRelease, now: float) -> ModelRelease:
    """The release as made at a time, with its digest."""
    version = releases.new_version(now, release.system)
    return releases.sign(replace(release, created=now, version=version), None)
