"""The base of every record, and the types of its fields."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

VERSION = 2
"""The version of the records (see CHANGELOG.md)."""

Probability = Annotated[float, Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, Meta(ge=0.0, lt=253402300800.0, description="Unix time in seconds, before the year 10000")]
Duration = Annotated[float, Meta(ge=0.0, description="Duration in seconds")]
Weight = Annotated[float, Meta(ge=0.0)]
Count = Annotated[int, Meta(ge=1, lt=2**31)]
Partition = Annotated[int, Meta(ge=0, lt=2**31)]
Offset = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Index = Annotated[int, Meta(ge=0, lt=2**31)]
Sum = Annotated[int, Meta(ge=0, le=2**53)]
Money = Annotated[float, Meta(ge=-1.0, le=1e12, description="below 0 by what rounding leaves")]
SystemName = Annotated[str, Meta(min_length=1, max_length=200)]
MAX_EVENTS = 10_000
"""Distinct events of a window, at most."""
ClosedBy = Literal["idle", "size", "count", "silence", "overflow"]
"""`overflow`: more sessions were open in the partition than FUSIONLOG_INGEST__MAX_OPEN_SESSIONS."""
SpendingRole = Literal["label", "explain"]


class Record(Struct, frozen=True, kw_only=True):
    """Base of every record."""

    v: Annotated[int, Meta(ge=VERSION, description="Version of the record.", examples=[VERSION])] = VERSION
