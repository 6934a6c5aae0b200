"""A page of headings, paragraphs, tables and pictures, rendered as Markdown or as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
table{border-collapse:collapse;font-size:.85rem;margin:1rem 0}td,th{padding:.25rem .6rem;border-bottom:1px solid #ddd}
td:not(:first-child),th:not(:first-child){text-align:right}th{background:#f4f4f4}figure{margin:1rem 0;overflow-x:auto}
figcaption{color:#555;font-size:.85rem}svg{max-width:100%;height:auto}tr.strong{font-weight:600}"""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class TableBlock:
    """A table. `strong` are the indices of summary rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True)
class PictureBlock:
    """An SVG element with its caption; as Markdown it is a file of its own, `name`.svg."""

    name: str
    svg: str
    caption: str


Block = Heading | Text | TableBlock | PictureBlock


def markdown(blocks: Sequence[Block]) -> str:
    """The page as Markdown; pictures are links to their files."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def html(title: str, blocks: Sequence[Block]) -> str:
    """The page as one self-contained HTML file."""
    body = "\n".join(_html(block) for block in blocks)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Text(text):
            return text
        case PictureBlock(name, _, caption):
            return f"![{caption}]({name}.svg)\n\n*{caption}*"
        case TableBlock(columns, rows, strong):
            marked = [
                [f"**{cell}**" if cell else "" for cell in row] if n in strong else row for n, row in enumerate(rows)
            ]
            lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *marked]
            return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case PictureBlock(_, svg, caption):
            return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
        case TableBlock(columns, rows, strong):
            head = "".join(f"<th>{escape(name)}</th>" for name in columns)
            lines = [_line(row, ' class="strong"' if number in strong else "") for number, row in enumerate(rows)]
            return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _line(row: Sequence[str], style: str) -> str:
    return f"<tr{style}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
