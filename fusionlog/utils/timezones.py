"""Time zones by name or offset: `Europe/Berlin`, `UTC`, `+01:00`, `+0530`, `UTC-3`."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?", re.IGNORECASE)
_ZERO = frozenset({"UTC", "GMT", "Z", "UT"})


def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name or an offset from UTC.

    :raises ValueError: there is none of that name, or the offset is a day or more.
    """
    if name.upper() in _ZERO:
        return UTC
    if found := _OFFSET.fullmatch(name):
        return offset_of(*found.groups())
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is no time zone: give an IANA name, as Europe/Berlin, or an offset, as +01:00"
        ) from None


def offset_of(sign: str, hours: str, minutes: str | None = None) -> timezone:
    """The zone of an offset.

    :raises ValueError: it is a day or more, or has 60 minutes.
    """
    if int(minutes or 0) > 59:
        raise ValueError(f"an offset has no {minutes} minutes")
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-offset if sign == "-" else offset)
