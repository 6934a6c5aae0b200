from __future__ import annotations

from typing import Any

import pytest

from fusionlog.teachers.llm.dialect import Dialect, Topic, formats_of, gbnf, topic_of, without_system_role

FORMATS = formats_of(
    "verdicts", {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}
)
FIRST = Dialect(FORMATS[0])


def names(*topics: Topic | None) -> list[str]:
    """The formats of a dialect that is refused so, one after the other; `-` where the system role is gone as well."""
    found, dialect = [], FIRST
    for topic in topics:
        following = dialect.fallback(topic, FORMATS)
        if following is None:
            return [*found, "none"]
        dialect = following
        found.append(dialect.format.name + "-" * (not dialect.system_role))
    return found


def test_a_format_that_is_refused_gives_way_to_a_weaker_one() -> None:
    assert names("format", "format") == ["json_object", "plain"]
    assert names("format", "format", "format") == ["json_object", "plain", "none"], "a plain request names no format"
    assert names("grammar") == ["grammar"], "it is what the refusal proposes"
    assert names("grammar", "format") == ["grammar", "json_object"]


def test_a_system_role_and_a_temperature_that_are_refused_are_left_out() -> None:
    assert names("system_role") == ["json_schema-"] and names("system_role", "system_role")[-1] == "none"
    assert FIRST.fallback("temperature", FORMATS) == Dialect(FORMATS[0], temperature=False)


def test_a_refusal_that_names_nothing_steps_down_until_a_request_was_accepted() -> None:
    assert names(None, None, None, None) == ["json_object", "plain", "plain-", "none"]
    assert Dialect(FORMATS[0], settled=True).fallback(None, FORMATS) is None
    assert FIRST.fallback("moderation", FORMATS) is None


def test_an_answer_is_bounded_unless_that_is_refused() -> None:
    messages = [{"role": "user", "content": "x" * 1000}]
    assert "max_tokens" not in FIRST.request(messages)
    assert FIRST.bounded().request(messages)["max_tokens"] == 756
    refused = FIRST.bounded().fallback("length", FORMATS)
    assert refused is not None and "max_tokens" not in refused.bounded().request(messages)


def test_a_request_has_the_fields_of_its_dialect() -> None:
    messages = [{"role": "system", "content": "judge"}, {"role": "user", "content": "[1]"}]
    request = FIRST.request(messages)
    assert request["response_format"]["type"] == "json_schema" and request["temperature"] == 0
    bare = Dialect(FORMATS[2], system_role=False, temperature=False).request(messages)
    assert bare == {"messages": [{"role": "user", "content": "judge\n\n[1]"}]}
    assert without_system_role(messages[1:]) == messages[1:]


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ('response_format type must be one of "text" or "json_object", but got: json_schema', "format"),
        ("'json_schema' is not supported with this model", "format"),
        ("No endpoints found that can handle the requested parameters.", "format"),
        ("This model does not support structured outputs", "format"),
        ("use guided_json in place of response_format", "grammar"),
        ("System role not supported", "system_role"),
        ("Developer instruction is not enabled for models/gemma-3-27b-it", "system_role"),
        ("Conversation roles must alternate user/assistant/user/assistant/...", "system_role"),
        ("Only user and assistant roles are supported!", "system_role"),
        ("Input should be 'user' or 'assistant': unsupported role", "system_role"),
        ("messages 0 role value is not a valid enumeration member; permitted: 'user', 'assistant'", "system_role"),
        ("`inputs` must have less than 1024 tokens. Given: 2000", "context"),
        ("Prompt tokens (5000) exceed the limit", "context"),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "length"),
        ("Unsupported value: 'temperature' does not support 0 with this model", "temperature"),
        ("Context size has been exceeded.", "context"),
        ("This model's maximum context length is 4096 tokens. However, you requested 9000 tokens", "context"),
        ("the request exceeds the available context size. try increasing the context size", "context"),
        ("Requested tokens (9000) exceed context window of 2048", "context"),
        ("prompt is too long: 210000 tokens > 200000 maximum", "context"),
        ("input is too large to process. increase the physical batch size", "context"),
        ("Please reduce the length of the messages or completion.", "context"),
        ("Trying to keep the first 9000 tokens when context overflows", "context"),
        ("API key not valid. Please pass a valid API key.", "key"),
        ("The model `tiny` does not exist or you do not have access to it.", "model"),
        ("No models loaded. Please load a model in the developer page", "model"),
        ("The response was filtered due to the prompt triggering the content management policy", "moderation"),
        ("something went wrong", None),
    ],
)
def test_what_a_refusal_is_about_is_read_from_its_text(text: str, topic: Topic | None) -> None:
    assert topic_of(text) == topic


def test_the_grammar_has_a_rule_for_each_part_of_the_schema() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "label": {"type": "string", "enum": ["a", "b"]},
            "n": {"type": "array", "items": {"type": "integer"}},
        },
    }  # fmt: skip
    root = gbnf(schema).splitlines()[0]
    assert root == (
        r'root ::= space "{" space "\"label\"" space ":" space ("\"a\"" | "\"b\"") space "," space '
        r'"\"n\"" space ":" space "[" space (integer (space "," space integer)*)? space "]" space "}" space'
    )
