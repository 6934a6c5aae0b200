"""The base of all groups of settings, and the types of secrets beside pydantic's `SecretStr`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Secret, field_validator

from fusionlog.utils.masking import has_secret, masked_url

MOST = 2**31 - 1
"""Kafka, clocks and queues take no greater number."""


class SettingsGroup(BaseModel):
    """A group of settings: it is immutable, a field that does not exist is an error, and so is a number that nothing
    can be done with."""

    # Values do not stand in pydantic's messages: a wrong group may hold a password.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _fits(cls, value: Any) -> Any:
        """Refuse a number that is too great to be meant."""
        if isinstance(value, int | float) and abs(value) > MOST:
            raise ValueError(f"must be at most {MOST}")
        return value


class SecretUrl(Secret[str]):
    """A URL that may hold a login or a key: it is shown with both masked."""

    def _display(self) -> str:
        return masked_url(self.get_secret_value())

    @property
    def holds_secret(self) -> bool:
        """Whether there is something to mask in it."""
        return has_secret(self.get_secret_value())
