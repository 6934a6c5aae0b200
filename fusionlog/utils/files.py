"""Output files of commands: atomic replacement, and errors that name the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fusionlog.errors import WriteError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A context for writing to a file or directory; turns the system's errors into ours.

    :raises WriteError: the operating system refuses.
    """
    try:
        yield
    except OSError as error:
        raise WriteError(error.filename or path, error.strerror or str(error)) from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file atomically: beside it first, then renamed to its place.

    :raises WriteError: the operating system refuses.
    """
    half = path.with_name(path.name + ".part")
    with writing(path):
        try:
            half.write_bytes(content)
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)
