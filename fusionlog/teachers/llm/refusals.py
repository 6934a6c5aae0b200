"""The error responses of an endpoint: what they are about, whose fault they are, and what they say to the operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fusionlog.errors import TeacherError
from fusionlog.teachers.llm.client import Response
from fusionlog.teachers.llm.dialect import Topic, topic_of
from fusionlog.teachers.llm.reply import json_of, shown
from fusionlog.teachers.llm.retries import TransientError

MAX_BODY_CHARS = 100_000
ABOUT_CHARS = 4000
"""Characters of an error's texts that are searched for what it is about."""
MAX_TEXTS = 50
MAX_DEPTH = 8
_ABOUT = frozenset({"error", "message", "msg", "detail", "details", "reason", "code", "type", "param", "loc", "title",
                    "metadata", "raw", "errors", "error_message", "description", "status", "innererror"})  # fmt: skip
"""The fields of an error that describe it. Others may hold the request, which is about everything."""
_MESSAGES = ("message", "msg", "detail", "error", "reason", "description", "title", "errors")

_HELP = {
    401: "set FUSIONLOG_LABEL__API_KEY",
    402: "the account is out of credit: add credit, or change FUSIONLOG_LABEL__URL",
    403: "it forbids this key to use the model: check FUSIONLOG_LABEL__API_KEY and FUSIONLOG_LABEL__MODEL",
    404: "it has no such path or model: check FUSIONLOG_LABEL__URL (it often ends with /v1) and FUSIONLOG_LABEL__MODEL",
    405: "it has no such path: check FUSIONLOG_LABEL__URL (it often ends with /v1)",
}
_MEANT: dict[Topic, int] = {"key": 401, "model": 404}
_NEGOTIABLE = frozenset({400, 404, 413, 415, 422, 429, 500, 501})
"""The statuses in use for something in a request that a server does not support."""
_CREDIT = re.compile(r"insufficient.(?:quota|balance|credit|funds)|billing_hard_limit", re.IGNORECASE)


class RefusedError(TeacherError):
    """The endpoint refuses this request; it may accept another one. `topic` is what its text is about, if known."""

    def __init__(self, message: str, topic: Topic | None = None) -> None:
        self.topic = topic
        super().__init__(message)


class ContextError(RefusedError):
    """The request is too long for the model's context."""


class DeniedError(TeacherError):
    """The endpoint serves no request until the operator acts."""


def error_of(status: int, response: Response, model: str) -> TeacherError:
    """The error that a response with an error status stands for; its message continues a sentence."""
    value = json_of(response.body[:MAX_BODY_CHARS])
    texts = list(_texts(value)) if isinstance(value, dict | list) else [_plain(response)]
    excerpt = shown(_message(value) or " ".join(texts)) or "no text"
    about, problem = " ".join(texts)[:ABOUT_CHARS], f"answers {status}: {excerpt}"
    topic = topic_of(about) if status in _NEGOTIABLE else None
    if status == 402 or (status == 429 and _CREDIT.search(about)):
        return _denied(402, problem, model)
    if status == 403 and topic_of(about) == "moderation":
        return RefusedError(problem, "moderation")
    if topic in _MEANT:
        return _denied(_MEANT[topic], problem, model)
    if status == 413 or (topic == "context" and (status != 429 or "too large" in about.lower())):
        return ContextError(problem, "context")
    if topic is not None and status != 429:
        return RefusedError(problem, topic)
    if status in _HELP:
        return _denied(status, problem, model)
    if status in (408, 409, 425, 429) or (status >= 500 and status != 501):
        return TransientError(problem)
    return RefusedError(problem)


def status_in(body: bytes) -> int | None:
    """The status of an error in the body of a response that claims success; None where there is no error in it."""
    value = json_of(body[:MAX_BODY_CHARS])
    error = value.get("error") if isinstance(value, dict) else None
    if not error:
        return None
    held = [error.get(name) for name in ("code", "status")] if isinstance(error, dict) else []
    return next((each for each in held if isinstance(each, int) and 400 <= each < 600), 500)


def _denied(status: int, problem: str, model: str) -> DeniedError:
    return DeniedError(f"{problem}; {_HELP[status]} (model {model!r})")


def _plain(response: Response) -> str:
    """The text of a body that is no JSON; a page is named as one."""
    text = response.body[:MAX_BODY_CHARS].decode("utf-8", "replace")
    return "a page of HTML" if text.lstrip()[:1] == "<" else text


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """The texts and codes that describe an error."""
    if depth >= MAX_DEPTH:
        return
    if isinstance(value, str | int):
        yield str(value)[:MAX_BODY_CHARS]
    elif isinstance(value, list):
        for each in value[:MAX_TEXTS]:
            yield from _texts(each, depth + 1)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name in _ABOUT:
                yield from _texts(each, depth + 1)


def _message(value: Any, depth: int = 0) -> str:
    """The first text of an error that is written for people."""
    if isinstance(value, str):
        return value
    if depth >= MAX_DEPTH:
        return ""
    if isinstance(value, list):
        return next((text for each in value[:MAX_TEXTS] if (text := _message(each, depth + 1))), "")
    if not isinstance(value, dict):
        return ""
    raw = value.get("metadata")
    more = _message(raw.get("raw"), depth + 1) if isinstance(raw, dict) else ""
    text = next((text for name in _MESSAGES if (text := _message(value.get(name), depth + 1))), "")
    return f"{text} ({more})" if text and more else text or more
