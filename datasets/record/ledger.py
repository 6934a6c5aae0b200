"""Who caused what: the injector's own book, from which alone the labels come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key")


@dataclass
class Incident:
    """An injected fault, or a planned piece of routine, and when it was active (seconds since the epoch)."""

    name: str
    fault: bool
    start: float
    end: float = float("inf")


class Ledger(Generic[Key]):
    """Incidents, and the clients they struck. A key is whatever identifies a client to its recorder.

    :param settle_s: how long after an incident's end a client may still break because of it, in seconds.
    """

    def __init__(self, settle_s: float = 2.0) -> None:
        self.settle_s = settle_s
        self.incidents: list[Incident] = []
        self.struck: dict[Key, Incident] = {}
        self.unexplained: list[tuple[Key, str]] = []
        self._lock = threading.Lock()

    @contextmanager
    def incident(self, name: str, fault: bool = True) -> Iterator[Incident]:
        """Open an incident; it ends with the block, however that ends."""
        entry = Incident(name, fault, time.time())
        with self._lock:
            self.incidents.append(entry)
        try:
            yield entry
        finally:
            entry.end = time.time()

    def blame(self, key: Key, incident: Incident) -> None:
        """`key` was the target of `incident` itself. A fault outweighs routine."""
        with self._lock:
            known = self.struck.get(key)
            if known is None or (incident.fault and not known.fault):
                self.struck[key] = incident

    def note(self, key: Key, why: str) -> None:
        """Book a planned deviation of `key`: routine."""
        self.blame(key, Incident(why, False, time.time()))

    def broken(self, key: Key, reason: str, when: float | None = None) -> None:
        """The client `key` left its plan at `when`: put it down to the incident of that moment."""
        incident = self.at(time.time() if when is None else when)
        if incident:
            self.blame(key, incident)
        else:
            with self._lock:
                self.unexplained.append((key, reason))

    def at(self, when: float) -> Incident | None:
        """The incident active (or just over) at `when`; what is active outweighs what is just over."""
        with self._lock:
            near = [i for i in self.incidents if i.start <= when <= i.end + self.settle_s]
        return max(near, key=lambda i: (i.end >= when, i.fault, i.start), default=None)
