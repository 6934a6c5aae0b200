"""Signing and verification: one process's private key, and the set of public keys that it trusts."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fusionlog.errors import RecordError, SettingError
from fusionlog.signing.envelope import Signature, message
from fusionlog.signing.key_set import SETTING, KeySet, PublicKey, public_keys, read_key_set
from fusionlog.signing.keys import PrivateKey
from fusionlog.signing.kinds import SIGNER_OF, SIGNERS, Kind, kinds_of
from fusionlog.types import Clock

CLOCK_SECONDS = 60.0
"""The clocks of two signers may differ by so much: a record that is older by more than the one before it, under its
key, is a replay."""
KEY_SETTING = "FUSIONLOG_SIGNING__KEY_FILE"
OFF = "records are not signed: whoever can write to the topics of labels and models decides what is anomalous"
REMEDY = "run  fusionlog keys generate  and set FUSIONLOG_SIGNING__PUBLIC_KEYS"

log = structlog.get_logger(__name__)


class Signatures:
    """The signatures of a process. Thread-safe.

    :param private: the key that it signs with; None: it signs nothing.
    :param public: the keys that it verifies with; None: it verifies nothing.
    :param path: the file of the public keys, which is read again where it has changed.
    """

    def __init__(
        self, private: PrivateKey | None = None, public: KeySet | None = None, path: Path | None = None,
        clock: Clock = time.time,
    ) -> None:  # fmt: skip
        self._private, self._path, self._clock = private, path, clock
        self._trusted = _trusted(public) if public is not None else None
        self._stamp = _stamp(path)
        self._lock = threading.Lock()
        self._signed: dict[tuple[str, bytes], int] = {}
        """The newest time of each record that was verified or signed here, for what is signed under its key next."""
        self._others_sign = self._warned = False

    @property
    def verifies(self) -> bool:
        """Whether records must be signed; else their signatures are not looked at."""
        return self._trusted is not None

    @property
    def key(self) -> str | None:
        """The id of this process's private key."""
        return self._private.id if self._private else None

    @property
    def state(self) -> Mapping[str, Any]:
        """What `/readyz` shows: whether records are verified, with how many keys, and the id of this process's key."""
        return {"verified": self.verifies, "public_keys": len(self._trusted or ()), "key": self.key}

    def check_role(self, role: str) -> None:
        """Check that this process can sign what its role writes, where records are verified.

        :raises SettingError: it has no key, or one that may not sign that.
        """
        if role in SIGNER_OF:
            for kind in kinds_of(SIGNER_OF[role]):
                self._check_own(kind, SIGNER_OF[role])

    def sign(self, kind: Kind, topic: str, key: bytes, value: bytes) -> str | None:
        """The signature of a record; None where records are not signed. It is newer than all known ones of its key.

        :raises SettingError: records are verified, and this process has no key that may sign this kind.
        """
        self._check_own(kind)
        if self._private is None:
            self._warn_alone(topic)
            return None
        with self._lock:
            at = max(int(self._clock() * 1000), self._signed.get((topic, key), 0) + 1)
            self._signed[topic, key] = at
        return Signature(self._private.id, at, self._private.sign(message(kind, topic, key, at, value))).encode()

    def verify(self, kind: Kind, topic: str, key: bytes, value: bytes, signature: str | None) -> int:
        """Verify a record's signature; its time, in Unix milliseconds.

        :raises RecordError: `unsigned`, `bad-signature` (another record's, or not of this key), `unknown-key`,
            `wrong-signer` (the key may not sign this kind), or `retired-key`.
        """
        what = f"the {kind} {key.decode('utf-8', 'replace')!r} of {topic}"
        if signature is None:
            raise RecordError(
                "unsigned",
                f"{what} has no signature, and {SETTING} is set: its writer has no key, or it is forged",
            )
        found = Signature.of(signature)
        if found.key not in (self._trusted or {}):
            self.refresh()
        trusted = (self._trusted or {}).get(found.key)
        if trusted is None:
            raise RecordError("unknown-key", f"{what} is signed with key {found.key}, which {SETTING} does not have")
        try:
            trusted.key.verify(found.value, message(kind, topic, key, found.at, value))
        except InvalidSignature:
            detail = f"{what} has a signature of key {found.key} that is not its own: it was altered, moved or forged"
            raise RecordError("bad-signature", detail) from None
        owner = f"key {found.key} of {trusted.entry.signer}"
        if kind not in trusted.entry.signs:
            raise RecordError("wrong-signer", f"{what} is signed with {owner}, which signs no {kind}")
        if trusted.entry.retired_at(found.at / 1000):
            raise RecordError("retired-key", f"{what} is signed with {owner} after it was retired")
        return found.at

    def observe_signed(self) -> None:
        """Note that others sign their records, and this process neither signs nor verifies."""
        self._others_sign = True

    def observe(self, topic: str, key: bytes, at: int) -> None:
        """Note the time of a verified record: what is signed here under its key next is newer."""
        if self._private is not None:
            with self._lock:
                self._signed[topic, key] = max(at, self._signed.get((topic, key), 0))

    def refresh(self) -> None:
        """Read the file of public keys again, where it has changed; one that cannot be used leaves the keys as they
        are."""
        if self._path is None:
            return
        with self._lock:
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            try:
                found = read_key_set(self._path)
            except SettingError as error:
                log.error("the public keys are not read again: those from before stay", error=str(error))
                return
            self._trusted = _trusted(found)
            log.info("public keys read again", file=str(self._path), keys=len(found.keys))

    def _warn_alone(self, topic: str) -> None:
        """Warn once that whoever verifies refuses what is written here beside signed records."""
        if self._others_sign and not self._warned:
            self._warned = True
            log.warning(
                f"{topic} has signed records, and this process signs none: whoever verifies refuses what it writes",
                remedy=f"set {SETTING} and {KEY_SETTING}",
            )

    def _check_own(self, kind: Kind, signer: str | None = None) -> None:
        signers = signer or " or ".join(each for each, kinds in SIGNERS.items() if kind in kinds)
        if self._trusted is None:
            if self._private is not None:
                remedy = "set it to the file of public keys: a process that signs verifies, too"
                raise SettingError(SETTING, None, remedy)
            return
        if self._private is None:
            raise SettingError(
                KEY_SETTING, None,
                f"{SETTING} is set, so a {kind} must be signed: give the private key of {signers}, as "
                "fusionlog keys generate wrote it",
            )  # fmt: skip
        trusted = self._trusted.get(self._private.id)
        if trusted is None:
            raise SettingError(
                KEY_SETTING, f"key {self._private.id}",
                f"{SETTING} does not have it, so all others would refuse a {kind} of it: give both of one "
                "fusionlog keys generate",
            )  # fmt: skip
        own = trusted.entry
        if kind not in own.signs:
            raise SettingError(
                KEY_SETTING, f"key {self._private.id} of {own.signer}",
                f"it signs {', '.join(own.signs) or 'nothing'} and no {kind}: give the private key of {signers}",
            )  # fmt: skip
        if own.until is not None:
            raise SettingError(
                KEY_SETTING, f"key {self._private.id} of {own.signer}",
                f"it is retired: give the newest private key of {own.signer}",
            )  # fmt: skip


class Order:
    """The newest time of each key in one reading of a topic, from its beginning: an older record is a replay."""

    def __init__(self) -> None:
        self._newest: dict[bytes, int] = {}

    def check(self, key: bytes, at: int) -> None:
        """Note the time of the next record of a key, in Unix milliseconds.

        :raises RecordError: `replayed`, it was signed before the one before it, by more than `CLOCK_SECONDS`.
        """
        newest = self._newest.get(key, at)
        if at < newest - CLOCK_SECONDS * 1000:
            raise RecordError(
                "replayed",
                f"record {key.decode('utf-8', 'replace')!r} was signed {(newest - at) / 1000:.0f} s before the one "
                "that it would replace: an old record was written again",
            )
        self._newest[key] = max(newest, at)


class _Trusted(NamedTuple):
    entry: PublicKey
    key: Ed25519PublicKey


def _trusted(keys: KeySet) -> dict[str, _Trusted]:
    return {id: _Trusted(keys.keys[id], key) for id, key in public_keys(keys).items()}


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """What changes with a file; None where it is not there."""
    try:
        found = path.expanduser().stat() if path is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)
