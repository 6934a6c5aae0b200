"""`fusionlog keys`: generate, rotate and show; no private key is ever printed, or readable by others."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.errors import DataError, SettingError
from fusionlog.signing.key_set import KeySet, read_key_set
from fusionlog.signing.keys import PrivateKey


def keys(*words: str, **env: str) -> str:
    done = CliRunner(env={"COLUMNS": "200", **env}).invoke(app, ["keys", *words])
    if done.exception is not None:
        raise done.exception
    return done.output


def public(directory: Path) -> KeySet:
    return read_key_set(directory / "public-keys.json")


def private(directory: Path, signer: str) -> PrivateKey:
    return PrivateKey.of_pem((directory / f"{signer}.pem").read_text(), "S", "shown")


def test_a_key_a_signer_is_made_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "keys"
    output = keys("generate", "--dir", str(directory))
    assert {path.name for path in directory.iterdir()} == {
        "label.pem", "operator.pem", "score.pem", "trainer.pem", "public-keys.json"
    }  # fmt: skip
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for signer in ("label", "operator", "score", "trainer"):
        path, key = directory / f"{signer}.pem", private(directory, signer)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(public(directory).of(signer)) == [key.id]
        assert key.id in output and not set(path.read_text().split("\n")[1:-2]) & set(output.split())
    assert "PRIVATE" not in output + (directory / "public-keys.json").read_text()


def test_a_key_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    keys("generate", "label", "--dir", str(tmp_path))
    before = (tmp_path / "label.pem").read_bytes()
    with pytest.raises(DataError, match="is there already; run  fusionlog keys rotate label"):
        keys("generate", "--dir", str(tmp_path))
    assert (tmp_path / "label.pem").read_bytes() == before and list(public(tmp_path).of("trainer")) == []
    keys("generate", "trainer", "operator-ann", "operator-ben", "--dir", str(tmp_path))
    assert {key.signer for key in public(tmp_path).keys.values()} == {
        "label",
        "trainer",
        "operator-ann",
        "operator-ben",
    }
    with pytest.raises(SettingError, match="take trainer, label, score, operator"):
        keys("generate", "boss", "--dir", str(tmp_path))


def test_a_rotation_keeps_the_key_before_and_retires_the_one_before_that(tmp_path: Path) -> None:
    keys("generate", "label", "--dir", str(tmp_path))
    ids = [private(tmp_path, "label").id]
    for _ in range(2):
        keys("rotate", "label", "--dir", str(tmp_path))
        ids.append(private(tmp_path, "label").id)
    assert list(public(tmp_path).of("label")) == ids[1:]
    shown = keys(
        "show", FUSIONLOG_SIGNING__PUBLIC_KEYS=str(tmp_path / "public-keys.json"),
        FUSIONLOG_SIGNING__KEY_FILE=str(tmp_path / "label.pem"),
    )  # fmt: skip
    rows = {id: next(line for line in shown.splitlines() if id in line) for id in ids}
    assert "retired" in rows[ids[0]] and "retired" not in rows[ids[1]] and "newest, of this process" in rows[ids[2]]
    keys("rotate", "label", "--compromised", "--dir", str(tmp_path))
    assert list(public(tmp_path).keys) == [private(tmp_path, "label").id]


def test_what_cannot_be_rotated_or_shown_is_one_sentence(tmp_path: Path) -> None:
    keys("generate", "label", "--dir", str(tmp_path))
    with pytest.raises(SettingError, match="has no key of it \\(it has label\\)"):
        keys("rotate", "trainer", "--dir", str(tmp_path))
    with pytest.raises(SettingError, match="name a directory with --dir"):
        keys("show")
    with pytest.raises(SettingError, match="run  fusionlog keys generate  first"):
        keys("sign")
    foreign = tmp_path / "foreign.pem"
    PrivateKey.generate().write(foreign)
    assert "others refuse what it signs" in keys(
        "show", "--dir", str(tmp_path), FUSIONLOG_SIGNING__KEY_FILE=str(foreign),
    )  # fmt: skip
