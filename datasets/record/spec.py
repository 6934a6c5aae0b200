"""What an operator says about a system before its first line is read; becomes `systems.yaml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SystemSpec:
    """One system of `systems.yaml`.

    :param json_line: how a JSON line is written as text, before `header` and `session` are applied.
    :param header: field names in angle brackets between literal text, `<Content>` last.
    :param session: pattern of the session key, or None where sessions are cut by count.
    :param size: lines a session, for sessions cut by count.
    """

    name: str
    description: str
    header: str
    policy: str
    session: str | None = None
    size: int | None = None
    idle_seconds: int = 60
    max_events: int = 500
    json_line: str | None = None

    def key(self, line: str) -> str | None:
        """The session key of `line` (group 1 if the pattern has one), or None."""
        match = re.search(self.session, line) if self.session else None
        if match is None:
            return None
        return match.group(1) if match.re.groups else match.group(0)


def to_yaml(specs: list[SystemSpec]) -> str:
    """`systems.yaml` as text; every string is single-quoted, so nothing in it needs an escape but the quote."""
    head = "# What an operator would tell about each system before the first line is read: no label among it.\n"
    head += "# Written by `python -m datasets.record operator`; change the module of the system, not this file.\n"
    return head + "".join(_entry(spec) for spec in specs)


def write_yaml(specs: list[SystemSpec], path: Path) -> None:
    """Write `systems.yaml`."""
    path.write_text(to_yaml(specs), encoding="utf-8")


def _entry(spec: SystemSpec) -> str:
    rows = [("description", _quote(spec.description))]
    if spec.json_line:
        rows.append(("json_line", _quote(spec.json_line)))
    rows.append(("header", _quote(spec.header)))
    if spec.session:
        rows.append(("session", _quote(spec.session)))
    rows += [("window", _window(spec)), ("policy", _quote(spec.policy))]
    return f"{spec.name}:\n" + "".join(f"  {name}: {value}\n" for name, value in rows)


def _window(spec: SystemSpec) -> str:
    if spec.session:
        return f"{{by: session, idle_seconds: {spec.idle_seconds}, max_events: {spec.max_events}}}"
    return f"{{by: count, size: {spec.size}}}"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
