"""`fusionlog systems check` on any file with any systems file: exit code 0, 1 or 2, and never a traceback."""

from __future__ import annotations

import base64
import gzip
import json
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.errors import FusionLogError
from fusionlog.onboarding.propose import propose
from fusionlog.settings import IngestSettings
from tests.fuzz import mutation
from tests.fuzz.envelopes import valid_records
from tests.fuzz.invariants import assert_sentence
from tests.fuzz.settings_values import systems_file
from tests.fuzz.test_lines import records_of
from tests.fuzz.trials import RANDOMS, RECORDS, scratch, seeded, try_many

LINES = 20
MANY_LINES = 200
"""Of a sample of the long trials: the command costs more than its lines."""
SYSTEMS = (
    b"shop: {}",
    b"shop: {session: 'order (\\w+)', window: {by: session}}",
    b"a: {}\nb: {format: nginx}",
    b"shop: {session: 'order (\\w+)', keys: all, repartition: true, window: {by: session}}",
    b"shop: {json_line: '{msg}'}",
)


def _kafka_record(random: Random) -> bytes:
    """A line of a `.jsonl` file of Kafka records."""
    value = mutation.record(random, valid_records())
    written: dict[str, Any] = {
        "value": value.decode("utf-8", "replace"),
        "timestamp": random.choice((0, -1, 1714557600000, 2**63)),
    }
    written |= random.choice(
        ({}, {"partition": 1, "offset": 5}, {"key": "k", "headers": []}, {"partition": -(2**63), "offset": 2**63 - 1})
    )
    if random.random() < 0.2:
        written["value_base64"] = base64.b64encode(value).decode()
    line = json.dumps(written).encode()
    return mutation.mutated(random, line) if random.random() < 0.3 else line


def _file(random: Random, directory: Path, most: int) -> Path:
    """A sample: lines, Kafka records, or packed ones, whole or cut."""
    kafka = random.random() < 0.4
    lines = [
        _kafka_record(random) if kafka else mutation.record(random, valid_records())
        for _ in range(random.randint(0, most))
    ]
    data = b"\n".join(lines)
    name = random.choice(
        ("a.jsonl", "a.jsonl", "a.jsonl.gz") if kafka else ("a.log", "a.log", "a.jsonl", "a.log.gz", "a.gz")
    )
    if name.endswith(".gz") and random.random() < 0.8:
        data = gzip.compress(data, mtime=0)
        data = mutation.bytes_changed(random, data) if random.random() < 0.3 else data
    if random.random() < 0.05:
        data = b"\xff\xfe" + data
    (directory / name).write_bytes(data)
    return directory / name


def try_check_command(random: Random, most: int = LINES) -> None:
    directory = scratch()
    sample = _file(random, directory, most)
    arguments = ["systems", "check", str(sample)]
    if random.random() < 0.8:
        systems = directory / "systems.yaml"
        systems.write_bytes(random.choice(SYSTEMS) if random.random() < 0.8 else systems_file(random))
        arguments += ["--systems-file", str(systems)]
    arguments += random.choice(
        ([], ["--json"], ["--system", "shop"], ["--system", "none"], ["--records", "3"], ["--topic"])
    )
    try:
        _run(arguments)
    except BaseException as error:
        error.add_note(f"{arguments} {sample.read_bytes()[:3_000]!r}")
        raise


def _run(arguments: list[str]) -> None:
    """Run the command: what `main` prints as a sentence has exit code 2."""
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, FusionLogError):
        assert_sentence(result.exception, secret="\x00")
        return
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 1, 2)


def try_proposal(random: Random) -> None:
    """`fusionlog systems add`, but for its files: a proposal is an entry that can be used."""
    records = records_of(random, LINES)
    try:
        proposal = propose(records, IngestSettings())
        assert proposal.system
    except BaseException as error:
        error.add_note(repr(records)[:3_000])
        raise


@seeded(60)
@given(random=RANDOMS)
def test_a_check_has_an_exit_code(random: Random) -> None:
    try_check_command(random)


@seeded(40)
@given(random=RANDOMS)
def test_any_sample_has_a_proposal(random: Random) -> None:
    try_proposal(random)


@pytest.mark.long
def test_a_hundred_thousand_lines_are_checked() -> None:
    try_many("systems check", partial(try_check_command, most=MANY_LINES), RECORDS, MANY_LINES // 2)


@pytest.mark.long
def test_a_hundred_thousand_lines_have_a_proposal() -> None:
    try_many("systems add", try_proposal, RECORDS, LINES // 2)
