"""The command that makes the bundled base: the same code and data give the same base."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.bundled import base, build
from fusionlog.bundled.base import read_base, read_manifest
from fusionlog.errors import ModelError
from fusionlog.records import ModelRelease
from tests.encoders import WordEncoder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is built into in place of the package."""
    for module in (base, build):
        monkeypatch.setattr(module, "FILE", tmp_path / "base.json.gz")
        monkeypatch.setattr(module, "MANIFEST", tmp_path / "base.manifest.json")
        monkeypatch.setattr(module, "WORDS", tmp_path / "base.words.npy")
    monkeypatch.setattr(build, "bundled_encoder", WordEncoder)
    return tmp_path


def trained(monkeypatch: pytest.MonkeyPatch, release: ModelRelease) -> None:
    monkeypatch.setattr(build, "train", lambda now: base.stamped(release, now))


def test_a_base_that_did_not_change_keeps_its_version_and_another_one_gets_its_own(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = read_release()
    trained(monkeypatch, release)
    first = build.build()
    files = {path.name: path.read_bytes() for path in place.iterdir()}
    assert sorted(files) == ["base.json.gz", "base.manifest.json", "base.words.npy"]
    assert (build.build(), base.read_base()) == (first, first)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == files
    trained(monkeypatch, replace(release, tau=0.5))
    second = build.build()
    assert second.version > first.version and base.read_base() == second
    assert base.read_manifest() == build.manifest_of(second)


def test_an_installed_package_is_not_written_into(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "DATASETS", place)
    with pytest.raises(ModelError, match=r"installed package: run  python -m fusionlog\.bundled\.build  in a checkout"):
        build.build()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_bundled_base_is_what_its_command_makes() -> None:
    """Bit for bit under the manifest's libraries and CPU; elsewhere but for rounding."""
    bundled, manifest = read_base(), read_manifest()
    made = build.train(bundled.created)
    if build.made_with() == manifest.made_with:
        assert made.sha256 == manifest.sha256
        return
    assert (made.bank, made.lineage, made.encoder) == (bundled.bank, bundled.lineage, bundled.encoder)
    assert made.tau == pytest.approx(bundled.tau, abs=0.02)
    assert np.allclose(releases.bank_vectors(made), releases.bank_vectors(bundled), atol=1e-4)
    assert made.reference_auprc == pytest.approx(bundled.reference_auprc, abs=0.1)


def read_release() -> ModelRelease:
    return releases.read_release(Path(base.__file__).parent / "base.json.gz")


def test_a_manifest_that_cannot_be_read_is_named(place: Path) -> None:
    (place / "base.manifest.json").write_text("{}")
    with pytest.raises(ModelError, match=r"base\.manifest\.json cannot be read"):
        base.read_manifest()
