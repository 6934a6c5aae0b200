"""The keys of the settings: from a file or a variable; empty ones, wrong ones and those of before are one sentence."""

from __future__ import annotations

import pytest

from fusionlog import settings
from fusionlog.cli.jobs import _own_variables
from fusionlog.errors import SettingError
from tests.signing.factories import write_keys


def test_a_key_comes_from_its_file_or_its_variable(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = write_keys(tmp_path)["label"]
    monkeypatch.setenv("FUSIONLOG_SIGNING__PUBLIC_KEYS", str(keys.public_keys))
    monkeypatch.setenv("FUSIONLOG_SIGNING__KEY_FILE", str(keys.key_file))
    by_file = settings.load().signatures
    monkeypatch.delenv("FUSIONLOG_SIGNING__KEY_FILE")
    monkeypatch.setenv("FUSIONLOG_SIGNING__KEY", keys.key_file.read_text())
    loaded = settings.load()
    assert loaded.signatures.key == by_file.key is not None
    assert loaded.signatures.state == {"verified": True, "public_keys": 4, "key": by_file.key}
    assert "PRIVATE" not in repr(loaded) + repr(vars(loaded.signatures))
    of_job = settings.by_reference(settings.Settings, _own_variables())
    assert set(of_job) == {"FUSIONLOG_SIGNING__PUBLIC_KEYS"}, "Ray writes the variables of a job to its logs"


@pytest.mark.parametrize("name", ["KEY", "KEY_FILE", "PUBLIC_KEYS"])
@pytest.mark.parametrize("value", ["", " \n"])
def test_an_empty_key_does_not_turn_signatures_off(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"FUSIONLOG_SIGNING__{name}", value)
    with pytest.raises(SettingError, match=f"FUSIONLOG_SIGNING__{name} .*it is empty: give a key"):
        settings.load()


def test_an_empty_file_is_named(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").touch()
    for name, why in (("KEY_FILE", "it is empty"), ("PUBLIC_KEYS", "no set of public keys")):
        monkeypatch.setenv(f"FUSIONLOG_SIGNING__{name}", str(tmp_path / "empty"))
        with pytest.raises(SettingError, match=f"{name} .*empty.*{why}"):
            _ = settings.load().signatures
        monkeypatch.delenv(f"FUSIONLOG_SIGNING__{name}")


def test_two_private_keys_are_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = write_keys(tmp_path)["label"]
    monkeypatch.setenv("FUSIONLOG_SIGNING__KEY_FILE", str(keys.key_file))
    monkeypatch.setenv("FUSIONLOG_SIGNING__KEY", "hush")
    with pytest.raises(SettingError, match="KEY_FILE") as raised:
        _ = settings.load().signatures
    assert "hush" not in str(raised.value)


def test_the_key_of_before_is_named_with_the_steps_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONLOG_SIGNING_KEY", "hush")
    with pytest.raises(SettingError, match=r"FUSIONLOG_SIGNING_KEY .*fusionlog keys generate") as raised:
        settings.load()
    assert "hush" not in str(raised.value)
