"""A YAML file of settings: names, each with a mapping."""

from __future__ import annotations

from pathlib import Path

from fusionlog.errors import SettingError


def read_mapping(path: Path, setting: str, names: str, secret: bool = False) -> dict[object, object]:
    """The entries of a file by name, neither checked.

    :param setting: the variable that names the file. :param names: what the names are, for a message.
    :param secret: it may hold secrets: no message quotes it.
    :raises SettingError: the file cannot be read, or is no mapping.
    """
    from fusionlog.settings.unique_keys import load  # what reads no such file needs no YAML

    text = _utf8(path, setting)
    try:
        tree = load(text)
    except RecursionError as error:
        raise SettingError(setting, str(path), "is nested too deep to be read") from error
    except Exception as error:  # the date 2024-02-30, or `!!int x`: YAML's own constructors raise whatever they meet
        if secret:
            raise SettingError(setting, str(path), f"is not YAML{_place(error)}, or has a key twice") from None
        raise SettingError(setting, str(path), f"is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict) or not tree:
        raise SettingError(setting, str(path), f"must map {names} to their settings")
    return tree


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"


def _utf8(path: Path, setting: str) -> str:
    """The text of a settings file.

    :raises SettingError: it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingError(setting, str(path), f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingError(setting, str(path), "is not UTF-8 text: save it as UTF-8") from error
