"""The sessions of a line: by its own keys or those of its source, without those that have it in an emitted window."""

from __future__ import annotations

from collections.abc import Hashable

from msgspec.structs import replace

from fusionlog.parsing.parser import Event
from fusionlog.parsing.windows import Membership
from fusionlog.records import Seconds
from fusionlog.settings import SystemSettings
from fusionlog.types import Position
from fusionlog.workers.ingest.resume_state import CoveredLines
from fusionlog.workers.ingest.source_keys import SourceKeys
from fusionlog.workers.ingest.tally import Batch


class Sessions:
    """Finds the sessions that the lines of one partition are to be added to."""

    def __init__(self, settings: SystemSettings, covered: CoveredLines | None) -> None:
        self.by_key = settings.window.by == "session"
        self._keys = SourceKeys(settings.window.idle_seconds) if self.by_key and settings.inherit else None
        self._covered = covered

    @property
    def are_own(self) -> bool:
        """Whether a line's sessions are those of its event, whatever came before."""
        return self._covered is None and self._keys is None

    @property
    def inherits(self) -> bool:
        """Whether a line may need an earlier one for its key."""
        return self._keys is not None

    def of(
        self, event: Event, position: Position, source: Hashable, moment: Seconds, batch: Batch
    ) -> tuple[Event, Membership] | None:
        """A line's event with the sessions that it is to be added to; None where there is none, which is counted."""
        keys, anchor = self._keys_of(event, position, source, moment, batch)
        if not keys:
            batch.dropped += 1
            return None
        left = keys
        if self._covered is not None:
            left = tuple(key for key in keys if not self._covered.covers(key, position))
            if position > self._covered.last:
                self._covered = None
        counted = left[:1] == keys[:1]
        batch.repeated += not counted
        if not left:
            return None
        if self.by_key and left != (event.session, *event.more):
            event = replace(event, session=left[0], more=tuple(key for key in left[1:] if key))
        return event, Membership(anchor, counted)

    def first_needed(self, next_offset: int) -> Position | None:
        """The first position whose keys may still be inherited."""
        return self._keys.first_needed(next_offset) if self._keys is not None else None

    def forget(self) -> None:
        """Forget what lines may inherit: the partition was silent for longer than a session waits."""
        if self._keys is not None:
            self._keys.forget()

    def _keys_of(
        self, event: Event, position: Position, source: Hashable, moment: Seconds, batch: Batch
    ) -> tuple[tuple[str | None, ...], Position]:
        """The session keys of a line, its own or those of its source, and the position that they are from."""
        if not self.by_key:
            return (None,), position
        if event.session:
            keys = (event.session, *event.more)
            if self._keys is not None:
                self._keys.give(source, keys, position, moment)
            return keys, position
        inherited = self._keys.inherit(source, position, moment) if self._keys is not None else None
        if inherited is None:
            return (), position
        batch.inherited += 1
        return inherited
