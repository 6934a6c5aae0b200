"""Private keys (PEM, PKCS #8, ed25519) and the ids of keys, which are derived from their public halves."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from fusionlog.errors import SettingError
from fusionlog.utils.files import writing

OWNER_ONLY = 0o600
MAX_BYTES = 64 * 1024
"""Of a file of keys: a longer one is none."""
GENERATE = "fusionlog keys generate makes one"


def key_id(public: bytes) -> str:
    """The id of a key: the first 16 hexadecimal digits of the SHA-256 of its public half, 32 bytes."""
    return hashlib.sha256(public).hexdigest()[:16]


@dataclass(frozen=True)
class PrivateKey:
    """A private key; its representation has the id alone."""

    id: str
    public: bytes
    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> PrivateKey:
        """A new key."""
        return cls._of(Ed25519PrivateKey.generate())

    @classmethod
    def of_pem(cls, pem: str, setting: str, shown: object) -> PrivateKey:
        """The key of a PEM text; line ends may be written as `\\n`, as files of environment variables have them.

        :param setting: that the text came from, and :param shown: what an error shows of it, never the text.
        :raises SettingError: it is empty, or no unencrypted ed25519 key.
        """
        if not pem.strip():
            raise SettingError(setting, shown, f"it is empty: give a private key ({GENERATE}), or unset it")
        try:
            found = load_pem_private_key(pem.strip().replace("\\n", "\n").encode(), password=None)
        except TypeError:
            raise SettingError(setting, shown, "the key is encrypted: give it without a password") from None
        except (ValueError, UnsupportedAlgorithm):
            raise SettingError(setting, shown, f"it is no private key in PEM form: {GENERATE}") from None
        if not isinstance(found, Ed25519PrivateKey):
            raise SettingError(setting, shown, f"its key is not of ed25519: {GENERATE}")
        return cls._of(found)

    @classmethod
    def _of(cls, key: Ed25519PrivateKey) -> PrivateKey:
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return cls(key_id(public), public, key)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 64 bytes."""
        return self._key.sign(message)

    def write(self, path: Path) -> None:
        """Write the key to a file that its owner alone can read and write, in place of one that is there.

        :raises WriteError: the operating system refuses.
        """
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        half = path.with_name(f"{path.name}.part")
        with writing(path):
            half.unlink(missing_ok=True)
            try:
                # It is never, not for a moment, readable by others.
                with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
                    os.fchmod(file.fileno(), OWNER_ONLY)
                    file.write(pem)
                half.replace(path)
            finally:
                half.unlink(missing_ok=True)


def read_key_file(path: Path, setting: str) -> str:
    """The text of a file of keys.

    :raises SettingError: it cannot be read, or is none; the message names the file and nothing of its content.
    """
    try:
        with path.expanduser().open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) <= MAX_BYTES:
            return data.decode("utf-8-sig")
    except OSError as error:
        raise SettingError(setting, str(path), f"the file cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        pass
    raise SettingError(setting, str(path), f"the file holds no keys: {GENERATE}")


def public_bytes(text: str) -> bytes:
    """The public half of a key from Base64.

    :raises ValueError: it is not that of 32 bytes.
    """
    found = base64.b64decode(text, validate=True)
    if len(found) != 32:
        raise ValueError(f"it has {len(found)} bytes, not 32")
    return found
