"""The reading of a chat completion: all that a choice of it holds, as texts that may be the answer.

Servers that call themselves OpenAI-compatible put the answer into `content` as a text or as a list of parts, into
`reasoning_content`, into the arguments of a tool call, or into `text`. What was thought is the last candidate. A body
of any other shape is an `AnswerError`, too: no body raises anything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from fusionlog.errors import TeacherError
from fusionlog.teachers.base import clip
from fusionlog.utils.redaction import redact

EXCERPT_CHARS = 200
MAX_DEPTH = 8
"""Levels of nested parts that are read; a server nests two."""
MAX_TOKENS = 10**9
"""Tokens of one call that are believed."""
_THOUGHTS = frozenset({"thinking", "reasoning", "reasoning_text", "redacted_thinking", "thought"})
_PART_TEXTS = ("text", "output_text", "content", "value", "json", "arguments", "input")
_THOUGHT_TEXTS = ("thinking", "reasoning", "text", "summary", "content")


class AnswerError(TeacherError):
    """The model's answer cannot be used.

    :param problem: what is wrong with it, in words of ours alone: it is sent with the next question.
    :param understood: whether the form was right: then the endpoint is of use, and this answer alone is not.
    """

    def __init__(
        self, problem: str, finish_reason: str = "", refusal: str = "", excerpt: str = "", understood: bool = False
    ) -> None:
        self.problem, self.finish_reason, self.understood = problem, finish_reason, understood
        self.several = False
        """Whether the question was about several units: one about a single unit may have a usable answer."""
        self.refusal, self.excerpt = shown(refusal), shown(excerpt)
        details = [f"finish reason {shown(finish_reason)!r}"] if finish_reason else []
        details += [f"it refuses: {self.refusal!r}"] if self.refusal else []
        details += [f"it begins {self.excerpt!r}"] if self.excerpt else []
        super().__init__(f"{problem} ({', '.join(details)})" if details else problem)


class Reply(Struct, frozen=True):
    """The texts of a completion that may be its answer, the likeliest first, and what is known beside them.

    :param fields: the names of the message's fields, for error messages.
    """

    texts: tuple[str, ...] = ()
    finish_reason: str = ""
    refusal: str = ""
    fields: tuple[str, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def error(self, problem: str, understood: bool = False) -> AnswerError:
        """The error of an answer with this problem; of one without any text it names what came instead."""
        if not self.texts:
            names = ", ".join(shown(name) for name in self.fields) or "none"
            problem = f"the answer is empty: its message has the fields {names}"
        excerpt = self.texts[0] if self.texts else ""
        return AnswerError(problem, self.finish_reason, self.refusal, excerpt, understood)


def reply_of(body: bytes) -> Reply:
    """The reply in the body of a response.

    :raises AnswerError: it is not a chat completion.
    """
    completion = json_of(body)
    if completion is None:
        completion = _streamed(body.decode("utf-8", "replace"))
    choice = _choice(completion)
    if choice is None:
        beginning = body[: 4 * EXCERPT_CHARS].decode("utf-8", "replace")
        raise AnswerError("the body is not a chat completion", excerpt=beginning)
    message = choice.get("message", choice.get("delta"))
    fields = message if isinstance(message, dict) else {}
    usage = completion.get("usage") if isinstance(completion, dict) else None
    tokens = usage if isinstance(usage, dict) else {}
    return Reply(
        texts=tuple(dict.fromkeys(text for text in _texts(choice, message) if text.strip())),
        finish_reason=_name(choice.get("finish_reason") or choice.get("stop_reason") or choice.get("done_reason")),
        refusal=_text(fields.get("refusal")) or _refused(fields.get("content")),
        fields=tuple(str(name) for name, value in list(fields.items())[:20] if value is not None),
        prompt_tokens=_count(tokens.get("prompt_tokens", tokens.get("input_tokens"))),
        completion_tokens=_count(tokens.get("completion_tokens", tokens.get("output_tokens"))),
    )


def json_of(body: bytes | str) -> Any:
    """The JSON value of a text; None where it is none."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        return json.loads(text.lstrip("\ufeff \t\r\n"), strict=False)
    except (ValueError, RecursionError):
        return None


def shown(text: str) -> str:
    """The first characters of a text of the endpoint, on one line and redacted, for a message."""
    return clip(redact(" ".join(text[: 4 * EXCERPT_CHARS].split())), EXCERPT_CHARS)


def _streamed(text: str) -> Any:
    """The completion in a stream of server-sent events, which some gateways send unrequested; None where it is none."""
    chunks = [json_of(line[len("data:") :]) for line in text.splitlines() if line.startswith("data:")]
    choices = [choice for chunk in chunks if (choice := _choice(chunk)) is not None]
    parts = [part for choice in choices if isinstance(part := choice.get("delta"), dict)]
    if not parts:
        return None
    reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    names = ("content", "reasoning_content", "refusal")
    message = {name: "".join(_text(part.get(name)) for part in parts) for name in names}
    return {"choices": [{"message": message, "finish_reason": reasons[-1] if reasons else None}]}


def _choice(completion: Any) -> dict[str, Any] | None:
    """The first choice; a body without choices that has a message or a text is one itself."""
    if not isinstance(completion, dict):
        return None
    choices = completion.get("choices")
    found = choices[0] if isinstance(choices, list) and choices else choices
    if isinstance(found, dict):
        return found
    if choices is None and any(
        name in completion for name in ("message", "content", "response", "text", "output", "output_text")
    ):
        return completion
    return None


def _texts(choice: dict[str, Any], message: Any) -> Iterator[str]:
    """The candidates, the likeliest first."""
    fields = message if isinstance(message, dict) else {}
    yield _text(fields.get("content"))
    yield _text(fields.get("parsed"))
    calls = fields.get("tool_calls")
    for call in calls if isinstance(calls, list) else [calls]:
        yield _arguments(call)
    yield _arguments({"function": fields.get("function_call")})
    if not fields:
        yield _text(message)
    for name in ("text", "content", "response", "output", "output_text"):
        yield _text(choice.get(name))
    for holder in (fields, choice):
        for name in ("reasoning_content", "reasoning", "thinking", "reasoning_details"):
            yield _text(holder.get(name)) or _text(holder.get(name), thoughts=True)
    yield _text(fields.get("content"), thoughts=True)


def _refused(content: Any) -> str:
    """The text of a refusal among the parts of content."""
    parts = content if isinstance(content, list) else []
    return "".join(_text(part.get("refusal")) for part in parts if isinstance(part, dict))


def _arguments(call: Any) -> str:
    """The arguments of a tool call."""
    if not isinstance(call, dict):
        return ""
    function = call.get("function")
    holder = function if isinstance(function, dict) else call
    return _text(holder.get("arguments", holder.get("input", holder.get("parameters"))))


def _text(value: Any, thoughts: bool = False, depth: int = 0) -> str:
    """The text of content: a text, a part, or a list of parts; an object that is no part, as JSON.

    :param thoughts: whether the text of thinking parts is wanted, in place of that of all others.
    """
    if isinstance(value, str):
        return "" if thoughts else value
    if depth >= MAX_DEPTH:
        return ""
    if isinstance(value, list):
        return "".join(_text(each, thoughts, depth + 1) for each in value)
    if not isinstance(value, dict):
        return ""
    kind = value.get("type")
    thinking = value.get("thought") is True or (isinstance(kind, str) and kind in _THOUGHTS)
    if thinking != thoughts:
        return ""
    if not thinking and kind is None and not any(isinstance(value.get(name), str | list) for name in _PART_TEXTS[:4]):
        return _as_json(value)
    names = _THOUGHT_TEXTS if thinking else _PART_TEXTS
    return next((text for name in names if (text := _text(value.get(name), False, depth + 1))), "")


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value) if value else ""
    except (ValueError, RecursionError):
        return ""


def _name(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int:
    """A number of tokens; 0 where it is none."""
    return value if isinstance(value, int) and 0 <= value <= MAX_TOKENS else 0
