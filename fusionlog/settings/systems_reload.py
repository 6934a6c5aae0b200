"""The systems file while a worker runs: read again when it changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fusionlog.settings.systems import SystemSettings
from fusionlog.settings.systems_file import read_systems

Systems = dict[str, SystemSettings]
Stamp = tuple[int, int, int, int] | None
"""What shows that a file is another one: device, inode, size, time of the last change; None: it is not there."""


@dataclass(frozen=True)
class SystemsChange:
    """The names of the systems that a file has new, has no longer, and has otherwise than before; sorted.

    `methods` are those of the latter whose method is another one, which counts from the next start on.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is different."""
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        """The names by what became of them, `added mill; changed orders, shop`."""
        parts = (("added", self.added), ("removed", self.removed), ("changed", self.changed))
        return "; ".join(f"{what} {', '.join(names)}" for what, names in parts if names)


def difference(before: Mapping[str, SystemSettings], after: Mapping[str, SystemSettings]) -> SystemsChange:
    """What is different between two states of a systems file."""
    common = sorted(before.keys() & after.keys())
    return SystemsChange(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(name for name in common if before[name] != after[name]),
        methods=tuple(name for name in common if before[name].method != after[name].method),
    )


def with_methods_of(before: Mapping[str, SystemSettings], after: Systems) -> Systems:
    """Systems with the methods that those of them had before which were there."""
    return {
        name: system.model_copy(update={"method": before[name].method}) if name in before else system
        for name, system in after.items()
    }


def stamp(path: Path) -> Stamp:
    """The stamp of a file; a link, as of a mounted ConfigMap, is followed."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class SystemsFile:
    """A systems file that may change.

    :raises SettingError: it cannot be read, or a name or value in it is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._stamp = path, stamp(path)
        self.systems = read_systems(path)
        """The systems of the file when it was read last."""

    def reread(self) -> Systems | None:
        """The systems of the file where it is another one than when it was read last; None where it is not.

        :raises SettingError: it cannot be used; raised once for each state of the file.
        """
        now = stamp(self._path)
        if now == self._stamp:
            return None
        self._stamp = now
        self.systems = read_systems(self._path)
        return self.systems
