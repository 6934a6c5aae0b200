"""Files that a command writes for a user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fusionlog.errors import WriteError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """While a file is written, or what lies in a directory.

    :raises WriteError: the operating system refuses.
    """
    try:
        yield
    except OSError as error:
        raise WriteError(error.filename or path, error.strerror or str(error)) from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file that is never there by half: beside it first, then in its place.

    :raises WriteError: the operating system refuses.
    """
    half = path.with_name(path.name + ".part")
    with writing(path):
        try:
            half.write_bytes(content)
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)
