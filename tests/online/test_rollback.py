"""`fusionlog models rollback`: what it goes back to, what it leaves alone, and how many workers follow."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from fusionlog.errors import ModelError, SettingError
from fusionlog.observability.deployment import deployment
from fusionlog.online.rollback import Rollback, again_at, chosen, plan, scope, usage
from fusionlog.records import ModelRelease, WorkerState
from fusionlog.releases import BASE
from tests.factories import make_release, make_withdrawn

BASES = [make_release(system=BASE, created=1.0), make_release(system=BASE, created=2.0)]
FIRST, SECOND, THIRD = (make_release(created=at, onnx=bytes([int(at)])) for at in (10.0, 20.0, 30.0))


def going(found: list[ModelRelease], target: str, system: str | None = "shop") -> Rollback:
    return plan(found, system, target, "ann rolled back", 99.0)


def test_previous_is_the_release_before_the_one_in_use() -> None:
    rollback = going([*BASES, FIRST, SECOND, THIRD], "previous")
    assert rollback.again is not None and rollback.again.lineage.parent == SECOND.version
    assert not rollback.again.guarded and rollback.withdrawn == ()


def test_previous_twice_goes_back_by_two() -> None:
    found = [*BASES, FIRST, SECOND, THIRD]
    once = going(found, "previous").again
    assert once is not None
    twice = going([*found, once], "previous").again
    assert twice is not None and twice.lineage.parent == FIRST.version
    assert going([*found, once, replace(twice, created=100.0)], "previous").in_use == BASES[1]


@pytest.mark.parametrize("target", ["previous", "base"])
def test_a_first_release_goes_back_to_the_newest_base_and_is_withdrawn(target: str) -> None:
    rollback = going([*BASES, FIRST], target)
    assert rollback.in_use == BASES[1] and rollback.again is None
    [withdrawn] = rollback.withdrawn
    assert withdrawn.version == FIRST.version and withdrawn.withdrawn is not None
    assert (withdrawn.withdrawn.cause, withdrawn.withdrawn.reason) == ("operator", "ann rolled back")


def test_the_base_withdraws_every_release_of_the_system_and_of_no_other() -> None:
    other = make_release(system="mill", created=15.0)
    found = [*BASES, FIRST, other, make_withdrawn(SECOND), THIRD]
    assert [each.version for each in going(found, "base").withdrawn] == [FIRST.version, THIRD.version]


@pytest.mark.parametrize(
    ("found", "target", "system", "sentence"),
    [
        (BASES, "previous", "shop", "it uses the base already"),
        (BASES, "base", None, "name the system whose base release"),
        (BASES, "base", BASE, "this is the base"),
        (BASES[:1], "previous", BASE, "no earlier release"),
        ([FIRST], "base", "shop", "there is no other base"),
        ([FIRST], "v0", "shop", "no release begins with 'v0'"),
        ([FIRST, SECOND], "1970", "shop", "2 releases begin with '1970'"),
    ],
)  # fmt: skip
def test_what_cannot_be_gone_back_to_is_one_sentence(
    found: Any, target: str, system: str | None, sentence: str
) -> None:
    with pytest.raises((SettingError, ModelError), match=sentence):
        going(found, target, system)


def test_a_version_may_be_cut_and_a_whole_one_is_never_ambiguous() -> None:
    longer = replace(FIRST, version=f"{FIRST.version}x")
    assert chosen([FIRST, longer], FIRST.version) == FIRST
    assert chosen([*BASES, SECOND], SECOND.version[:-3]) == SECOND


def test_a_rollback_of_a_base_names_the_systems_that_it_changes_and_those_that_it_does_not() -> None:
    rollback = going([*BASES, FIRST], BASES[0].version, None)
    text = "\n".join(scope(rollback, [*BASES, FIRST], ["shop", "mill"]))
    assert "is in use by: mill" in text and "not changed, for they have releases of their own: shop" in text


def test_a_rollback_of_a_system_names_what_is_withdrawn_and_how_that_is_undone() -> None:
    text = "\n".join(scope(going([*BASES, FIRST], "base"), [*BASES, FIRST], ["shop"]))
    assert "no other system is changed" in text and f"fusionlog models restore {FIRST.version}" in text


def test_the_workers_that_follow_are_counted() -> None:
    def worker(name: str, **models: str | None) -> WorkerState:
        return WorkerState(worker=name, role="score", version="1", started=0.0, at=1.0, ready=True, models=models)

    found = deployment([worker("a", shop="v2", mill=BASES[0].version), worker("b", shop="v1", mill=None)], now=2.0)
    assert usage(found, Rollback("shop", replace(FIRST, version="v2"))) == (1, 2)
    assert usage(found, Rollback(BASE, BASES[0])) == (1, 2)
    assert usage(found, Rollback("none", FIRST)) == (0, 0)
    assert again_at(FIRST, 9.0).lineage.parent == FIRST.version
