"""The tokens of a request: those that the endpoint reports, else an estimate from the lengths of the texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fusionlog.teachers.llm.client import Response
from fusionlog.teachers.llm.dialect import CHARS_A_TOKEN, LEAST_TOKENS
from fusionlog.teachers.llm.refusals import status_in
from fusionlog.teachers.llm.reply import AnswerError, reply_of

BYTES_A_TOKEN = 3
"""UTF-8 bytes of a token, for an estimate: English has four, log lines with their numbers and paths about three."""
MILLION = 1_000_000


@dataclass(frozen=True)
class Usage:
    """The tokens of a request's prompt and answer. `estimated`: the endpoint did not report them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False


UNUSED = Usage()
"""The usage of a request that brought no answer: nobody charges for it."""


@dataclass(frozen=True)
class Prices:
    """Prices of a million tokens, in any one currency."""

    input: float = 0.0
    output: float = 0.0

    def of(self, usage: Usage) -> float:
        """The price of a usage."""
        return (usage.prompt_tokens * self.input + usage.completion_tokens * self.output) / MILLION


def tokens_in(text: str) -> int:
    """An estimate of the tokens of a text."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN)


def most_of(request: dict[str, Any]) -> Usage:
    """What a request may use, as far as its length shows: it is reserved before the request is sent.

    The answer has a verdict on each event of the question, so that its length grows with that of the question.
    """
    prompt = json.dumps(request, ensure_ascii=False)
    answer = LEAST_TOKENS + len(prompt) // CHARS_A_TOKEN
    return Usage(tokens_in(prompt), answer, estimated=True)


def usage_of(request: dict[str, Any], response: Response) -> Usage:
    """The usage of a request by its response: none of an error; an estimate where the endpoint reports none."""
    if not 200 <= response.status < 300:
        return UNUSED
    try:
        reply = reply_of(response.body)
    except AnswerError:
        return (
            UNUSED
            if status_in(response.body) is not None
            else _estimate(request, response.body.decode("utf-8", "replace"))
        )
    if reply.prompt_tokens or reply.completion_tokens:
        return Usage(reply.prompt_tokens, reply.completion_tokens)
    return _estimate(request, max(reply.texts, key=len, default=""))


def _estimate(request: dict[str, Any], answer: str) -> Usage:
    return Usage(tokens_in(json.dumps(request, ensure_ascii=False)), tokens_in(answer), estimated=True)
