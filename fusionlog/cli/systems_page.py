"""The page of the systems file: every field with its default and unit, and an entry for each kind of log."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from fusionlog.cli.pages import page, table
from fusionlog.onboarding.examples import EXAMPLES
from fusionlog.settings import MultilineSettings, SystemSettings, WindowSettings

INTRODUCTION = """\
`FUSIONLOG_SYSTEMS_FILE` names a YAML file that maps the name of each system to what FusionLog must know before its
first line. The name is part of the system's topic, `logs.raw.<name>`. Every field has a default: `shop: {}` is an
entry. `fusionlog systems add NAME FILE` proposes an entry from a sample of the log, `fusionlog systems check FILE`
shows what an entry makes of one ([how](onboarding.md)). The forms of lines are in [log formats](log-formats.md).
"""


def systems_page() -> str:
    """The page docs/systems-file.md."""
    return page(
        "Systems file",
        INTRODUCTION,
        "## Fields",
        _fields(SystemSettings, leave_out=("window", "multiline")),
        "## window",
        "How lines are cut into windows.",
        _fields(WindowSettings),
        "## multiline",
        "`auto` (the default), `false`, or a mapping of these.",
        _fields(MultilineSettings),
        "## Examples",
        *_examples(),
    )


def _fields(model: type[BaseModel], leave_out: tuple[str, ...] = ()) -> str:
    rows = [
        (f"`{name}`", f"`{_shown(field.get_default())}`", field.description or "")
        for name, field in model.model_fields.items()
        if name not in leave_out
    ]
    return table(("field", "default", "what it is"), rows)


def _shown(value: object) -> str:
    return "not set" if value is None else "''" if value == "" else str(value)


def _examples() -> Iterator[str]:
    for each in EXAMPLES:
        yield f"### {each.title}"
        yield f"```yaml\n{each.entry}```"
        yield "```\n" + "\n".join(each.lines) + "\n```"
