from __future__ import annotations

import json

import pytest

from fusionlog.teachers.llm.json_values import objects_with

ONE = {"events": [{"id": 1, "label": "normal"}], "label": "normal", "reason": "a {brace} and a [bracket"}
TWO = {"events": [{"id": 2}], "label": "anomalous"}
TEXT = json.dumps(ONE)
DRAFT = json.dumps({"events": [], "label": "perhaps"})


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"\ufeff {TEXT}",
        f"```json\n{TEXT}\n```",
        f"Sure! {TEXT}",
        f"Here it is:\n\n```json\n{TEXT}\n```\nLet me know {{if}} you need [more].",
        f"{TEXT}\n\nI hope this helps",
        f"<think>perhaps {DRAFT}</think>\n{TEXT}",
        f"perhaps {DRAFT}</think>\n```\n{TEXT}\n```",
        f"[THINK]{DRAFT}[/THINK]{TEXT}",
        f"<reasoning>{DRAFT}</reasoning> {TEXT}",
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{TEXT}<|return|>",
        f"<|channel|>final <|constrain|>json<|message|>{TEXT}",
        f"analysis{DRAFT}assistantfinal{TEXT}",
        f"<think>it is never closed {TEXT}",
        json.dumps({"answers": [ONE]}),
        json.dumps({"answers": ONE}),
        json.dumps([ONE]),
        json.dumps({"result": {"answers": [ONE]}}),
        json.dumps({"name": "json", "arguments": {"answers": [ONE]}}),
        json.dumps(json.dumps({"answers": [ONE]})),
        json.dumps({"answers": json.dumps([ONE])}),
        TEXT.replace("a {brace}", "a {brace}\n"),
    ],
)
def test_the_one_object_is_found_whatever_stands_around_it(text: str) -> None:
    (found,) = objects_with(text, "events")
    assert (found["events"], found["label"]) == (ONE["events"], "normal")


def test_thoughts_within_a_text_of_json_are_text() -> None:
    odd = {**ONE, "reason": "the line ends with </think>"}
    assert objects_with(json.dumps(odd), "events") == [odd]


def test_objects_line_by_line_are_all_found_and_others_are_not() -> None:
    assert objects_with(f"{TEXT}\n{json.dumps(TWO)}\n", "events") == [ONE, TWO]
    assert objects_with('{"label": "normal"} [1, 2] "events"', "events") == []


def test_of_an_array_that_was_cut_off_the_whole_objects_are_kept() -> None:
    text = "Sure:\n" + json.dumps({"answers": [ONE, TWO, ONE]})
    assert objects_with(text[: len(text) - 40], "events") == [ONE, TWO]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 400_000,
        "{" * 400_000,
        '{"a":' * 80_000,
        "[{" * 200_000,
        "```\n" + " " * 400_000,
        "<|channel|>final" * 25_000,
        '"' * 400_000,
        "\ud800",
    ],
)
def test_a_text_that_is_none_is_read_to_no_end(text: str) -> None:
    assert objects_with(text, "events") == []
