"""A call to an OpenAI-compatible endpoint: paid from the budget, guarded by the breaker, repeated when that may help.

A call is repeated in place after 429, 5xx, a timeout or a lost connection, after the seconds of `Retry-After` or with
growing pauses. What a repetition cannot mend (a bad key, no credit, an unknown model) opens the breaker at once, with
one sentence for the operator. What the endpoint can do is negotiated by its first calls and remembered (see `dialect`).
Every request sent counts: against the budget, in the metrics and in `cost`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from fusionlog.errors import TeacherError
from fusionlog.observability import metrics
from fusionlog.settings import LabelSettings
from fusionlog.teachers.cost import FREE, Cost
from fusionlog.teachers.llm import refusals
from fusionlog.teachers.llm.breaker import Breaker
from fusionlog.teachers.llm.budget import Budget, CallBudget, Charge, LimitedBudget
from fusionlog.teachers.llm.client import Client, NoResponseError, Response
from fusionlog.teachers.llm.dialect import Dialect, Messages, ResponseFormats
from fusionlog.teachers.llm.prompts import response_formats
from fusionlog.teachers.llm.refusals import ContextError, DeniedError, RefusedError
from fusionlog.teachers.llm.reply import AnswerError, Reply, reply_of
from fusionlog.teachers.llm.retries import LONGEST_WAIT, SlowError, TransientError, pause
from fusionlog.teachers.llm.usage import UNUSED, most_of, usage_of
from fusionlog.types import Clock
from fusionlog.utils.retry_after import retry_after

__all__ = ["ContextError", "Endpoint", "RefusedError"]

LEAST_KEY_CHARS = 6
"""A shorter key is a word such as `none`, and no secret."""

LIMITED_RETRIES = 2
"""Repetitions of a failed call at most while requests are limited: each may try another form."""

T = TypeVar("T")
Read = Callable[[Reply], T]
"""Reads an answer; raises `AnswerError` where nothing in it is usable."""


class Endpoint:
    """A client of the endpoint in the settings, with a budget, a breaker and a cost.

    :param clock: seconds that never go back, for budget and breaker.
    :param sleep: waits seconds between repetitions.
    :param formats: response formats in the order of trial; default: those of verdicts.
    :param budget: what calls are charged to; default: the calls of an hour, of this process alone.
    :raises SettingError: the URL is not valid.
    """

    def __init__(
        self,
        settings: LabelSettings,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        formats: ResponseFormats | None = None,
        budget: CallBudget | None = None,
    ) -> None:
        self._client = Client(settings)
        self.place = self._client.place
        self.settings = settings
        self.clock = clock
        self.budget: CallBudget = budget or Budget(settings.calls_per_hour, clock)
        self.breaker = Breaker(settings.breaker_failures, settings.breaker_seconds, clock)
        self.cost = FREE
        self.problem = ""
        """Why the last request brought nothing usable; empty where it did."""
        self.proven = False
        """Whether it has given a usable answer since it was last left alone."""
        self.distrusted = False
        """Whether it was left alone because its answers cannot be used: a made-up question tests it, then."""
        self.usable_answers = 0
        self._formats = formats or response_formats()
        self.dialect = Dialect(self._formats[0])
        self._negotiation = asyncio.Lock()
        self._unusable_row = 0
        self._sleep, self._retries, self._longest_wait = sleep, settings.retries, LONGEST_WAIT

    async def complete(self, messages: Messages, read: Read[T], budget: CallBudget | None = None) -> T:
        """What `read` makes of the model's answer, charged to a budget; default: the endpoint's own.

        :raises AnswerError: the answer cannot be used.
        :raises ContextError: the request is too long for the model.
        :raises RefusedError: the endpoint refuses this request.
        :raises TeacherError: no answer now; `retry_after` is the seconds until the next try.
        """
        retrying = AsyncRetrying(
            stop=self._stops,
            wait=pause,
            retry=retry_if_exception_type(TransientError),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._converse, messages, read, budget or self.budget)
        except TransientError as error:
            later = max(error.retry_after or 0.0, self.settings.breaker_seconds)
            calls = retrying.statistics.get("attempt_number", 1)
            raise TeacherError(f"{error} ({calls} calls)", retry_after=later) from error

    def leave_alone(self, error: TeacherError) -> TeacherError:
        """Open the breaker because the endpoint gives nothing usable; returns the error to report."""
        refused = f"{error}; it refuses made-up requests, too"
        why = refused if isinstance(error, RefusedError) else f"{self.place} answers 200 with nothing usable: {error}"
        self.breaker.trip(why)
        self._show("refused" if isinstance(error, RefusedError) else "unusable")
        self.proven, self.distrusted, self._unusable_row, self.problem = False, True, 0, why
        return TeacherError(why, retry_after=self.settings.breaker_seconds)

    @contextmanager
    def limited(self, calls: int, longest_wait: float) -> Iterator[None]:
        """Send at most so many requests meanwhile, and repeat failed ones less often, after such a wait at most."""
        before, retries, wait = self.budget, self._retries, self._longest_wait
        self.budget = LimitedBudget(before, calls)
        self._retries, self._longest_wait = min(retries, LIMITED_RETRIES), longest_wait
        try:
            yield
        finally:
            self.budget, self._retries, self._longest_wait = before, retries, wait

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _stops(self, state: RetryCallState) -> bool:
        """Whether a failed call is repeated no more; one that takes too long is repeated once."""
        slow = state.outcome is not None and isinstance(state.outcome.exception(), SlowError)
        return state.attempt_number > (min(self._retries, 1) if slow else self._retries)

    async def _converse(self, messages: Messages, read: Read[T], budget: CallBudget) -> T:
        """One answer, in the first dialect that the endpoint accepts; one call at a time finds it out."""
        if self.dialect.settled:
            return await self._negotiate(messages, read, budget)
        async with self._negotiation:
            return await self._negotiate(messages, read, budget)

    async def _negotiate(self, messages: Messages, read: Read[T], budget: CallBudget) -> T:
        dialect = self.dialect
        while True:
            try:
                return await self._send(messages, dialect, read, budget)
            except RefusedError as error:
                fallback = dialect.fallback(error.topic, self._formats)
                if self.distrusted and error.topic is None:
                    # One request a trial, each time in another form: it has refused them all.
                    self.dialect, fallback = fallback or Dialect(self._formats[0]), None
                if fallback is None:
                    raise
                dialect = fallback
                if error.topic is not None:
                    self.dialect = fallback

    async def _send(self, messages: Messages, dialect: Dialect, read: Read[T], budget: CallBudget) -> T:
        self.breaker.check()
        reported = False
        try:
            request = dialect.request(messages)
            charge = await budget.take(most_of(request))
            self.cost += Cost(calls=1)
            response = await self._respond(request, charge)
            reported = True
            return self._answer(response, dialect, read)
        except NoResponseError as error:
            reported = True
            if error.outcome == "denied":
                raise self._denied(f"{self.place} {error}") from error
            raise self._transient(error.outcome, str(error), None) from error
        finally:
            if not reported:
                self.breaker.left()

    async def _respond(self, request: dict[str, Any], charge: Charge) -> Response:
        """The response to a request, which is charged by its usage; one without a response in time, by an estimate.

        :raises NoResponseError: there is none.
        """
        try:
            response = await self._client.post(request)
        except NoResponseError as error:
            await charge.settle(UNUSED if error.outcome in ("unreachable", "denied") else most_of(request))
            raise
        await charge.settle(usage_of(request, response))
        return replace(response, body=self._without_key(response.body))

    def _answer(self, response: Response, dialect: Dialect, read: Read[T]) -> T:
        """What `read` makes of a response; every error is counted, and reported to the breaker."""
        if not 200 <= response.status < 300:
            raise self._refusal(response.status, response)
        try:
            reply = reply_of(response.body)
        except AnswerError as error:
            status = refusals.status_in(response.body)
            if status is not None:
                raise self._refusal(status, response) from None
            raise self._transient(
                "failed", f"answers 200 with something that is not a chat completion: {error}", None
            ) from None
        self.dialect = replace(dialect, settled=True)
        self._count(reply)
        try:
            answer = read(reply)
        except AnswerError as error:
            self._unusable(error, dialect)
            raise
        self._usable()
        return answer

    def _usable(self) -> None:
        metrics.LLM_CALLS.labels("ok").inc()
        self.proven, self.distrusted, self._unusable_row, self.problem = True, False, 0, ""
        self.usable_answers += 1
        self.breaker.succeeded()
        self._show("")

    def _unusable(self, error: AnswerError, dialect: Dialect) -> None:
        """Count an answer that cannot be used; while none could be, the next call asks in another form."""
        if error.understood:
            self._usable()
            return
        metrics.LLM_CALLS.labels("unusable").inc()
        self.problem = f"{self.place} answers 200: {error}"
        self._unusable_row += 1
        if error.finish_reason == "length" and dialect.max_tokens:
            dialect = self.dialect = replace(dialect, max_tokens=None)  # Its thoughts need more than its answer.
        if not error.several:
            self._try_another_form(dialect)
        if self.breaker.testing or (not self.proven and self._unusable_row >= self.breaker.failures):
            self.leave_alone(error)
        else:
            self.breaker.left()

    def _try_another_form(self, dialect: Dialect) -> None:
        """As long as no answer was usable, ask in the next form; after the last one in the first again."""
        if not self.proven:
            first = replace(dialect, format=self._formats[0], tried=frozenset(), settled=False)
            self.dialect = dialect.other_format(self._formats) or first

    def _count(self, reply: Reply) -> None:
        metrics.LLM_TOKENS.labels("prompt").inc(reply.prompt_tokens)
        metrics.LLM_TOKENS.labels("completion").inc(reply.completion_tokens)
        self.cost += Cost(prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens)

    def _refusal(self, status: int, response: Response) -> TeacherError:
        """The error to raise for a response with an error status; it is counted, and reported to the breaker."""
        error = refusals.error_of(status, response, self.settings.model)
        why = f"{self.place} {error}"
        if isinstance(error, RefusedError):
            metrics.LLM_CALLS.labels("refused").inc()
            self.breaker.left()  # The endpoint is up and reads requests, yet a refusal is no answer.
            self.problem = why
            return type(error)(why, error.topic)
        if isinstance(error, DeniedError):
            return self._denied(why)
        if status == 500:
            self._try_another_form(self.dialect)  # Some servers fail on a form that they do not know.
        outcome = "rate_limited" if status == 429 else "failed"
        return self._transient(outcome, str(error), retry_after(response.headers, time.time()))

    def _denied(self, why: str) -> TeacherError:
        metrics.LLM_CALLS.labels("denied").inc()
        self.breaker.trip(why)
        self._show("denied")
        self.problem = why
        return TeacherError(why, retry_after=self.settings.breaker_seconds)

    def _show(self, reason: str) -> None:
        """Show in the metrics whether the endpoint is left alone, and for which reason, a short code."""
        metrics.show_teacher(None if self.breaker.why is None else reason)

    def _without_key(self, body: bytes) -> bytes:
        """The body without the API key, which some endpoints quote, in an error or in what may become a reason."""
        key = self.settings.api_key.get_secret_value().encode() if self.settings.api_key else b""
        return body.replace(key, b"<SECRET>") if len(key) >= LEAST_KEY_CHARS else body

    def _transient(self, outcome: str, problem: str, seconds: float | None) -> TeacherError:
        metrics.LLM_CALLS.labels(outcome).inc()
        why = self.problem = f"{self.place} {problem}"
        if seconds is not None and seconds > self._longest_wait:
            self.breaker.trip(why, seconds)
            self._show(outcome)
            return TeacherError(why, retry_after=seconds)
        self.breaker.failed(why)
        self._show(outcome)
        if outcome == "timeout":
            self.dialect = self.dialect.bounded()
        return (SlowError if outcome == "timeout" else TransientError)(why, retry_after=seconds)
