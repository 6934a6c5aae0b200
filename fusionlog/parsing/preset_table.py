"""The presets of headers as a table of Markdown: an example of each, and what is found in it."""

from __future__ import annotations

from collections.abc import Iterator

from fusionlog.parsing.headers import Header, texts
from fusionlog.parsing.presets import PRESETS
from fusionlog.settings import SystemSettings

_TITLES = "| `format` | a line | component | level | time | content |\n|---|---|---|---|---|---|"


def preset_table() -> str:
    """The table of the documentation, which a test compares."""
    return "\n".join([_TITLES, *_rows()])


def _rows() -> Iterator[str]:
    for name, preset in PRESETS.items():
        header = Header(SystemSettings.model_validate({"format": name}))
        fields = header.split(preset.example)
        places = header.stamp(fields)
        time = texts(preset.example, places) if places else header.stamp_value(fields)
        cells = (name, preset.example, fields.component, fields.level, time, fields.content)
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str | None) -> str:
    return f"`{text}`".replace("|", "\\|").replace("\t", "→") if text else ""
