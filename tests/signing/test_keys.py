"""Private keys: read from PEM of any form that tools write, refused in one sentence, never shown."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from fusionlog.errors import SettingError, WriteError
from fusionlog.signing.keys import PrivateKey, key_id, read_key_file


def pem_of(key: object, encryption: KeySerializationEncryption | None = None) -> str:
    found = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())  # type: ignore[attr-defined]
    return str(found.decode())


KEY = ed25519.Ed25519PrivateKey.generate()
PEM = pem_of(KEY)


@pytest.mark.parametrize(
    "text", [PEM, PEM.strip(), f"\n\n{PEM}\n", PEM.replace("\n", "\\n"), PEM.replace("\n", "\r\n")]
)
def test_a_key_is_read_as_tools_and_environment_files_write_it(text: str) -> None:
    assert PrivateKey.of_pem(text, "S", "shown").public == KEY.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("hush", "no private key in PEM form"),
        (PEM[:40], "no private key in PEM form"),
        (pem_of(ec.generate_private_key(ec.SECP256R1())), "not of ed25519"),
        (pem_of(KEY, BestAvailableEncryption(b"p")), "encrypted"),
    ],
)
def test_any_other_text_is_one_sentence_without_it(text: str, why: str) -> None:
    with pytest.raises(SettingError, match=why) as raised:
        PrivateKey.of_pem(text, "FUSIONLOG_SIGNING__KEY", "**********")
    assert "FUSIONLOG_SIGNING__KEY" in str(raised.value) and "hush" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_key_is_not_shown_and_its_file_is_the_owners_alone(tmp_path: Path) -> None:
    path, key = tmp_path / "label.pem", PrivateKey.generate()
    path.write_text("an old one")
    path.chmod(0o644)
    key.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    read = PrivateKey.of_pem(path.read_text(), "S", "shown")
    assert (read.id, read.public) == (key.id, key.public) and key.id == key_id(key.public)
    assert "PRIVATE" not in repr(key) and [each.name for each in tmp_path.iterdir()] == ["label.pem"]


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "long").write_bytes(b"a" * 100_000)
    for name, why in (("missing", "No such file"), (".", "Is a directory"), ("binary", "no keys"), ("long", "no keys")):
        with pytest.raises(SettingError, match=why) as raised:
            read_key_file(tmp_path / name, "FUSIONLOG_SIGNING__KEY_FILE")
        assert str(tmp_path) in str(raised.value)
    with pytest.raises(WriteError):
        PrivateKey.generate().write(tmp_path / "none" / "key.pem")
