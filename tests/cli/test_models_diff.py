"""`fusionlog models diff`: what differs between two releases, and nothing where nothing does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from fusionlog.cli.main import app
from fusionlog.cli.models_diff import SHOWN_EVENTS, between, lines
from fusionlog.errors import FusionLogError
from fusionlog.records import BankEvent, Calibration, Lineage, ModelRelease
from fusionlog.workers import operator_actions
from tests.factories import make_release

A = replace(
    make_release(("disk opened", 0.0), ("disk failed", 1.0), ("user greeted", 0.0)), version="20260101-base",
    lineage=Lineage(sources=["kafka"], labels=5), metrics={"auprc": 0.8}, threshold=0.5, tau=0.8, sha256="a",
)  # fmt: skip
B = replace(
    make_release(("disk opened", 0.3), ("disk failed", 1.0), ("order lost", 0.9)), version="20260202-shop",
    lineage=Lineage(parent="20260101-base", sources=["kafka"], labels=40, rounds=3), metrics={"auprc": 0.9},
    threshold=0.5, tau=0.7, sha256="b",
    calibration=Calibration(probability=1.0, surprisal=0.5, rarity=0.0, failure=0.2, intercept=-1.0),
)  # fmt: skip


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    async def read(_: object) -> list[ModelRelease]:
        return [A, B]

    monkeypatch.setattr(operator_actions, "read_releases", read)

    def call(*words: str) -> Result:
        return CliRunner().invoke(app, ["models", "diff", *words])

    return call


def test_lineage_metrics_thresholds_and_calibration_are_compared_and_events_added_and_removed(run: Any) -> None:
    text = run("202601", "202602").stdout
    for each in (
        "20260101-base -> 20260202-shop", "none -> 20260101-base", "5 -> 40", "0.8 -> 0.9", "0.8 -> 0.7",
        "calibration.surprisal", "2 in both, 1 added, 1 removed, 1 with another probability", "order lost",
        "disk opened: 0.00 -> 0.30",
    ):  # fmt: skip
        assert each in text, each
    assert "threshold" not in text, "it is the same"


def test_as_json_it_has_all_of_them(run: Any) -> None:
    found = json.loads(run("202601", "202602", "--json").stdout)
    assert found["fields"]["lineage.labels"] == {"before": 5, "after": 40}
    assert found["fields"]["calibration.intercept"] == {"before": None, "after": -1.0}
    assert [each.split(": ")[1] for each in found["added"]] == ["order lost"]
    assert [each.split(": ")[1] for each in found["removed"]] == ["user greeted"]


def test_a_beginning_of_two_versions_and_of_none_is_refused(run: Any) -> None:
    for words in (("2026", "202602"), ("1999", "202602")):
        assert isinstance(run(*words).exception, FusionLogError)


def test_a_release_has_no_difference_from_itself() -> None:
    found = between(A, A)
    assert (found.fields, found.added, found.removed, found.moved) == ({}, [], [], [])
    assert "the same lineage" in "\n".join(lines(found))


def test_no_more_events_than_a_screen_takes() -> None:
    many = [BankEvent(system="s", template=str(n), text=f"event {n}", probability=0.0) for n in range(100)]
    shown = list(lines(between(A, replace(A, bank=many))))
    assert sum(each.startswith("    + ") for each in shown) == SHOWN_EVENTS + 1
    assert f"and {100 - SHOWN_EVENTS} more" in "\n".join(shown)
