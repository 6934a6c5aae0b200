"""Any environment and any systems file give settings that can be used, or one sentence that names what is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from unittest import mock

import pytest
from hypothesis import given
from pydantic import BaseModel

from fusionlog import settings
from fusionlog.cli.settings import rows
from fusionlog.errors import SettingError
from fusionlog.kafka.client import options
from fusionlog.onboarding.check import check
from fusionlog.onboarding.report import report
from fusionlog.onboarding.sample import line_records
from fusionlog.settings import IngestSettings, Settings, SystemSettings, read_systems
from fusionlog.teachers.llm.endpoint import Endpoint
from tests.fuzz.envelopes import LINE
from tests.fuzz.invariants import assert_sentence
from tests.fuzz.mutation import SECRET
from tests.fuzz.settings_values import environment, systems_file
from tests.fuzz.trials import RANDOMS, RECORDS, scratch, seeded, try_many

SAMPLE = line_records([LINE.encode(), b'{"msg": "order 17 paid", "t": 1}', b"  at x", b"2024-05-01 order 18"])


def try_environment(random: Random) -> None:
    found = environment(random)
    try:
        with mock.patch.dict(os.environ, {**_without_ours(), **found}, clear=True):
            _use_environment()
    except BaseException as error:
        error.add_note(repr({name: value[:200] for name, value in found.items()}))
        raise


def _without_ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(settings.PREFIX)}


def _use_environment() -> None:
    """Load the settings, and do with them what commands and workers do first."""
    try:
        loaded = settings.load()
    except SettingError as error:
        assert_sentence(error)
        return
    _assert_finite(loaded)
    assert SECRET not in "".join(row.value for row in rows(loaded))
    try:
        assert [topic.config() for topic in loaded.topics.all()]
    except SettingError as error:  # FUSIONLOG_SYSTEMS_FILE is read at its first use
        assert_sentence(error)
    try:
        options(loaded.kafka)
        if loaded.label.url is not None:
            Endpoint(loaded.label)
    except SettingError as error:
        assert_sentence(error)


def _assert_finite(loaded: Settings) -> None:
    """Numbers that a clock, a queue and Kafka take."""
    for group in (loaded, *(getattr(loaded, name) for name in Settings.model_fields)):
        for value in vars(group).values() if isinstance(group, BaseModel) else ():
            assert not isinstance(value, int | float) or abs(value) < 2**31, value


def try_systems_file(random: Random) -> None:
    data = systems_file(random)
    try:
        path = scratch() / "systems.yaml"
        path.write_bytes(data)
        _use_systems(path)
    except BaseException as error:
        error.add_note(repr(data[:4_000]))
        raise


def _use_systems(path: Path) -> None:
    """Read the entries, and send a few lines through each."""
    try:
        systems = read_systems(path)
    except SettingError as error:
        assert_sentence(error, secret="\x00")
        return
    for name, system in systems.items():
        assert isinstance(system, SystemSettings)
        try:
            found = report(check(name, system, IngestSettings(), SAMPLE))
        except SettingError as error:
            assert_sentence(error, secret="\x00")
            assert error.setting.startswith(name)
        else:
            assert found.records == len(SAMPLE)


@seeded(600)
@given(random=RANDOMS)
def test_any_environment_gives_settings_or_one_sentence(random: Random) -> None:
    try_environment(random)


@seeded(300)
@given(random=RANDOMS)
def test_any_systems_file_gives_systems_or_one_sentence(random: Random) -> None:
    try_systems_file(random)


@pytest.mark.long
def test_a_hundred_thousand_environments() -> None:
    try_many("environment", try_environment)


@pytest.mark.long
def test_a_hundred_thousand_systems_files() -> None:
    try_many("systems file", try_systems_file, RECORDS)
