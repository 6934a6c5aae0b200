"""The canary's lines follow the newest base that workers would use."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from fusionlog import releases
from fusionlog.errors import ModelError
from fusionlog.kafka.table_dead_letters import log_refused
from fusionlog.records import ModelRelease
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from fusionlog.workers.canary.base import KnownLinesTable
from tests.factories import make_withdrawn
from tests.workers.canary.test_known_lines import CLOSED, DISK, LOGIN, OPENED, base


def refused(release: ModelRelease) -> None:
    raise ModelError("it failed its trial")


def table(trial: Any = lambda release: None) -> KnownLinesTable:
    return KnownLinesTable(Settings(canary={"seconds": 60}), trial, log_refused)


def release(*events: tuple[str, float], created: float, system: str = BASE, scale: float = 1.0) -> ModelRelease:
    made = base(*events, scale=scale)
    changes = {"created": created, "version": releases.new_version(created, system), "system": system}
    return releases.sign(ModelRelease(**{**{f: getattr(made, f) for f in made.__struct_fields__}, **changes}), None)


async def take(known: KnownLinesTable, *found: ModelRelease) -> None:
    for each in found:
        if (done := known._on_release(each.version, each)) is not None:
            await done


async def test_the_newest_base_has_the_lines() -> None:
    known = table()
    assert known.lines is None and known.problem is not None
    old, new = release((OPENED, 0.0), (DISK, 1.0), created=1.0), release((CLOSED, 0.0), (LOGIN, 1.0), created=2.0)
    await take(known, new, old, release((OPENED, 0.0), (DISK, 1.0), created=3.0, system="shop"))
    assert known.lines is not None and known.problem is None
    assert (known.lines.anomaly, known.lines.normal, known.lines.release) == (LOGIN, CLOSED, new.version)


async def test_a_withdrawn_base_has_no_lines_until_it_is_restored() -> None:
    known = table()
    old, new = release((OPENED, 0.0), (DISK, 1.0), created=1.0), release((CLOSED, 0.0), (LOGIN, 1.0), created=2.0)
    await take(known, old, new, replace(new, withdrawn=make_withdrawn(new).withdrawn))
    assert known.lines is not None and known.lines.anomaly == LOGIN, "its digest is wrong"
    await take(known, make_withdrawn(new))
    assert (known.lines.anomaly, known.lines.release) == (DISK, old.version)
    await take(known, releases.sign(replace(new, guarded=False), None))
    assert known.lines is not None and known.lines.anomaly == LOGIN


@pytest.mark.parametrize("how", ["trial", "digest", "future"])
async def test_a_base_that_workers_refuse_changes_nothing(how: str) -> None:
    known = table()
    await take(known, release((OPENED, 0.0), (DISK, 1.0), created=1.0))
    kept, bad = known.lines, release((CLOSED, 0.0), (LOGIN, 1.0), created=1e11 if how == "future" else 2.0)
    if how == "trial":
        known._trial = refused
    if how == "digest":
        bad = ModelRelease(**{**{f: getattr(bad, f) for f in bad.__struct_fields__}, "sha256": "0"})
    with capture_logs() as logs:
        await take(known, bad)
    assert (known.lines, known.problem) == (kept, None)
    assert logs[0]["version"] == bad.version


async def test_a_base_that_calls_nothing_anomalous_is_a_problem() -> None:
    known = table()
    await take(known, release((OPENED, 0.0), (DISK, 1.0), created=1.0, scale=0.0))
    assert known.problem is not None and "agrees with the labels of its own bank on 0 anomalous" in known.problem
