"""Sets of public keys: rotation keeps two keys of a signer valid, and what earlier ones signed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fusionlog.errors import SettingError
from fusionlog.signing.key_set import KeySet, added, public_keys, read_key_set, without, write_key_set
from fusionlog.signing.keys import PrivateKey
from fusionlog.signing.kinds import KINDS, SIGNERS, kinds_of
from tests.signing.factories import make_keys


def rotated(times: int) -> tuple[KeySet, list[str]]:
    keys, ids = make_keys("operator")[0], list[str]()
    for number in range(times):
        key = PrivateKey.generate()
        keys = added(keys, "label", key.public, float(number))
        ids.append(key.id)
    return keys, ids


def test_two_keys_of_a_signer_are_valid_at_a_time_and_the_earlier_ones_are_retired() -> None:
    keys, ids = rotated(3)
    assert list(keys.of("label")) == ids[1:]
    assert [keys.keys[id].until for id in ids] == [2.0, None, None]
    assert len(keys.of("operator")) == 1, "that of another signer stays"
    assert keys.signing("label") == [*keys.of("operator"), *ids[1:]]
    keys = added(keys, "label", PrivateKey.generate().public, 9.0)
    assert [keys.keys[id].until for id in ids] == [2.0, 9.0, None]


def test_a_compromised_signer_has_no_key_left() -> None:
    keys, _ = rotated(3)
    assert {key.signer for key in without(keys, "label").keys.values()} == {"operator"}


def test_a_set_comes_back_from_its_file(tmp_path: Path) -> None:
    keys, _ = rotated(3)
    write_key_set(tmp_path / "keys.json", keys)
    assert read_key_set(tmp_path / "keys.json") == keys
    assert public_keys(keys).keys() == keys.keys.keys()


def test_the_signers_sign_different_kinds_but_operators() -> None:
    own = {signer: set(kinds) for signer, kinds in SIGNERS.items() if signer != "operator"}
    assert sum(len(kinds) for kinds in own.values()) == len(set.union(*own.values()))
    assert kinds_of("operator-ann") == KINDS and kinds_of("label-b") == ("label",)


@pytest.mark.parametrize("name", ["", "nobody", "label-", "-label", "label/../x", "Label", "operator ann"])
def test_another_name_is_of_no_signer(name: str) -> None:
    with pytest.raises(SettingError, match="take trainer, label, score, operator"):
        kinds_of(name)


def entry(**fields: object) -> dict[str, object]:
    keys, private = make_keys("label")
    made = msgspec.to_builtins(keys)["keys"][private["label"].id]
    return {private["label"].id: {**made, **fields}}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "no set of public keys"),
        ("[]", "no set of public keys"),
        ("{}", "it holds no key"),
        ('{"keys": {}}', "it holds no key"),
        ('{"key": {}}', "unknown field `key`"),
        ({"keys": entry(public="")}, "0 bytes, not 32"),
        ({"keys": entry(public="not base64")}, "no Base64"),
        ({"keys": {"ab" * 8: next(iter(entry().values()))}}, "has the id"),
        ({"keys": entry(signs=["everything"])}, "Invalid enum value 'everything'"),
        ({"keys": entry(private="x")}, "unknown field `private`"),
    ],
)
def test_a_file_that_is_no_set_is_one_sentence(tmp_path: Path, content: object, why: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content if isinstance(content, str) else msgspec.json.encode(content).decode())
    with pytest.raises(SettingError, match=why) as raised:
        read_key_set(path)
    assert "FUSIONLOG_SIGNING__PUBLIC_KEYS" in str(raised.value) and str(path) in str(raised.value)
