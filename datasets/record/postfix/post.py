"""Messages with their planned end, and what became of them: the book from which the labels come."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from datasets.record.address import Address
from datasets.record.ledger import Incident

SOON_S = 1.2
"""A step that takes longer than this is late. A healthy one takes far less than a second, a second try more than
this."""


@dataclass
class Hop:
    """One passage of a message through the queue, known by its client's address.

    :param client: whose connection brought the message.
    :param due: recipients that must be reached from here (for the first hop: the filter), at once.
    """

    client: Address
    began: float
    due: tuple[str, ...]
    reached: list[tuple[str, float]] = field(default_factory=list)
    patient: bool = False

    def fault(self) -> str | None:
        """How the hop departed from its plan (`lost`, `late`, `twice`), or None."""
        for recipient in self.due:
            times = sorted(when for name, when in self.reached if name == recipient)
            if not times:
                return "lost"
            if len(times) > 1:
                return "twice"
            if not self.patient and times[0] - self.began > SOON_S:
                return "late"
        return None


@dataclass
class Post:
    """All hops of a recording, and when notifications of returned mail reached a mailbox, by their queue id."""

    first: dict[str, Hop] = field(default_factory=dict)
    second: dict[str, list[Hop]] = field(default_factory=dict)
    notes: dict[Address, str] = field(default_factory=dict)
    struck: dict[Address, Incident] = field(default_factory=dict)
    struck_ids: dict[str, Incident] = field(default_factory=dict)
    returned: dict[str, float] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    wanted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    patient: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sent(self, name: str, client: Address, due: tuple[str, ...], patient: bool, scanned: bool) -> None:
        """A client sent message `name`; `due` are the recipients that must get it, `scanned` when the filter must."""
        with self._lock:
            self.first[name] = Hop(client, time.time(), ("filter",) if scanned else ())
            self.wanted[name] = due
            if patient:
                self.patient.add(name)

    def filtered(self, name: str, client: Address) -> None:
        """The filter gave message `name` back."""
        now = time.time()
        with self._lock:
            if name in self.first:
                self.first[name].reached.append(("filter", now))
                self.second.setdefault(name, []).append(
                    Hop(client, now, self.wanted[name], patient=name in self.patient)
                )

    def delivered(self, name: str, recipient: str, when: float) -> None:
        """`recipient` got message `name`: of several second hops, from the first that had not reached it yet."""
        with self._lock:
            hops = [hop for hop in self.second.get(name, []) if hop.began <= when + 0.05]
            waiting = [hop for hop in hops if recipient not in dict(hop.reached)]
            for hop in (waiting or hops[-1:])[:1]:
                hop.reached.append((recipient, when))
