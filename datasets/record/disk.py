"""A small disk (tmpfs) that can be filled, and is always unmounted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.record.process import run


@contextmanager
def small_disk(path: Path, size_mib: int) -> Iterator[Path]:
    """Mount a tmpfs of `size_mib` MiB on `path`; unmounted when the block ends."""
    path.mkdir(parents=True, exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "recorder", str(path)])
    try:
        yield path
    finally:
        run(["umount", "--lazy", str(path)])


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Fill `disk` to the last block for as long as the block runs."""
    ballast = disk / ".ballast"
    try:
        with ballast.open("wb", buffering=0) as sink:
            _write_until_full(sink)
        yield
    finally:
        ballast.unlink(missing_ok=True)


def _write_until_full(sink) -> None:  # type: ignore[no-untyped-def]
    for size in (1 << 20, 1 << 12):
        try:
            while True:
                sink.write(b"\0" * size)
        except OSError:
            continue
