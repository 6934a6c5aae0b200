"""Bodies of all kinds of servers that call themselves OpenAI-compatible."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.teachers.llm.reply import AnswerError, Reply, reply_of


def body(message: Any = None, **choice: Any) -> bytes:
    return json.dumps({"choices": [{"message": message, **choice}], "usage": {"prompt_tokens": 3}}).encode()


THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
CALL = {"function": {"name": "json", "arguments": "yes"}}


STREAM = b"".join(
    b"data: " + json.dumps({"choices": [{"delta": {"content": part}}]}).encode() + b"\n\n" for part in ("y", "es")
) + b"data: [DONE]\n\n"  # fmt: skip


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (body({"content": "yes"}), ("yes",)),
        (b"\xef\xbb\xbf" + body({"content": "yes"}), ("yes",)),
        (body({"content": [THOUGHT, {"type": "text", "text": "y"}, {"type": "text", "text": "es"}]}), ("yes", "hm")),
        (body({"content": [{"type": "output_text", "text": {"value": "yes"}}]}), ("yes",)),
        (body({"content": [{"text": "yes"}]}), ("yes",)),
        (body({"content": [{"text": "hm", "thought": True}, {"text": "yes"}]}), ("yes", "hm")),
        (body({"content": {"answers": []}}), ('{"answers": []}',)),
        (body({"content": None, "reasoning_content": "yes"}), ("yes",)),
        (body({"content": "", "reasoning": "yes"}), ("yes",)),
        (body({"content": "yes", "reasoning_content": "hm"}), ("yes", "hm")),
        (body({"content": None, "tool_calls": [CALL]}), ("yes",)),
        (body({"tool_calls": [{"function": {"arguments": {"answers": []}}}]}), ('{"answers": []}',)),
        (body({"tool_calls": CALL}), ("yes",)),
        (body({"function_call": {"arguments": "yes"}}), ("yes",)),
        (body({"parsed": {"answers": []}}), ('{"answers": []}',)),
        (body(None, text="yes"), ("yes",)),
        (body("yes"), ("yes",)),
        (json.dumps({"choices": [{"delta": {"content": "yes"}}]}).encode(), ("yes",)),
        (json.dumps({"choices": {"message": {"content": "yes"}}}).encode(), ("yes",)),
        (json.dumps({"message": {"content": "yes"}, "done": True}).encode(), ("yes",)),
        (json.dumps({"output": [{"content": [{"type": "output_text", "text": "yes"}]}]}).encode(), ("yes",)),
        (json.dumps({"content": [{"type": "tool_use", "input": {"answers": []}}]}).encode(), ('{"answers": []}',)),
        (body({"content": "yes"}, finish_reason=7), ("yes",)),
        (STREAM, ("yes",)),
    ],
)
def test_whatever_a_choice_holds_becomes_texts_the_likeliest_first(given: bytes, texts: tuple[str, ...]) -> None:
    assert reply_of(given).texts == texts


@pytest.mark.parametrize(
    "given",
    [b"", b"<html>hello</html>", b"null", b"[]", b"7", b'{"choices": []}', b'{"choices": "abc"}', b'{"choices": null}',
     b'{"choices": [null]}', b'{"choices": [[]]}', b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 100_000],
)  # fmt: skip
def test_what_is_no_completion_is_an_error(given: bytes) -> None:
    with pytest.raises(AnswerError, match="not a chat completion"):
        reply_of(given)


@pytest.mark.parametrize("message", [None, {}, {"content": None}, {"content": []}, {"content": 7}, [], 7])
def test_a_completion_without_a_text_says_what_came_instead(message: Any) -> None:
    error = reply_of(body(message, finish_reason="content_filter")).error("")
    assert "the answer is empty" in str(error) and "finish reason 'content_filter'" in str(error)
    refused = reply_of(body({"role": "assistant", "refusal": "I cannot\nhelp"})).error("")
    assert "has the fields role, refusal" in str(refused) and "it refuses: 'I cannot help'" in str(refused)
    parts = reply_of(body({"content": [{"type": "refusal", "refusal": "I cannot help"}]})).error("")
    assert "it refuses: 'I cannot help'" in str(parts)


def test_an_error_has_the_first_200_characters_redacted_on_one_line() -> None:
    error = Reply(("password=hunter2\n" + "x" * 9000,), "stop").error("it is prose")
    assert error.excerpt.startswith("password=<SECRET> xxx") and len(error.excerpt) == 200
    assert error.problem == "it is prose" and len(str(error)) < 300


@pytest.mark.parametrize(
    "usage", [None, "many", {"prompt_tokens": "many", "completion_tokens": -5}, {"prompt_tokens": 1e400}]
)
def test_tokens_that_are_none_are_none(usage: Any) -> None:
    reply = reply_of(json.dumps({"choices": [{"message": {"content": "yes"}}], "usage": usage}).encode())
    assert (reply.prompt_tokens, reply.completion_tokens) == (0, 0)


NAMES = st.sampled_from(
    [
        *("choices", "message", "delta", "content", "text", "type", "tool_calls", "function", "arguments", "thinking"),
        *("reasoning_content", "usage", "error", "answers", "events", "label", "parsed", "refusal", "finish_reason"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from(["text", "thinking"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
ENCODED = JSON.map(lambda value: json.dumps(value).encode())
BODIES = st.one_of(
    st.binary(),
    ENCODED,
    ENCODED.map(lambda value: b'{"choices": [%b]}' % value),
    ENCODED.map(lambda value: b'{"choices": [{"message": %b}], "usage": %b}' % (value, value)),
    ENCODED.map(lambda value: b'data: {"choices": [%b]}\n\ndata: %b\n' % (value, value)),
)


@given(BODIES)
def test_no_body_raises_anything_else(given: bytes) -> None:
    try:
        reply = reply_of(given)
    except AnswerError:
        return
    assert all(isinstance(text, str) and text.strip() for text in reply.texts)
    assert str(reply.error("bad"))
