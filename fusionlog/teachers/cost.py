"""The cost of calls to a language model: one type for teachers, the explainer and every method of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Requests sent, repeated ones included; the tokens of their prompts and answers; units (windows) sent.

    A cost limits nothing: the calls of an hour are limited by `llm.budget`.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    units: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of prompts and answers."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.units + other.units,
        )

    def __sub__(self, before: Cost) -> Cost:
        return Cost(
            self.calls - before.calls,
            self.prompt_tokens - before.prompt_tokens,
            self.completion_tokens - before.completion_tokens,
            self.units - before.units,
        )


FREE = Cost()
