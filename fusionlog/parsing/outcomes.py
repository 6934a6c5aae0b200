"""What all lines of a component and a masked content have in common: the event, and where they have quantities."""

from __future__ import annotations

from typing import NamedTuple

from fusionlog.parsing.quantity_memo import Rule
from fusionlog.parsing.templates import MatchedCluster


class KnownEvent(NamedTuple):
    """An event, and the line that it was first found in. `replaces` is the id of the one that it generalises."""

    id: str
    text: str
    example: str
    replaces: str | None
    constants: tuple[int, ...] = ()


class Outcome(NamedTuple):
    """The outcome of mining, valid as long as the match stands; None: it did not stand."""

    standing: MatchedCluster | None
    event: KnownEvent
    rule: Rule
