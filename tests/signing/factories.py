"""Key sets of tests, and the signatures of each signer by one of them."""

from __future__ import annotations

from pathlib import Path

from fusionlog.settings import SigningSettings
from fusionlog.signing.key_set import KeySet, added, write_key_set
from fusionlog.signing.keys import PrivateKey
from fusionlog.signing.kinds import SIGNERS
from fusionlog.signing.signatures import Signatures
from fusionlog.types import Clock


def make_keys(*signers: str) -> tuple[KeySet, dict[str, PrivateKey]]:
    """A set of public keys, and the private key of each signer."""
    keys, private = KeySet(), {signer: PrivateKey.generate() for signer in signers or SIGNERS}
    for signer, key in private.items():
        keys = added(keys, signer, key.public, 0.0)
    return keys, private


def make_signatures(*signers: str, clock: Clock = lambda: 1000.0) -> dict[str, Signatures]:
    """The signatures of each signer, all by one set of public keys; `reader` has no private key."""
    keys, private = make_keys(*signers)
    return {
        "reader": Signatures(None, keys),
        **{signer: Signatures(key, keys, clock=clock) for signer, key in private.items()},
    }


def write_keys(directory: Path) -> dict[str, SigningSettings]:
    """The settings of each signer, by files in a directory; `reader` has no private key."""
    keys, private = make_keys()
    write_key_set(directory / "public-keys.json", keys)
    for signer, key in private.items():
        key.write(directory / f"{signer}.pem")
    public = directory / "public-keys.json"
    found = {signer: SigningSettings(key_file=directory / f"{signer}.pem", public_keys=public) for signer in private}
    return {**found, "reader": SigningSettings(public_keys=public)}
