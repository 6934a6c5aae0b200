from fusionlog.evaluation.pages import Heading, PictureBlock, TableBlock, Text, html, markdown

BLOCKS = [
    Heading("Title", 1), Text("a < b"), TableBlock(["name", "F1"], [["x|y", "0.5"], ["all", "1.0"]], frozenset({1})),
    PictureBlock("curve", "<svg>…</svg>", "a curve"),
]  # fmt: skip


def test_markdown_has_tables_and_links_to_pictures() -> None:
    assert markdown(BLOCKS).split("\n\n") == [
        "# Title", "a < b", "| name | F1 |\n| --- | ---: |\n| x\\|y | 0.5 |\n| **all** | **1.0** |",
        "![a curve](curve.svg)", "*a curve*\n",
    ]  # fmt: skip


def test_html_is_one_file_and_escapes_what_is_text() -> None:
    page = html("<Title>", BLOCKS)
    assert "<title>&lt;Title&gt;</title>" in page and "<p>a &lt; b</p>" in page
    assert '<tr class="strong"><td>all</td><td>1.0</td></tr>' in page
    assert "<figure><svg>…</svg><figcaption>a curve</figcaption></figure>" in page
