"""A call to an OpenAI-compatible endpoint: paid from the budget, guarded by the breaker, repeated when that may help.

A call is repeated in place after 429, 5xx, a timeout or a lost connection, after the seconds of `Retry-After` or with
growing pauses. What a repetition cannot mend (a bad key, no credit, an unknown model) opens the breaker at once, with
one sentence for the operator. Every request sent counts: against the budget, in the metrics and in `cost`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletion
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from fusionlog.errors import SettingError, TeacherError
from fusionlog.observability import metrics
from fusionlog.settings import LabelSettings
from fusionlog.teachers.base import clip
from fusionlog.teachers.cost import FREE, Cost
from fusionlog.teachers.llm.breaker import Breaker
from fusionlog.teachers.llm.budget import Budget
from fusionlog.teachers.llm.prompts import ResponseFormats, response_formats
from fusionlog.teachers.llm.retries import LONGEST_WAIT, TransientError, pause, retry_after
from fusionlog.teachers.redaction import redact
from fusionlog.types import Clock

_HELP = {
    401: "refuses the key: set FUSIONLOG_LABEL__API_KEY",
    402: "reports that the account is out of credit: add credit, or change FUSIONLOG_LABEL__URL",
    403: "forbids this key to use the model: check FUSIONLOG_LABEL__API_KEY and FUSIONLOG_LABEL__MODEL",
    404: "has no such path or model: check FUSIONLOG_LABEL__URL (it often ends with /v1) and FUSIONLOG_LABEL__MODEL",
}


class RefusedError(TeacherError):
    """The endpoint refuses this request (400, 413, 422); it may accept another one."""


@dataclass(frozen=True)
class Dialect:
    """The options of OpenAI's interface that the endpoint accepts. `settled` once it has answered a call with them.

    `format` is the index of a response format; `temperature` is whether a request carries one.
    """

    format: int = 0
    temperature: bool = True
    settled: bool = False

    def fallback(self, problem: str, formats: int) -> Dialect | None:
        """The dialect to try after the endpoint refused a request; None when the request itself is at fault.

        :param formats: the number of response formats.
        """
        if self.settled:
            return None
        if self.temperature and "temperature" in problem:
            return replace(self, temperature=False)
        return replace(self, format=self.format + 1) if self.format + 1 < formats else None


class Endpoint:
    """A client of the endpoint in the settings, with a budget, a breaker and a cost.

    :param clock: seconds that never go back, for budget and breaker.
    :param sleep: waits seconds between repetitions.
    :param formats: response formats, strictest first; default: those of verdicts.
    :raises SettingError: the URL is not valid.
    """

    def __init__(
        self,
        settings: LabelSettings,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        formats: ResponseFormats | None = None,
    ) -> None:
        self.place = _place(settings.url)
        self.settings = settings
        self.budget = Budget(settings.calls_per_hour, clock)
        self.breaker = Breaker(settings.breaker_failures, settings.breaker_seconds, clock)
        self.cost = FREE
        self.dialect = Dialect()
        self._formats = formats or response_formats()
        self._sleep = sleep
        # The key is the setting's or none: one that lies in OPENAI_API_KEY must not go to whatever URL is configured.
        key = settings.api_key.get_secret_value() if settings.api_key else "none"
        self._client = openai.AsyncOpenAI(
            base_url=settings.url, api_key=key, timeout=settings.timeout, max_retries=0, organization="", project=""
        )

    async def complete(self, messages: list[dict[str, str]], budget: Budget | None = None) -> str | None:
        """The text of the model's answer, charged to a budget; default: the endpoint's own.

        :raises RefusedError: the endpoint refuses this request (400, 413, 422).
        :raises TeacherError: no answer now; `retry_after` is the seconds until the next try.
        """
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.settings.retries + 1),
            wait=pause,
            retry=retry_if_exception_type(TransientError),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._converse, messages, budget or self.budget)
        except TransientError as error:
            later = max(error.retry_after or 0.0, self.settings.breaker_seconds)
            raise TeacherError(f"{error} ({self.settings.retries + 1} calls)", retry_after=later) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _converse(self, messages: list[dict[str, str]], budget: Budget) -> str | None:
        """One answer, in the first dialect that the endpoint accepts."""
        dialect = self.dialect
        while True:
            try:
                content = await self._send(messages, dialect, budget)
            except RefusedError as error:
                fallback = dialect.fallback(str(error), len(self._formats))
                if fallback is None:
                    raise
                dialect = fallback
            else:
                self.dialect = replace(dialect, settled=True)
                return content

    async def _send(self, messages: list[dict[str, str]], dialect: Dialect, budget: Budget) -> str | None:
        self.breaker.check()
        reported = False
        try:
            budget.spend()
            self.cost += Cost(calls=1)
            completion = await self._client.chat.completions.create(**self._request(messages, dialect))
            reported = True
        except (openai.APIError, ValueError) as error:
            reported = True
            raise self._failure(error) from error
        finally:
            if not reported:
                self.breaker.left()
        return self._read(completion)

    def _request(self, messages: list[dict[str, str]], dialect: Dialect) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self.settings.model, "messages": messages}
        response_format = self._formats[dialect.format]
        if response_format is not None:
            request["response_format"] = response_format
        if dialect.temperature:
            request["temperature"] = 0
        return request

    def _read(self, completion: object) -> str | None:
        """The text of a completion; a 200 that is none (a proxy's page, say) is a failure of the endpoint."""
        if not isinstance(completion, ChatCompletion) or not completion.choices:
            raise self._transient("failed", "answers 200 with something that is not a chat completion", None)
        self.breaker.succeeded()
        metrics.LLM_CALLS.labels("ok").inc()
        if completion.usage:
            self._count(completion.usage.prompt_tokens or 0, completion.usage.completion_tokens or 0)
        return completion.choices[0].message.content

    def _count(self, prompt: int, completion: int) -> None:
        metrics.LLM_TOKENS.labels("prompt").inc(prompt)
        metrics.LLM_TOKENS.labels("completion").inc(completion)
        self.cost += Cost(prompt_tokens=prompt, completion_tokens=completion)

    def _failure(self, error: openai.APIError | ValueError) -> TeacherError:
        """The error to raise for an error of the client; it is counted, and reported to the breaker."""
        if isinstance(error, openai.APITimeoutError):
            return self._transient("timeout", f"gives no answer within {self.settings.timeout:g} s", None)
        if isinstance(error, openai.APIConnectionError):
            return self._transient("unreachable", "cannot be reached", None)
        if not isinstance(error, openai.APIStatusError):
            return self._transient("failed", "answers 200 with something that is not a chat completion", None)
        status = error.status_code
        if status == 429 and "insufficient_quota" in (error.code, error.type):
            status = 402
        if status in _HELP:
            return self._denied(status)
        problem = f"answers {status}: {clip(redact(error.message), 200)}"
        if status == 429 or status in (408, 409) or status >= 500:
            outcome = "rate_limited" if status == 429 else "failed"
            return self._transient(outcome, problem, retry_after(error.response.headers, time.time()))
        metrics.LLM_CALLS.labels("refused").inc()
        self.breaker.succeeded()  # The endpoint is up and reads requests; a bad one is no sign for the next.
        return RefusedError(f"{self.place} {problem}")

    def _denied(self, status: int) -> TeacherError:
        metrics.LLM_CALLS.labels("denied").inc()
        why = f"{self.place} {_HELP[status]} ({status}, model {self.settings.model!r})"
        self.breaker.trip(why)
        return TeacherError(why, retry_after=self.settings.breaker_seconds)

    def _transient(self, outcome: str, problem: str, seconds: float | None) -> TeacherError:
        metrics.LLM_CALLS.labels(outcome).inc()
        why = f"{self.place} {problem}"
        if seconds is not None and seconds > LONGEST_WAIT:
            self.breaker.trip(why, seconds)
            return TeacherError(why, retry_after=seconds)
        self.breaker.failed(why)
        return TransientError(why, retry_after=seconds)


def _place(url: str | None) -> str:
    """The endpoint's name in messages: scheme, host and port, without login, path or query.

    :raises SettingError: the URL is not valid.
    """
    try:
        parts = urlsplit(url or "")
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise SettingError("FUSIONLOG_LABEL__URL", url, f"not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError("FUSIONLOG_LABEL__URL", url, "must be like http://127.0.0.1:8089/v1 or https://host/v1")
    return f"{parts.scheme}://{parts.hostname}{port}"
