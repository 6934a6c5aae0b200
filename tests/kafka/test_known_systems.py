"""Systems that a worker keeps state for."""

from pathlib import Path

import pytest

from fusionlog.errors import RecordError
from fusionlog.kafka.known_systems import MOST, KnownSystems
from fusionlog.settings import Settings
from fusionlog.topics import CANARY


def test_with_a_file_its_systems_are_known_though_the_worker_has_one_of_them(tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text("shop:\nmill:\n")
    known = KnownSystems(Settings(systems_file=path, system="shop"))
    known.check("mill")
    known.check(CANARY)
    with pytest.raises(RecordError, match=r"unknown-system: bank is not in .*FUSIONLOG_SYSTEMS_FILE.*replay"):
        known.check("bank")


def test_a_system_that_was_added_to_the_file_is_known(tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text("shop:\n")
    settings = Settings(systems_file=path)
    known = KnownSystems(settings)
    assert not known.has("mill")
    path.write_text("shop:\nmill:\n")
    known.check("mill")
    assert settings.systems.keys() == {"shop", "mill"}
    path.write_text("mill: [")
    assert known.has("shop") and not known.has("farm"), "a file that cannot be used changes nothing"


def test_without_a_file_the_first_thousand_are_known() -> None:
    known = KnownSystems(Settings())
    assert all(known.has(f"s{number}") for number in range(MOST))
    with pytest.raises(RecordError, match="unknown-system: more is one of more than 1000: set FUSIONLOG_SYSTEMS_FILE"):
        known.check("more")
    known.check("s7")
    known.check(CANARY)
