"""What an endpoint can do, as its refusals show it: response formats, a system role, a temperature, its context.

There is no interface that lists it, and the statuses differ: 400, 404, 422, 500 and 501 are all in use for a response
format that a server does not know. What counts is what the text of the refusal is about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Topic = Literal["key", "model", "moderation", "context", "system_role", "length", "temperature", "grammar", "format"]
Messages = list[dict[str, str]]

# The first that matches counts.
_PHRASES: tuple[tuple[Topic, tuple[str, ...]], ...] = (
    (
        "key",
        (
            r"(?:invalid|incorrect|missing|no|not valid|wrong|expired).{0,20}api.?key",
            r"api.?key.{0,30}(?:not valid|invalid|expired|missing|required|not found)",
        ),
    ),
    (
        "model",
        (
            r"\bmodels?\b[^.]{0,80}(?:not (?:found|exist|loaded|available)|does not exist|n't exist|not a valid)",
            r"\bmodels?\b[^.]{0,80}(?:decommissioned|is unknown)|no models? (?:is |are )?loaded"
            r"|(?:unknown|invalid|no such) model\b",
        ),
    ),
    (
        "context",
        (
            r"context[ _-]?(?:size|length|window|limit|shift)|maximum context|context.{0,40}(?:exceed|overflow|too)",
            r"exceed.{0,60}(?:context|tokens?\b|maximum length|max(?:imum)?.{0,10}(?:len|input))|n_ctx",
            r"too many (?:input )?tokens|tokens?\b.{0,40}exceed|must have (?:less|fewer) than.{0,20}tokens",
            r"(?:prompt|input|request|message|text|content|payload|sequence|body"
            r"|entity|string)s?\b.{0,40}too (?:long|large|big)",
            r"reduce (?:the )?(?:length|your prompt|the number|your message)|token limit|max_model_len|max_seq_len",
            r"larger than.{0,40}(?:context|batch)|longer than.{0,60}(?:context|model|maximum)"
            r"|too large (?:for|to process)",
            r"physical batch size|max(?:imum)? (?:input|prompt) (?:length|tokens)",
        ),
    ),
    (
        "moderation",
        (r"content.?(?:filter|policy|management)|moderation|flagged|safety (?:system|filter|setting|reason)",),
    ),
    (
        "system_role",
        (
            r"system.{0,30}\b(?:role|message|prompt|instruction)|\brole\b.{0,40}system"
            r"|system.{0,40}(?:not|un)\s?support",
            r"developer instruction|roles? must alternate|only (?:the )?user\b.{0,40}roles?|first message.{0,40}user",
            r"(?:unsupported|invalid|unknown|unexpected) role|must start with.{0,30}user",
            r"\brole\b.{0,80}(?:permitted|allowed|expected|enumeration|one of)",
        ),
    ),
    ("length", (r"max_(?:completion_|new_|output_)?tokens",)),
    ("temperature", (r"temperature",)),
    ("grammar", (r"guided_\w+|guided decoding|gbnf",)),
    (
        "format",
        (
            r"response.?format|json.?(?:schema|object|mode)|structured.?outputs?|\bschema\b|grammar",
            r"requested parameters|text\.format|constrained|strict mode",
        ),
    ),
)
_TOPICS = tuple((topic, re.compile("|".join(phrases), re.IGNORECASE | re.DOTALL)) for topic, phrases in _PHRASES)


LEAST_TOKENS, CHARS_A_TOKEN = 256, 2
"""The bound of an answer's tokens: it has an event for each of the question's, which takes 40 for a line of 80."""


@dataclass(frozen=True)
class ResponseFormat:
    """A way to ask for the form of the answer: its name, and the fields that it adds to a request."""

    name: Literal["json_schema", "json_object", "plain", "grammar"]
    fields: dict[str, Any]


ResponseFormats = Sequence[ResponseFormat]


@dataclass(frozen=True)
class Dialect:
    """The options of OpenAI's interface that an endpoint accepts. `settled` once it has accepted a request with them.

    :param tried: the names of the response formats that it refuses, or gives no usable answer in.
    :param max_tokens: whether a request bounds its answer, as it does once one took too long; None where that is
        refused. Models that think need far more tokens than the answer has.
    """

    format: ResponseFormat
    tried: frozenset[str] = frozenset()
    system_role: bool = True
    temperature: bool = True
    max_tokens: bool | None = False
    settled: bool = False

    def request(self, messages: Messages) -> dict[str, Any]:
        """The fields of a request with these messages."""
        request: dict[str, Any] = {"messages": messages if self.system_role else without_system_role(messages)}
        if self.temperature:
            request["temperature"] = 0
        if self.max_tokens:
            request["max_tokens"] = LEAST_TOKENS + len(messages[-1]["content"]) // CHARS_A_TOKEN
        return {**request, **self.format.fields}

    def bounded(self) -> Dialect:
        """The dialect whose requests bound their answers, unless the endpoint refuses that."""
        return self if self.max_tokens is None else replace(self, max_tokens=True)

    def fallback(self, topic: Topic | None, formats: ResponseFormats) -> Dialect | None:
        """The dialect to try after a refusal; None where the request itself is at fault.

        A refusal that names nothing is taken to be about the form of the answer, then about the system role, as long
        as the endpoint has accepted no request at all.
        """
        if topic == "length" and self.max_tokens:
            return replace(self, max_tokens=None)
        if topic == "temperature" and self.temperature:
            return replace(self, temperature=False)
        if topic == "system_role" and self.system_role:
            return replace(self, system_role=False)
        if topic == "grammar" or (topic == "format" and self.format.fields):
            return self.other_format(formats, "grammar" if topic == "grammar" else None)
        if topic is not None or self.settled:
            return None
        if self.format.name in ("json_schema", "json_object"):
            return self.other_format(formats)
        return replace(self, system_role=False) if self.system_role else None

    def other_format(self, formats: ResponseFormats, wanted: str | None = None) -> Dialect | None:
        """The dialect with the next response format that was not tried; None where there is none.

        :param wanted: the name of the one to take if it was not tried.
        """
        tried = self.tried | {self.format.name}
        left = sorted((each for each in formats if each.name not in tried), key=lambda each: each.name != wanted)
        return replace(self, format=left[0], tried=tried, settled=False) if left else None


def topic_of(text: str) -> Topic | None:
    """What the text of a refusal is about."""
    return next((topic for topic, pattern in _TOPICS if pattern.search(text)), None)


def without_system_role(messages: Messages) -> Messages:
    """The messages with the instructions of the system before the first text of the user."""
    instructions = [each["content"] for each in messages if each["role"] == "system"]
    others = [each for each in messages if each["role"] != "system"]
    if not instructions or not others:
        return messages
    return [{**others[0], "content": "\n\n".join([*instructions, others[0]["content"]])}, *others[1:]]


def formats_of(name: str, schema: dict[str, Any]) -> ResponseFormats:
    """The response formats of a JSON schema, in the order of trial.

    The last is for servers that take a grammar in a field of their own (vLLM, llama.cpp). Others may ignore it, so that
    it is tried only where a refusal names it, or the prompt alone brought nothing usable.
    """
    strict = {"name": name, "strict": True, "schema": schema}
    return (
        ResponseFormat("json_schema", {"response_format": {"type": "json_schema", "json_schema": strict}}),
        ResponseFormat("json_object", {"response_format": {"type": "json_object"}}),
        ResponseFormat("plain", {}),
        ResponseFormat("grammar", {"guided_json": schema, "grammar": gbnf(schema)}),
    )


def gbnf(schema: dict[str, Any]) -> str:
    """The grammar of a JSON schema of closed objects, arrays, texts and numbers, in llama.cpp's notation."""
    basics = [
        r'space ::= [ \t\n]*',
        r'string ::= "\"" ([^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\""',
        r'integer ::= "-"? [0-9]{1,9}',
        r'number ::= "-"? [0-9]{1,9} ("." [0-9]{1,9})?',
    ]  # fmt: skip
    return "\n".join([f"root ::= space {_rule(schema)} space", *basics])


def _rule(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "(" + " | ".join(rf'"\"{value}\""' for value in schema["enum"]) + ")"
    if schema["type"] == "array":
        item = _rule(schema["items"])
        return f'"[" space ({item} (space "," space {item})*)? space "]"'
    if schema["type"] == "object":
        pairs = [rf'"\"{name}\"" space ":" space {_rule(each)}' for name, each in schema["properties"].items()]
        return '"{" space ' + ' space "," space '.join(pairs) + ' space "}"'
    return str(schema["type"])
