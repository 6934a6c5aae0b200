"""The sessions of the canary: a name has the kind and the time of a session, from which any reader computes its age."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, cast

from fusionlog.records import Seconds
from fusionlog.settings.canary import LINES

Kind = Literal["anomaly", "normal"]

_NAME = re.compile(r"(\d{1,15})-(anomaly|normal)-(\w{1,32})")


class Session(NamedTuple):
    """A session of the canary.

    :param sent_at: Unix time, to the millisecond.
    :param sender: the process that sends it, of several.
    """

    sent_at: Seconds
    kind: Kind
    sender: str

    @property
    def name(self) -> str:
        """The session's key in its lines, as `1764298800123-anomaly-3fa2b1`."""
        return f"{self.sent_at * 1000:.0f}-{self.kind}-{self.sender}"

    def lines(self, text: str) -> list[bytes]:
        """The lines of the session: the same text in each."""
        return [f"{self.name} {text}".encode()] * LINES


def session_of(name: str) -> Session | None:
    """The session of this name; None where it is none of the canary's."""
    found = _NAME.fullmatch(name)
    return Session(int(found[1]) / 1000, cast("Kind", found[2]), found[3]) if found else None
