"""The base of all groups of settings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

MOST = 2**31 - 1
"""Kafka, clocks and queues take no greater number."""


class SettingsGroup(BaseModel):
    """A group of settings: it is immutable, a field that does not exist is an error, and so is a number that nothing
    can be done with."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _fits(cls, value: Any) -> Any:
        """Refuse a number that is too great to be meant."""
        if isinstance(value, int | float) and abs(value) > MOST:
            raise ValueError(f"must be at most {MOST}")
        return value
