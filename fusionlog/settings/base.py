"""The base of all groups of settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class SettingsGroup(BaseModel):
    """A group of settings: it is immutable, and a field that does not exist is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
