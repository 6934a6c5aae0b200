"""Entries as YAML, and their place in a systems file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from fusionlog.errors import SettingError
from fusionlog.onboarding.entry import add_entry, check_new_name, render
from fusionlog.onboarding.propose import Proposal, propose
from fusionlog.onboarding.sample import line_records
from fusionlog.settings import IngestSettings, read_systems
from tests.onboarding.samples import lines

PRESENT = "# ours\nold:\n  session: 'a''b (\\d+)'  # kept\n  window: {by: session}\n"


@pytest.fixture(scope="module")
def proposal() -> Proposal:
    form = 'it\'s "quoted": [a,b] # {x}'
    return propose(line_records(lines(lambda step: f"INFO order {step.unit}: {step.text} {form}")), IngestSettings())


def test_the_entry_is_read_back_as_it_was_proposed(proposal: Proposal, tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text(render("shop", proposal), encoding="utf-8")
    assert read_systems(path) == {"shop": proposal.system}


def test_every_value_is_written_so_that_yaml_reads_it_back(tmp_path: Path) -> None:
    made = Proposal({"json_line": "{a}: 'b' #\\ {c}", "session": "\\'x: (\\d+)\t#", "encoding": "gbk"})
    path = tmp_path / "systems.yaml"
    path.write_text(render("shop", made), encoding="utf-8")
    assert read_systems(path) == {"shop": made.system}


def test_the_reason_of_a_setting_stands_above_it(proposal: Proposal) -> None:
    text = render("shop", proposal)
    assert "  # to fill in: what the system is" in text
    assert "  # medium confidence: " in text or "  # high confidence: " in text


def test_an_entry_is_appended_and_the_rest_stays_as_it_is(proposal: Proposal, tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text(PRESENT.rstrip("\n"), encoding="utf-8")
    path.chmod(0o640)
    add_entry(path, "shop", render("shop", proposal))
    assert path.read_text(encoding="utf-8").startswith(PRESENT)
    assert list(read_systems(path)) == ["old", "shop"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["systems.yaml"]


@pytest.mark.parametrize(
    "before", ["", "# only a comment\n", "---\n", "old: {window: {by: count}}\r\n", "  old:\n    policy: x\n"]
)
def test_files_of_other_forms_take_an_entry(before: str, proposal: Proposal, tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_bytes(before.encode())
    add_entry(path, "shop", render("shop", proposal))
    assert read_systems(path)["shop"] == proposal.system
    assert path.read_bytes().startswith(before.encode())


def test_a_missing_file_is_made_and_a_link_is_followed(proposal: Proposal, tmp_path: Path) -> None:
    target, link = tmp_path / "systems.yaml", tmp_path / "link.yaml"
    link.symlink_to(target)
    add_entry(link, "shop", render("shop", proposal))
    assert link.is_symlink()
    assert list(read_systems(target)) == ["shop"]


def test_a_device_is_no_systems_file(proposal: Proposal) -> None:
    with pytest.raises(SettingError, match="it is no file"):
        add_entry(Path("/dev/null"), "shop", render("shop", proposal))


@pytest.mark.parametrize(
    ("before", "name", "problem"),
    [
        (PRESENT, "old", "has a system of this name"),
        ("{old: {}}\n", "shop", "by hand"),
        ("- a\n", "shop", "must map"),
        ("old: [\n", "shop", "is not YAML"),
    ],
)
def test_a_file_is_left_alone_where_the_entry_cannot_be_added(
    before: str, name: str, problem: str, proposal: Proposal, tmp_path: Path
) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text(before, encoding="utf-8")
    with pytest.raises(SettingError, match=problem):
        add_entry(path, name, render(name, proposal))
    assert path.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("name", ["shop", "shop.v2", "a-b_c", "no-1", "x1"])
def test_a_part_of_a_topics_name_is_a_name(name: str) -> None:
    check_new_name(name)


@pytest.mark.parametrize(
    "name", ["no", "Yes", "on", "1", "1.5", "0x1f", "1e3", "null", "true", "2026-03-04", "y", "", ".", "a b",
             "a:b", "ü", "a" * 300]
)  # fmt: skip
def test_what_yaml_or_kafka_reads_otherwise_is_no_name(name: str) -> None:
    with pytest.raises(SettingError, match="NAME"):
        check_new_name(name)
