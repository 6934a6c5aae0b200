"""Where a recording is made: a folder that is gone afterwards, and a small disk in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datasets.record.disk import small_disk


@dataclass(frozen=True)
class Place:
    """The folder of one recording, the server's `home` in it, and a `disk` that can run full."""

    folder: Path
    home: Path
    disk: Path

    def read(self, log: Path) -> str:
        """The text of a log, with `/srv` for the folder."""
        return log.read_text("utf-8", "replace").replace(str(self.folder), "/srv")


@contextmanager
def place(disk: str, size_mib: int) -> Iterator[Place]:
    """Make the folder, and mount its small disk of `size_mib` MiB under the name `disk`; both go with the block."""
    with tempfile.TemporaryDirectory(prefix="record-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # servers run under their own accounts
        home = folder / "home"
        home.mkdir()
        with small_disk(folder / disk, size_mib) as small:
            yield Place(folder, home, small)
