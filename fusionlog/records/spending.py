"""The record of what a worker has spent on a language model."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from fusionlog.records.base import Record, SpendingRole


class Spend(Record, frozen=True, kw_only=True):
    """What one worker has spent on a language model within one minute: requests, tokens, and their price.

    `system` is the one whose calls are counted apart, as an explain worker's are; empty otherwise. `money` is in the
    currency of the prices in the settings, and `reserved` the part of it that is held for requests under way.
    `estimated` counts the requests whose tokens the endpoint did not report: theirs come from the length of the texts.
    `number` counts the records of a worker. Of records with one key the last one counts.
    """

    worker: str
    number: int
    role: SpendingRole
    minute: Annotated[int, Meta(description="Unix time of the beginning of the minute")]
    calls: int
    system: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    reserved: float = 0.0
    estimated: int = 0
