"""The bundled base: whole, of today's parsing, and never for a target whose labels it was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.bundled import base
from fusionlog.bundled.base import BUILD, MANIFEST, read_base, read_manifest, read_word_vectors, refuse_targets, stamped
from fusionlog.bundled.build import bundled_encoder, read_sources
from fusionlog.data.bundled import DATASETS
from fusionlog.data.sources import parsing_fingerprint
from fusionlog.data.systems import read_catalog
from fusionlog.embedding.source import BUNDLED
from fusionlog.errors import ModelError
from fusionlog.online.knowledge import Knowledge
from fusionlog.releases import BASE
from fusionlog.settings import SystemSettings
from fusionlog.teachers.offline.label_transfer import LabelTransfer
from tests.encoders import WordEncoder


def test_parsing_has_not_changed_since_the_base_was_trained() -> None:
    now = parsing_fingerprint(read_sources())
    assert now == read_manifest().parsing, (
        "parsing gives lines of the bundled systems other events than when the bundled base was trained: "
        f"make it again by  {BUILD}  and commit {MANIFEST.parent.name}/base.*"
    )


def test_the_base_is_whole_of_all_bundled_systems_and_of_the_bundled_encoder() -> None:
    release, manifest = read_base(), read_manifest()
    releases.verify(release, None)
    assert (release.system, release.encoder, release.signature) == (BASE, BUNDLED, None)
    assert release.lineage.sources == sorted(read_catalog(DATASETS))
    assert {event.system for event in release.bank} == set(read_catalog(DATASETS))
    assert release.lineage.bundled
    assert release.offline_teacher is not None and release.novelty is not None
    assert (release.version, release.lineage.parsing) == (manifest.version, manifest.parsing)
    assert manifest.encoder == release.encoder


def test_the_vectors_of_the_words_are_those_that_the_encoder_gives() -> None:
    release, encode = read_base(), bundled_encoder()
    bundled, known = read_word_vectors(encode.name), LabelTransfer(release.bank, WordEncoder()).words
    assert bundled is not None and len(bundled) == len(known)
    assert np.allclose(encode(known[::50]), bundled[::50], atol=1e-4), f"make them again by  {BUILD}"
    assert read_word_vectors("another") is None


def test_a_base_that_is_not_the_one_of_its_manifest_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = releases.sign(replace(read_base(), tau=0.5), None)
    (tmp_path / "base.json.gz").write_bytes(releases.release_bytes(other))
    monkeypatch.setattr(base, "FILE", tmp_path / "base.json.gz")
    with pytest.raises(ModelError, match=r"base\.json\.gz has the sha256 .*: install fusionlog again"):
        read_base()


def test_a_base_made_later_has_another_version_and_digest_and_the_same_content() -> None:
    release = read_base()
    later = stamped(release, release.created + 60)
    assert later.version > release.version and later.sha256 != release.sha256
    assert stamped(later, release.created) == release


@pytest.mark.parametrize("name", ["kafka", "postfix", "postgresql", "rabbitmq"])
def test_a_bundled_system_is_no_target_of_the_bundled_base(name: str) -> None:
    release = read_base()
    settings = read_catalog(DATASETS)[name].model_copy(update={"method": "generallog"})
    with pytest.raises(ModelError, match=f"on .*{name}.* target {name} .*fusionlog meta-train --source") as failed:
        refuse_targets(release, {"shop": SystemSettings(), name: SystemSettings()})
    assert f"--source {name}" not in str(failed.value)
    with pytest.raises(ModelError, match="target renamed of FUSIONLOG_SYSTEMS_FILE") as failed:
        refuse_targets(release, {"renamed": settings})
    assert f"--source {name}" not in str(failed.value)
    with pytest.raises(ModelError, match=f"was trained on labels of {name}"):
        Knowledge(name, WordEncoderOf(release.encoder)).adopt(release)


def test_a_system_of_its_own_is_a_target_of_the_bundled_base() -> None:
    release = read_base()
    refuse_targets(release, {"shop": SystemSettings(description="PostgreSQL of another shop")})
    refuse_targets(release, {})
    assert Knowledge("shop", WordEncoderOf(release.encoder)).adopt(release)


class WordEncoderOf(WordEncoder):
    """An encoder under another's name, with vectors of its length."""

    def __init__(self, name: str) -> None:
        super().__init__(*(f"word{number}" for number in range(384)))
        self.name = name  # type: ignore[misc]
