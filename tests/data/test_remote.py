"""Labelled systems at a URL: what a job needs of them is copied here, and what cannot be read is one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fusionlog.data.remote import directories, is_url, local_file
from fusionlog.data.sources import read_source
from fusionlog.data.systems import read_catalog
from fusionlog.errors import DataError, SettingError
from fusionlog.settings import IngestSettings
from tests.evaluation.factories import write_data

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[str]:
    """A URL of three labelled systems, in this process's memory."""
    files = fsspec.filesystem("memory")
    files.put(str(write_data(tmp_path / "data")), "/bucket", recursive=True)
    yield "memory://bucket"
    files.rm("/bucket", recursive=True)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("s3://bucket/labelled", True), ("memory://x", True), ("file:///data", True), ("zip::s3://bucket/a.zip", True),
        ("gs://b", True), ("/data/labelled", False), ("data", False), ("./a:b", False), ("../x://y", False),
    ],
)  # fmt: skip
def test_a_url_is_told_from_a_path_by_its_scheme(place: str, expected: bool) -> None:
    assert is_url(place) is expected


def test_a_system_at_a_url_is_the_same_as_on_the_disk(bucket: str, tmp_path: Path) -> None:
    with directories([f"{bucket}/"]) as (found,):
        assert list(read_catalog(found.path)) == ["shop", "mill", "farm"]
        found.fetch("shop")
        source = read_source(found.path, "shop", IngestSettings())
        assert not (found.path / "mill").exists(), "what is not needed stays where it is"
    here = read_source(tmp_path / "data", "shop", IngestSettings())
    assert source == here
    assert not found.path.exists()


def test_a_directory_is_read_where_it_is(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    with directories([str(data)]) as (found,):
        found.fetch("shop")
        assert found.path == data
    assert data.exists()


def test_a_file_url_is_read(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    with directories([data.as_uri()]) as (found,):
        assert "shop" in read_catalog(found.path)
    with local_file((data / "shop" / "labels.csv").as_uri()) as labels:
        assert labels.read_bytes() == (data / "shop" / "labels.csv").read_bytes()


def test_a_url_without_a_catalogue_or_a_system_is_named(bucket: str) -> None:
    with (
        pytest.raises(DataError, match=r"memory://nowhere/systems.yaml: no such file"),
        directories(["memory://nowhere"]),
    ):
        pass
    fsspec.filesystem("memory").rm("/bucket/shop/labels.csv")
    with (
        directories([bucket]) as (found,),
        pytest.raises(DataError, match=r"memory://bucket/shop/labels.csv: no such file"),
    ):
        found.fetch("shop")


@pytest.mark.parametrize("place", ["nosuch://bucket/labelled", "http3://x"])
def test_a_scheme_that_nobody_knows_is_a_setting(place: str) -> None:
    with pytest.raises(SettingError, match="--sources") as raised, directories([place]):
        pass
    assert place in str(raised.value)


def test_a_store_whose_package_is_missing_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(place: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(DataError, match=r"needs another package \(Install s3fs to access S3\); install it in Ray"), \
            directories(["s3://bucket"]):  # fmt: skip
        pass


@pytest.mark.parametrize("place", ["s3://key:hush@bucket/x", "https://host/data?token=hush"])
def test_a_login_in_a_url_is_refused_and_not_shown(place: str) -> None:
    with pytest.raises(SettingError) as raised, directories([place]):
        pass
    assert "hush" not in str(raised.value) and "environment of Ray's nodes" in str(raised.value)


def test_whatever_a_store_raises_is_one_sentence_without_a_login(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise ValueError("AccessDenied\nsee https://me:hush@host/")

    monkeypatch.setattr(fsspec.filesystem("memory"), "get_file", denied, raising=False)
    with pytest.raises(DataError, match=r"it cannot be read .AccessDenied") as raised, directories([bucket]):
        pass
    assert "hush" not in str(raised.value) and "\n" not in str(raised.value)
