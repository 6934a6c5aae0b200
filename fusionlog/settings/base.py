"""The base of all groups of settings, and the types of secrets beside pydantic's `SecretStr`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Secret

from fusionlog.utils.masking import has_secret, masked_url


class SettingsGroup(BaseModel):
    """A group of settings: it is immutable, and a field that does not exist is an error."""

    # Values do not stand in pydantic's messages: a wrong group may hold a password.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SecretUrl(Secret[str]):
    """A URL that may hold a login or a key: it is shown with both masked."""

    def _display(self) -> str:
        return masked_url(self.get_secret_value())

    @property
    def holds_secret(self) -> bool:
        """Whether there is something to mask in it."""
        return has_secret(self.get_secret_value())
