"""Any raw record goes through the ingest worker's parts, whatever the system: all that comes in is accounted for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import StringIO
from random import Random

import msgspec
import pytest
from hypothesis import given
from rich.console import Console

from fusionlog.kafka import codecs
from fusionlog.onboarding.check import check
from fusionlog.onboarding.report import report, tables
from fusionlog.onboarding.sample import SampleRecord
from fusionlog.parsing.envelopes import EnvelopeReader
from fusionlog.records import KeyedLine
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.settings.systems import FormatName
from tests.fuzz import mutation
from tests.fuzz.envelopes import valid_records
from tests.fuzz.partitions import NAME, KeyedPartition, Partition, lines_in
from tests.fuzz.trials import RANDOMS, RECORDS, seeded, try_many
from tests.fuzz.typed import made
from tests.online.factories import knowing

RECORDS_EACH = 10
KEY = r"(?:order|订单)[ =]?(\w+)"
SESSIONS = {"session": KEY, "window": {"by": "session", "idle_seconds": 30, "max_events": 4}}
OTHERS: tuple[dict[str, object], ...] = (
    {},
    SESSIONS,
    {**SESSIONS, "keys": "all"},
    {**SESSIONS, "keys": "all", "inherit": True},
    {**SESSIONS, "repartition": True},
    {**SESSIONS, "repartition": True, "keys": "all", "inherit": True, "multiline": False},
    {
        "json_line": "{time} {level} {kubernetes.pod_name} {msg}",
        **SESSIONS,
        "session_field": "order",
        "keep": ["err.code"],
    },
    {"json_line": "{msg}", "time_field": "t.$date", "timezone": "Europe/Berlin", "keys": "all", **SESSIONS},
    {"header": "<Date> <Time> <Level> <Component>: <Content>", "time_field": "Time", "date_field": "Date", **SESSIONS},
    {"header_regex": r"(?P<time>\S+ \S+) (?P<level>\w+) (?P<component>\S+): (?P<content>.*)", "time_field": "time"},
    {
        "time_field": "none",
        "masks": {"order": r"order \d+"},
        "keep": [r"paid (\d+)"],
        "multiline": {"start": r"^\d{4}"},
    },
    {"multiline": {"continues": r"^\s", "max_lines": 2, "wait_seconds": 0.5}, "encoding": "latin-1", **SESSIONS},
    {"encoding": "utf-16", **SESSIONS},
    {"encoding": "gbk", "inherit": True, **SESSIONS},
    {"encoding": "utf-7"},
    {"window": {"size": 1}},
    {"session_field": "kubernetes.pod_name", "window": {"by": "session", "max_events": 1}},
)
FORMATS: tuple[dict[str, object], ...] = tuple(
    {"format": name, "time_field": "time", **SESSIONS}
    for name in FormatName.__args__  # type: ignore[attr-defined]
)
INGEST = (
    IngestSettings(),
    IngestSettings(max_line_bytes=200, max_templates=10, max_tokens=6, max_similar_templates=2, new_templates=3),
    IngestSettings(message_fields=("log",), silence_seconds=0.1),
)


@cache
def systems() -> tuple[SystemSettings, ...]:
    return tuple(SystemSettings.model_validate(each) for each in (*OTHERS, *OTHERS, *FORMATS))


def records_of(random: Random, count: int = RECORDS_EACH) -> list[SampleRecord]:
    """Mutated records at rising offsets, with keys and times of all kinds."""
    records, offset = [], 0
    for _ in range(random.randint(1, count)):
        offset += random.choice((1, 1, 1, 2, 100))
        moment = random.choice(
            (-1, 0, 1714557600000, 1714557600000 + offset * 1000, 2**63 - 1, -(2**63), 253402300800000)
        )
        value = None if random.random() < 0.02 else mutation.record(random, valid_records())
        records.append(SampleRecord(offset, moment, random.choice((None, b"", b"a", b"\xff")), value))
    return records


def try_lines(random: Random) -> None:
    system, ingest = random.choice(systems()), random.choice(INGEST)
    records = records_of(random)
    try:
        partition = Partition(system, ingest, knowing(), start=records[0].offset)
        middle = random.randint(0, len(records))
        partition.take(records[:middle])
        partition.take(records[middle:])
        partition.finish()
        _check_counts(partition, records)
        if partition.keyed:
            keyed = KeyedPartition(system, ingest, knowing())
            keyed.take(partition.keyed)
            keyed.finish()
    except BaseException as error:
        error.add_note(f"{system!r} {ingest!r}\n{records!r}"[:6_000])
        raise


def _check_counts(partition: Partition, records: list[SampleRecord]) -> None:
    """What the reader takes out of the records, counted by itself, is what became something."""
    reader = EnvelopeReader(partition.system, partition.ingest)
    lines = sum(lines_in(reader, record) for record in records)
    assert partition.report.sum.lines == lines and partition.report.sum.records == len(records)
    assert partition.system.keys == "all" or partition.lines == lines


def try_check(random: Random) -> None:
    """`fusionlog systems check`, but for the reading of files."""
    system, ingest, records = random.choice(systems()), random.choice(INGEST), records_of(random)
    try:
        found = report(check(NAME, system, ingest, records))
        assert found.records == len(records) and len(msgspec.json.encode(found)) < 2_000_000
        console = Console(file=StringIO(), width=80)
        for each in tables(found):
            console.print(each, highlight=False)
    except BaseException as error:
        error.add_note(f"{system!r} {ingest!r}\n{records!r}"[:6_000])
        raise


def try_keyed(random: Random) -> None:
    """Records of the keyed topic, as anybody may write them."""
    valid = [codecs.encode(made(Random(seed), KeyedLine)) for seed in range(10)]
    system, ingest = random.choice([each for each in systems() if each.window.by == "session"]), random.choice(INGEST)
    records = [
        SampleRecord(offset, 0, b"s", mutation.record(random, valid))
        for offset in range(random.randint(1, RECORDS_EACH))
    ]
    try:
        partition = KeyedPartition(system, ingest, knowing())
        partition.take(records)
        partition.finish()
    except BaseException as error:
        error.add_note(f"{system!r} {ingest!r}\n{records!r}"[:6_000])
        raise


TRIALS: tuple[Callable[[Random], None], ...] = (try_lines, try_check, try_keyed)


@pytest.mark.parametrize("trial", TRIALS)
@seeded(250)
@given(random=RANDOMS)
def test_whatever_comes_is_in_a_window_or_a_dead_letter(trial: Callable[[Random], None], random: Random) -> None:
    trial(random)


@pytest.mark.long
@pytest.mark.parametrize("trial", TRIALS)
def test_a_hundred_thousand_records_are_in_windows_or_dead_letters(trial: Callable[[Random], None]) -> None:
    try_many(trial.__name__, trial, RECORDS, RECORDS_EACH // 2)
