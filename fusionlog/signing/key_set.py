"""The set of public keys: JSON that every process verifies with, and that states which kinds each key signs."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct
from msgspec.structs import replace

from fusionlog.errors import SettingError
from fusionlog.signing.keys import key_id, public_bytes, read_key_file
from fusionlog.signing.kinds import Kind, kinds_of
from fusionlog.utils.files import replace_file

VALID_KEYS = 2
"""The keys of one signer that sign at a time: the one in use, and during a rotation the next."""
SETTING = "FUSIONLOG_SIGNING__PUBLIC_KEYS"


class PublicKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The public half of a key: Base64 of its 32 bytes, its signer, the kinds that it signs, when it was made.

    A retired key signs nothing from `until` on; what it signed before that remains valid. Times are Unix seconds.
    """

    signer: str
    public: str
    signs: list[Kind]
    made: float
    until: float | None = None

    def retired_at(self, seconds: float) -> bool:
        """Whether it was retired before a time, in Unix seconds."""
        return self.until is not None and seconds > self.until


class KeySet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The public keys by their ids, which are derived from the keys."""

    keys: dict[str, PublicKey] = {}

    def of(self, signer: str) -> dict[str, PublicKey]:
        """The keys of a signer that are not retired, the oldest first."""
        valid = {id: key for id, key in self.keys.items() if key.signer == signer and key.until is None}
        return dict(sorted(valid.items(), key=lambda each: each[1].made))

    def signing(self, kind: Kind) -> list[str]:
        """The ids of the keys that may sign a kind and are not retired."""
        return [id for id, key in self.keys.items() if kind in key.signs and key.until is None]


def added(keys: KeySet, signer: str, public: bytes, now: float) -> KeySet:
    """The set with a further key of a signer; of its keys the two newest stay valid, an earlier one is retired now."""
    new = PublicKey(signer=signer, public=base64.b64encode(public).decode(), signs=[*kinds_of(signer)], made=now)
    retired = list(keys.of(signer))[: -(VALID_KEYS - 1)]
    kept = {id: replace(key, until=now) if id in retired else key for id, key in keys.keys.items()}
    return KeySet(keys={**kept, key_id(public): new})


def without(keys: KeySet, signer: str) -> KeySet:
    """The set without all keys of a signer, retired ones included: nothing that they signed is valid any longer."""
    return KeySet(keys={id: key for id, key in keys.keys.items() if key.signer != signer})


def public_keys(keys: KeySet) -> dict[str, Ed25519PublicKey]:
    """The keys of a set, ready to verify, by their ids.

    :raises ValueError: a key is none, or is not that of its id.
    """
    found = {}
    for id, key in keys.keys.items():
        try:
            public = public_bytes(key.public)
        except ValueError as error:
            raise ValueError(f"key {id} is no Base64 of an ed25519 public key: {error}") from error
        if key_id(public) != id:
            raise ValueError(f"key {id} has the id {key_id(public)}")
        found[id] = Ed25519PublicKey.from_public_bytes(public)
    return found


def read_key_set(path: Path, setting: str = SETTING) -> KeySet:
    """The set of a file.

    :raises SettingError: it cannot be read, is no set, or holds no key.
    """
    text = read_key_file(path, setting)
    try:
        keys = msgspec.json.decode(text, type=KeySet)
        public_keys(keys)
    except (msgspec.DecodeError, ValueError) as error:
        remedy = f"it is no set of public keys ({error}): take the file that fusionlog keys generate wrote"
        raise SettingError(setting, str(path), remedy) from error
    if not keys.keys:
        raise SettingError(setting, str(path), "it holds no key: fusionlog keys generate adds one, or unset it")
    return keys


def write_key_set(path: Path, keys: KeySet) -> None:
    """Write a set to a file, atomically.

    :raises WriteError: the operating system refuses.
    """
    replace_file(path, msgspec.json.format(msgspec.json.encode(keys), indent=2) + b"\n")
