"""The record of what a worker has spent on a language model."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from fusionlog.records.base import Money, Record, SpendingRole, Sum


class Spend(Record, frozen=True, kw_only=True):
    """What one worker has spent on a language model within one minute: requests, tokens, and their price.

    `system` is the one whose calls are counted apart, as an explain worker's are; empty otherwise. `money` is in the
    currency of the prices in the settings, and `reserved` the part of it that is held for requests under way.
    `estimated` counts the requests whose tokens the endpoint did not report: theirs come from the length of the texts.
    `number` counts the records of a worker. Of records with one key the last one counts.
    """

    worker: str
    number: Sum
    role: SpendingRole
    minute: Annotated[
        int, Meta(ge=0, lt=253370764800, description="Unix time of the beginning of the minute, before the year 9999")
    ]
    calls: Sum
    system: str = ""
    prompt_tokens: Sum = 0
    completion_tokens: Sum = 0
    money: Money = 0.0
    reserved: Money = 0.0
    estimated: Sum = 0
