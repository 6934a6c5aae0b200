"""A proposed entry as YAML with comments, and its place in a systems file."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from fusionlog.errors import SettingError
from fusionlog.onboarding.propose import Part, Proposal
from fusionlog.settings import SYSTEM_NAME, yaml_mapping
from fusionlog.utils.files import replace_file, writing

_PLACEHOLDERS = {
    "description": "to fill in: what the system is, who uses it, and what a session of it is",
    "policy": "to fill in: Alert when ...; not on ...",
}
WINDOWS = ("session", "count")
_COMMENTED = {
    "encoding": "encoding", "json_line": "json_line", "format": "header", "header": "header", "session": "session",
    "session_field": "session", "inherit": "inherit", "repartition": "repartition",
    "multiline": "multiline", "time_field": "time", "window": "window",
}  # fmt: skip
"""By setting: the part whose reason stands above it."""


def check_new_name(name: str) -> None:
    """Refuse a name that is no part of a topic's name, or that YAML does not read as text.

    :raises SettingError: naming it.
    """
    if not SYSTEM_NAME.fullmatch(name):
        raise SettingError(
            "NAME", name, "the name of a system is part of its topic's name: letters, digits, . _ and -, at most 200"
        )
    try:
        read: object = yaml.safe_load(f"{name}: 0")
    except yaml.YAMLError:
        read = None
    if not isinstance(read, dict) or list(read) != [name] or name.lower() in ("y", "n") or _is_number(name):
        raise SettingError("NAME", name, "YAML reads it as something else than text; take a name with a letter more")


def render(name: str, proposal: Proposal) -> str:
    """The entry as YAML; the reason of each setting is a comment above it."""
    reasons = {part.name: part for part in proposal.parts}
    lines = [f"{name}:"]
    for setting, comment in _PLACEHOLDERS.items():
        lines += [f"  # {comment}", f"  {setting}: ''"]
    for setting, value in proposal.entry.items():
        part = reasons.get(_COMMENTED.get(setting, setting)) or (reasons["session"] if setting == "window" else None)
        lines += [f"  # {_comment(part)}"] if part else []
        lines.append(f"  {setting}: {_value(value)}")
    return "\n".join(lines) + "\n"


def add_entry(path: Path, name: str, text: str) -> None:
    """Append an entry to a systems file, which keeps what is in it; a missing file is made.

    :raises SettingError: the file has such a system, is no systems file, or its form lets nothing be appended.
    :raises WriteError: it cannot be written.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise SettingError("--write", str(path), "it is no file; name a YAML file, which need not exist")
    before = _content(path)
    present = yaml_mapping(path) if path.exists() and not _is_empty(before) else {}
    if name in present:
        raise SettingError("NAME", name, f"{path} has a system of this name; take another, or remove that entry first")
    after = _appended(before, text)
    if _parsed(after) != {**present, **_mapping(_parsed(text))}:
        raise SettingError(
            str(path), name, "the entry cannot be appended to a file of this form; copy it into the file by hand"
        )
    _write(path, after.encode())


def _comment(part: Part) -> str:
    text = f"{part.confidence} confidence: {part.reason}"
    return " ".join(each if each.isprintable() else "?" for each in text.split())


def _value(value: object) -> str:
    """A value in flow style on one line. A text is in single quotes, in which YAML knows no escapes."""
    if isinstance(value, str) and value.isprintable() and value not in WINDOWS:
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_value(each)}" for name, each in value.items()) + "}"
    return _plain(value)


def _plain(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")


def _content(path: Path) -> str:
    if not path.exists():
        return ""
    with writing(path):
        return path.read_bytes().decode("utf-8-sig", errors="replace")


def _is_empty(content: str) -> bool:
    """Whether a file holds nothing, or comments alone."""
    try:
        return yaml.safe_load(content) is None
    except yaml.YAMLError:
        return False


def _is_number(name: str) -> bool:
    """Whether later versions of YAML read a name as a number: `1e3` is text to YAML 1.1."""
    try:
        float(name)
    except ValueError:
        return False
    return True


def _appended(before: str, text: str) -> str:
    """The content with an entry behind it, as far to the right as the entries before it, in its own line ends."""
    first = next(_top_lines(before), "")
    indent = first[: len(first) - len(first.lstrip())]
    end = "\r\n" if "\r\n" in before else "\n"
    lines = [f"{indent}{line}" if line else line for line in text.splitlines()]
    gap = "" if not before or before.endswith("\n") else end
    return before + gap + end.join([*lines, ""])


def _top_lines(content: str) -> Iterator[str]:
    return (line for line in content.splitlines() if re.match(r"\s*[^\s#%-]", line))


def _parsed(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _mapping(tree: object) -> dict[str, object]:
    return tree if isinstance(tree, dict) else {}


def _write(path: Path, content: bytes) -> None:
    """Replace the file, which keeps its permissions."""
    with writing(path):
        mode = path.stat().st_mode if path.exists() else None
    replace_file(path, content)
    if mode is not None:
        with writing(path):
            path.chmod(stat.S_IMODE(mode))
