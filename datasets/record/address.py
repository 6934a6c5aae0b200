"""Which client the server means by an address and port: ports come round again, so the moment counts too."""

from __future__ import annotations

import re
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

Item = TypeVar("Item")
Address = tuple[str, int, float]
"""Host, port, and when the connection was made (seconds since the epoch)."""


def address_of(link: socket.socket) -> Address:
    """The address of our end of a connection just made."""
    host, port = link.getsockname()[:2]
    return host, port, time.time()


class Directory:
    """Sessions by the address of their client, as read from a server's log."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], list[tuple[float, str]]] = defaultdict(list)

    def add(self, address: Address, session: str) -> None:
        """The server's log says that `session` began from `address`."""
        host, port, when = address
        self._found[host, port].append((when, session))

    def find(self, address: Address) -> str | None:
        """The session that began from that host and port nearest in time, within five seconds."""
        host, port, when = address
        near = min(self._found.get((host, port), []), key=lambda entry: abs(entry[0] - when), default=None)
        return near[1] if near and abs(near[0] - when) < 5 else None

    def named(self, items: Mapping[Address, Item]) -> dict[str, Item]:
        """The same items by session; what has none is left out."""
        found = ((self.find(address), item) for address, item in items.items())
        return {session: item for session, item in found if session is not None}


def directory(
    lines: Iterable[str], connected: str, key: Callable[[str], str | None], written: Callable[[str], float]
) -> Directory:
    """The sessions that a server's log tells of.

    :param connected: pattern of a line on a new client, with its host and port as groups.
    :param key: the session of a line; `written`: when it was written, in seconds since the epoch.
    """
    found = Directory()
    for line in lines:
        match, session = re.search(connected, line), key(line)
        if match and session:
            found.add((match[1], int(match[2]), written(line)), session)
    return found
