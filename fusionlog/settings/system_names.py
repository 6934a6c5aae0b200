"""The check of a system's name that a command was given: a misspelt one is no system without records."""

from __future__ import annotations

from collections.abc import Iterable

from fusionlog.errors import SettingError
from fusionlog.releases import BASE
from fusionlog.settings.environment import Settings
from fusionlog.topics import CANARY
from fusionlog.utils.suggestions import suggestion


def refuse_unknown(settings: Settings, system: str | None, recorded: Iterable[str] = ()) -> None:
    """Refuse a system that is neither in the systems file nor in a record; without either, any is accepted.

    :param system: None: no system was named.
    :param recorded: the systems that have records, of one that left the systems file among them.
    :raises SettingError: naming the most similar known system.
    """
    others = set(recorded)
    known = {*settings.described, *others} - {BASE, CANARY}
    if system is None or not known or system in {*known, *others, BASE, CANARY}:
        return
    place = f"it is not in {settings.systems_file}" if settings.systems_file else "no record is of it"
    raise SettingError("--system", system, f"{place}; {suggestion(system, known)}")
