"""The bundled base release: trained on all bundled systems, for targets that are none of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.bundled.data import DATASETS
from fusionlog.data.systems import read_catalog
from fusionlog.errors import ModelError
from fusionlog.records import ModelRelease
from fusionlog.settings import SystemSettings

FILE = Path(__file__).parent / "base.json.gz"
MANIFEST = FILE.with_name("base.manifest.json")
BUILD = "python -m fusionlog.bundled.build"
"""The command that trains the bundled base, in a checkout."""


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


def refuse_targets(release: ModelRelease, targets: dict[str, SystemSettings]) -> None:
    """Refuse targets whose labels a base was trained on: systems of a source's name, or bundled ones renamed.

    A renamed one has the settings of a bundled system that is a source of the release, the method aside.

    :raises ModelError: naming the first of them.
    """
    known = [_without_method(one) for name, one in read_catalog(DATASETS).items() if name in release.lineage.sources]
    for name, target in targets.items():
        if name in release.lineage.sources or _without_method(target) in known:
            others = [source for source in release.lineage.sources if source != name]
            raise ModelError(
                f"the base {release.version} was trained on {', '.join(release.lineage.sources)}, and target {name} of "
                "FUSIONLOG_SYSTEMS_FILE is one of them by its name or settings; no label of a target is ever used: train "
                f"a base on the others (fusionlog meta-train{''.join(f' --source {source}' for source in others)}), or, "
                f"where {name} is another system, give it a name and a description of its own"
            )


def _without_method(system: SystemSettings) -> SystemSettings:
    return system.model_copy(update={"method": None})


def stamped(release: ModelRelease, now: float) -> ModelRelease:
    """The release as made at a time, with its digest."""
    version = releases.new_version(now, release.system)
    return releases.sign(replace(release, created=now, version=version), None)
