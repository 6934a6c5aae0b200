"""A systems file that changes while its settings are in use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fusionlog.errors import SettingError
from fusionlog.settings import Settings, SystemsChange


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "systems.yaml"
    path.write_text("shop:\nmill:\n")
    return path


def write(file: Path, text: str) -> None:
    """Put another file in the place of this one, as an editor does."""
    other = file.with_suffix(".new")
    other.write_text(text)
    os.replace(other, file)


def test_new_systems_are_used_and_the_rest_of_the_settings_stays(file: Path) -> None:
    settings = Settings(systems_file=file, topic_prefix="p.")
    before = settings.fixed()
    assert settings.reread_systems() is None
    write(file, "shop: {policy: no error}\nfarm:\n")
    assert settings.reread_systems() == SystemsChange(added=("farm",), removed=("mill",), changed=("shop",))
    assert settings.topics.systems == ("shop", "farm") and settings.topics.prefix == "p."
    assert settings.systems["shop"].policy == "no error"
    assert before.topics.systems == ("shop", "mill"), "a fixed copy keeps its own"
    assert settings.reread_systems() is None


def test_a_file_that_was_written_again_as_it_was_is_no_change(file: Path) -> None:
    settings = Settings(systems_file=file)
    assert len(settings.systems) == 2
    write(file, "# a comment\nmill:\nshop:\n")
    assert settings.reread_systems() is None


@pytest.mark.parametrize("text", ["shop: [", "", "shop: {sesion: x}\n", "shop: {window: {by: session}}\n"])
def test_a_file_that_cannot_be_used_is_one_error_and_changes_nothing(file: Path, text: str) -> None:
    settings = Settings(systems_file=file)
    assert settings.topics.systems == ("shop", "mill")
    write(file, text)
    with pytest.raises(SettingError, match=r"systems\.yaml"):
        settings.reread_systems()
    assert settings.reread_systems() is None and settings.topics.systems == ("shop", "mill")
    write(file, "shop:\nmill:\nfarm:\n")
    assert settings.reread_systems() == SystemsChange(added=("farm",))


def test_a_file_that_is_gone_changes_nothing(file: Path) -> None:
    settings = Settings(systems_file=file)
    assert settings.topics.systems == ("shop", "mill")
    file.unlink()
    with pytest.raises(SettingError, match="cannot be read"):
        settings.reread_systems()
    assert settings.systems.keys() == {"shop", "mill"}


def test_the_only_system_of_a_worker_must_stay_in_the_file(file: Path) -> None:
    settings = Settings(systems_file=file, system="shop")
    assert settings.systems.keys() == {"shop"}
    write(file, "shop:\nfarm:\n")
    assert settings.reread_systems() == SystemsChange(added=("farm",), removed=("mill",))
    assert settings.systems.keys() == {"shop"}
    write(file, "farm:\n")
    with pytest.raises(SettingError, match="FUSIONLOG_SYSTEM is 'shop'"):
        settings.reread_systems()
    assert settings.systems.keys() == {"shop"}


def test_a_method_is_that_of_the_start(file: Path) -> None:
    settings = Settings(systems_file=file)
    assert settings.method_of("shop") == "fusionlog+online"
    write(file, "shop: {method: source-only}\nmill: {}\nfarm: {method: source-only}\n")
    assert settings.reread_systems() == SystemsChange(added=("farm",), changed=("shop",), methods=("shop",))
    assert (settings.method_of("shop"), settings.method_of("farm")) == ("fusionlog+online", "source-only")


def test_a_system_that_no_llm_may_see_waits_for_workers_that_have_its_labeller(file: Path) -> None:
    settings = Settings(systems_file=file)
    assert len(settings.systems) == 2
    write(file, "shop:\nmill:\nfarm: {method: offline}\n")
    with pytest.raises(SettingError, match="start all workers again"):
        settings.reread_systems()
    assert settings.systems.keys() == {"shop", "mill"}


def test_no_file_is_no_change() -> None:
    assert Settings().reread_systems() is None


def test_the_names_of_a_change_are_one_line() -> None:
    change = SystemsChange(added=("a", "b"), changed=("c",))
    assert str(change) == "added a, b; changed c" and not SystemsChange()
