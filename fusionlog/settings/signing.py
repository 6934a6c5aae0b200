"""The signatures of the settings: its keys are read, and empty ones refused."""

from __future__ import annotations

from collections.abc import Mapping

from fusionlog.errors import NOT_SHOWN, SettingError
from fusionlog.settings.groups import SigningSettings
from fusionlog.signing.key_set import read_key_set
from fusionlog.signing.keys import PrivateKey, read_key_file
from fusionlog.signing.signatures import Signatures

PREFIX = "FUSIONLOG_SIGNING__"
FORMER = "FUSIONLOG_SIGNING_KEY"


def signatures_of(signing: SigningSettings) -> Signatures:
    """The private key and the public keys that are set.

    :raises SettingError: a key is empty, or cannot be read.
    """
    path = signing.public_keys
    public = read_key_set(path) if path is not None else None
    return Signatures(_private_key(signing), public, path)


def _private_key(signing: SigningSettings) -> PrivateKey | None:
    if signing.key_file is not None:
        setting, path = f"{PREFIX}KEY_FILE", signing.key_file
        text = read_key_file(path, setting)
        if signing.key is not None and signing.key.get_secret_value().strip() != text.strip():
            raise SettingError(setting, str(path), f"{PREFIX}KEY is set to another key: unset one of them")
        return PrivateKey.of_pem(text, setting, str(path))
    if signing.key is None:
        return None
    return PrivateKey.of_pem(signing.key.get_secret_value(), f"{PREFIX}KEY", NOT_SHOWN)


def refuse_empty(environment: Mapping[str, str]) -> None:
    """Refuse a variable of keys that is set to nothing, which would turn signatures off without a word; and the one of
    a former release.

    :raises SettingError: naming it.
    """
    for name, value in environment.items():
        if name.startswith(PREFIX) and not value.strip():
            raise SettingError(name, value, "it is empty: give a key (fusionlog keys generate makes one), or unset it")
    if FORMER in environment:
        raise SettingError(
            FORMER, NOT_SHOWN,
            f"one key for all is no longer used: unset it, run  fusionlog keys generate, and set {PREFIX}KEY_FILE and "
            f"{PREFIX}PUBLIC_KEYS (CHANGELOG.md has the steps)",
        )  # fmt: skip
