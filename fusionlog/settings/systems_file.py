"""Read the systems file: YAML, system name to its settings."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from types import NoneType

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fusionlog.errors import SettingError
from fusionlog.settings.systems import SystemSettings, WindowSettings
from fusionlog.settings.yaml_file import read_mapping
from fusionlog.topics import CANARY

SYSTEM_NAME = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,200}")
"""What Kafka allows in the name of a topic."""


def read_systems(path: Path) -> dict[str, SystemSettings]:
    """The systems that a YAML file describes.

    :raises SettingError: the file cannot be read, or a name or value in it is wrong.
    """
    return {name: _read_system(path, name, body) for name, body in yaml_mapping(path).items()}


def yaml_mapping(path: Path) -> dict[str, object]:
    """The entries of a systems file by name, not checked but for the name.

    :raises SettingError: the file cannot be read, is no mapping, or a name in it cannot be used.
    """
    tree = read_mapping(path, "FUSIONLOG_SYSTEMS_FILE", "system names")
    return {check_name(path, name): body for name, body in tree.items()}


def check_name(path: Path, name: object) -> str:
    """A name of a system, which is a part of its topic's name.

    :raises SettingError: naming it.
    """
    if not isinstance(name, str):
        raise SettingError(
            str(path),
            name,
            f"the name of a system must be text, and YAML reads this one as {type(name).__name__}: quote it",
        )
    if not SYSTEM_NAME.fullmatch(name):
        raise SettingError(
            str(path), name, "the name of a system is part of its topic's name: letters, digits, . _ and -, at most 200"
        )
    if name == CANARY:
        raise SettingError(
            str(path), name, "this is the canary's system, which needs no entry (FUSIONLOG_CANARY__SECONDS): take "
            "another name",
        )  # fmt: skip
    return name


def _read_system(path: Path, name: str, body: object) -> SystemSettings:
    if not isinstance(body, dict | NoneType):
        raise SettingError(f"{path}: {name}", body, "it must be a mapping of settings")
    try:
        system = SystemSettings.model_validate(body or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([name, *(str(part) for part in first["loc"])])
        raise SettingError(f"{path}: {where}", first["input"], _remedy(first)) from error
    given = [key for key in ("format", "header", "header_regex") if getattr(system, key) is not None]
    if len(given) > 1:
        raise SettingError(
            f"{path}: {name}.{given[0]}", getattr(system, given[0]), f"{' and '.join(given)} are set; keep one of them"
        )
    if system.window.by == "session" and not (system.session or system.session_field):
        raise SettingError(f"{path}: {name}.session", None, "window.by is session, so a session key must be given")
    if system.repartition and system.window.by == "count":
        raise SettingError(
            f"{path}: {name}.repartition", True,
            "window.by is count (the default), so there is no session to key the lines by; set window: {by: session} "
            "and a session key, or leave repartition out",
        )  # fmt: skip
    return system


def _remedy(error: ErrorDetails) -> str:
    """The message of a validation error; a key that does not exist gets the nearest one that does."""
    if error["type"] != "extra_forbidden":
        return error["msg"].removeprefix("Value error, ")
    *outer, key = (str(part) for part in error["loc"])
    fields = [*(WindowSettings if outer[-1:] == ["window"] else SystemSettings).model_fields]
    near = difflib.get_close_matches(key, fields, 1, 0.5)
    return (
        f"there is no such key; did you mean {near[0]}?"
        if near
        else f"there is no such key; there are {', '.join(fields)}"
    )
