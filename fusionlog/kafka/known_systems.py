"""Which systems a worker keeps state for: those of the systems file; without a file, so many that records name."""

from __future__ import annotations

from fusionlog.errors import RecordError
from fusionlog.kafka.systems_reload import reread
from fusionlog.settings import Settings
from fusionlog.topics import CANARY

MOST = 1_000
"""Systems without a systems file, at most: each costs some hundred kB, and any record may name one."""


class KnownSystems:
    """The systems of a worker, the canary's among them.

    A systems file that has changed is read again before a system is refused. Without a file those are known that come
    first, `MOST` of them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._file = settings, settings.systems_file
        self._names = set[str]()
        """Those that became known without a file."""

    def has(self, system: str) -> bool:
        """Whether a system is known; without a file, a new one becomes known while there is room."""
        if system == CANARY or system in self._settings.described:
            return True
        if self._file is not None:
            return reread(self._settings) is not None and system in self._settings.described
        if len(self._names) < MOST:
            self._names.add(system)
        return system in self._names

    def check(self, system: str) -> None:
        """Refuse a record of a system that is not known.

        :raises RecordError: `unknown-system`.
        """
        if self.has(system):
            return
        if self._file is None:
            raise RecordError(
                "unknown-system", f"{system[:100]} is one of more than {MOST}: set FUSIONLOG_SYSTEMS_FILE"
            )
        raise RecordError(
            "unknown-system",
            f"{system[:100]} is not in {self._file} (FUSIONLOG_SYSTEMS_FILE): add it there, and replay the dead letter",
        )
