"""Names of hosts and users that the header of a line has in fields of their own, as `<Host>` in that of syslog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache

from fusionlog.parsing.headers import Fields, Header
from fusionlog.settings import SystemSettings
from fusionlog.settings.systems import FormatName
from fusionlog.utils.redaction.grammar import word_set
from fusionlog.utils.redaction.names import NameKind

HeaderNames = tuple[tuple[NameKind, str], ...]

_HOSTS = word_set("host hostname node server machine computer vhost client peer remote")
_USERS = word_set("user username login account ident")
_FIELD = re.compile(r"<(\w+)\??>")
_USED = ("session_field", "time_field", "date_field")
"""The settings that name a field whose place is kept: so many fields of a format can be looked up."""


def header_names(line: str, system: SystemSettings) -> HeaderNames:
    """The names of hosts and users in the header of a line, each with its kind."""
    if not (system.header or system.header_regex or system.format):
        return ()
    header = _header(system.header, system.header_regex, system.format)
    if header is None:
        return ()
    fields = header.split(line)
    return (*_named(line, fields, _HOSTS, "host"), *_named(line, fields, _USERS, "user"))


def _named(line: str, fields: Fields, names: AbstractSet[str], kind: NameKind) -> Iterator[tuple[NameKind, str]]:
    for name in sorted(names):
        place = fields.place(name)
        if place is not None:
            yield kind, line[place]


@lru_cache(256)
def _header(format: str | None, expression: str | None, preset: FormatName | None) -> Header | None:
    """A header whose fields of names have groups; None where it has no such field."""
    if format is None:
        return Header(SystemSettings.model_construct(header_regex=expression, format=preset))
    named = [name for name in _FIELD.findall(format) if name.lower() in _HOSTS | _USERS][: len(_USED)]
    if not named:
        return None
    return Header(SystemSettings.model_construct(header=format, **dict(zip(_USED, named, strict=False))))
