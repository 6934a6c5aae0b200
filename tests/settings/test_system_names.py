"""A system's name that a command was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusionlog.errors import SettingError
from fusionlog.settings import Settings, refuse_unknown
from fusionlog.topics import CANARY


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "systems.yaml"
    path.write_text("openstack:\nshop:\n")
    return Settings(systems_file=path)


def test_a_misspelt_system_is_refused_with_the_nearest_of_the_file(settings: Settings) -> None:
    with pytest.raises(SettingError, match=r"--system is 'opnstack': it is not in .*systems.yaml; did you mean open"):
        refuse_unknown(settings, "opnstack")


def test_systems_of_the_file_of_records_and_of_fusionlog_itself_are_accepted(settings: Settings) -> None:
    for name in (None, "shop", "*", CANARY):
        refuse_unknown(settings, name)
    refuse_unknown(settings, "mill", ["mill"])


def test_without_a_file_the_systems_of_records_are_known() -> None:
    refuse_unknown(Settings(), "shop", [])
    refuse_unknown(Settings(), "shop", ["*"])
    with pytest.raises(SettingError, match="no record is of it; did you mean shop"):
        refuse_unknown(Settings(), "shp", ["shop", "*"])
