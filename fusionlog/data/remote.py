"""Labelled systems at a URL: what a job needs of them is copied to this machine, by fsspec.

A directory is read where it is. `s3://`, `gs://` and `abfs://` need the package of their object store beside fsspec;
credentials come from where that package looks for them, never from the URL.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fusionlog.data.systems import FORM
from fusionlog.errors import DataError, MissingExtraError, SettingError
from fusionlog.utils.masking import has_secret, masked_text, masked_url

CATALOG = "systems.yaml"
FILES = ("sessions.jsonl.gz", "labels.csv")
"""The files of a system that a source is read from."""
CREDENTIALS = "give the credentials in the environment of Ray's nodes, as the object store's own client reads them"
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*(?:::|://)")


def is_url(place: str) -> bool:
    """Whether a place is a URL of fsspec and not a path."""
    return _URL.match(place) is not None


class Directory:
    """A data directory, or a URL of one, in the form of `datasets/README.md`.

    :param place: the directory or the URL.
    :param scratch: where files of a URL are copied to.
    :raises SettingError: the URL has a login in it.
    :raises DataError: it cannot be read, or has no `systems.yaml`.
    :raises MissingExtraError: fsspec is not installed.
    """

    def __init__(self, place: str, scratch: Path) -> None:
        self.place, self._remote = masked_url(place), is_url(place)
        self.path = scratch if self._remote else Path(place)
        if self._remote:
            self._files, self._root = _opened(place)
            self._copy(CATALOG)

    def fetch(self, system: str) -> None:
        """Copy the files of a system.

        :raises DataError: one cannot be read.
        """
        if self._remote:
            (self.path / system).mkdir(exist_ok=True)
            for name in FILES:
                self._copy(f"{system}/{name}")

    def _copy(self, name: str) -> None:
        copy(self._files, f"{self._root.rstrip('/')}/{name}", self.path / name, f"{self.place.rstrip('/')}/{name}")


@contextlib.contextmanager
def directories(places: Sequence[str]) -> Iterator[list[Directory]]:
    """Data directories; the copies of those at URLs last as long as the context.

    :raises SettingError, DataError, MissingExtraError: as `Directory`.
    """
    with contextlib.ExitStack() as stack:
        yield [Directory(place, Path(stack.enter_context(TemporaryDirectory("fusionlog")))) for place in places]


@contextlib.contextmanager
def local_file(place: str) -> Iterator[Path]:
    """A file at a path or a URL; the copy of one at a URL lasts as long as the context.

    :raises SettingError, DataError, MissingExtraError: as `Directory`.
    """
    if not is_url(place):
        yield Path(place)
        return
    files, path = _opened(place)
    with TemporaryDirectory("fusionlog") as scratch:
        target = Path(scratch) / "file"
        copy(files, path, target, masked_url(place))
        yield target


def copy(files: Any, path: str, target: Path, place: str) -> None:
    """Copy a file of a file system of fsspec.

    :param place: where it is, for messages.
    :raises DataError: it cannot be read.
    """
    try:
        files.get_file(path, str(target))
    except FileNotFoundError as error:
        raise DataError(place, "no such file", FORM) from error
    except Exception as error:  # an object store's client raises errors of its own
        raise DataError(place, f"it cannot be read ({_brief(error)})", CREDENTIALS) from error


def _opened(place: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    if has_secret(place):
        raise SettingError(
            "--sources", masked_url(place), f"a command is logged, and this URL has a login; {CREDENTIALS}"
        )
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise MissingExtraError("fsspec", "train", f"reading {place}") from error
    try:
        files, path = fsspec.core.url_to_fs(place)
    except ImportError as error:
        raise DataError(
            place, f"this URL needs another package ({_brief(error)})", "install it in Ray's image"
        ) from error
    except ValueError as error:
        known = "a directory, or a URL such as s3://bucket/labelled"
        raise SettingError("--sources", place, f"{_brief(error)}; it is {known}") from error
    except Exception as error:  # as above
        raise DataError(place, f"it cannot be opened ({_brief(error)})", CREDENTIALS) from error
    return files, str(path)


def _brief(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return masked_text(line)[:300]
