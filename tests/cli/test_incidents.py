"""`fusionlog incidents`: what it lists and shows."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from fusionlog.cli import incidents
from fusionlog.cli.main import app
from fusionlog.errors import SettingError
from fusionlog.incidents import group
from fusionlog.records import Anomaly, Incident
from tests.explanation.factories import make_explanation
from tests.factories import make_anomaly

SHOP = [make_anomaly("disk failed \x1b[31mred", first_offset=n, started=1.0 + n, ended=2.0 + n) for n in range(3)]
MILL = make_anomaly("login refused", system="mill", started=9000.0, ended=9001.0)
(OLD, NEW) = group([*SHOP, MILL])
Shown = Callable[..., Result]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    def run(
        *words: str, found: tuple[Incident, ...] = (OLD, NEW), anomalies: tuple[Anomaly, ...] = tuple(SHOP)
    ) -> Result:
        async def read(_: object) -> list[Incident]:
            return list(found)

        async def read_anomalies(_: object, ids: frozenset[str]) -> list[Anomaly]:
            return [each for each in anomalies if each.id in ids]

        monkeypatch.setattr(incidents, "_read", read)
        monkeypatch.setattr(incidents, "_anomalies", read_anomalies)
        return CliRunner().invoke(app, ["incidents", *words])

    return run


def test_they_are_listed_with_status_severity_and_title_and_no_line_steers_the_terminal(shown: Shown) -> None:
    lines = shown("list").stdout.splitlines()
    assert [each.split()[2:4] for each in lines] == [["resolved", "error"], ["open", "error"]]
    assert "3 anomalies  shop: disk" in lines[0] and OLD.id in lines[0] and "mill: login refused" in lines[1]
    assert "\x1b" not in "".join(lines)


def test_those_of_one_system_and_those_that_are_open(shown: Shown) -> None:
    assert "mill" not in shown("list", "--system", "shop").stdout
    assert "shop" not in shown("list", "--open").stdout
    assert "no open incident of shop" in shown("list", "--open", "--system", "shop").stderr
    assert "fusionlog worker incidents" in shown("list", found=()).stderr
    wrong = shown("list", "--system", "mil").exception
    assert isinstance(wrong, SettingError) and "did you mean mill?" in str(wrong)


def test_as_json_each_is_its_record(shown: Shown) -> None:
    found = [json.loads(each) for each in shown("list", "--json").stdout.splitlines()]
    assert [each["id"] for each in found] == [OLD.id, NEW.id]
    whole = json.loads(shown("show", OLD.id, "--json").stdout)
    assert (whole["incident"]["id"], [each["id"] for each in whole["anomalies"]]) == (OLD.id, OLD.anomaly_ids)


def test_one_is_shown_with_lines_sessions_explanation_and_anomalies(shown: Shown) -> None:
    explained = replace(OLD, explanation=make_explanation(SHOP[0], cause="a full disk"), hosts=["web-1"])
    text = shown("show", OLD.id[:8], found=(explained, NEW)).stdout
    for each in ("ERROR  resolved", "s0, s1, s2", "web-1", "a full disk", "in 3 of 3", SHOP[2].id):
        assert each in text
    assert "1 x disk failed ?[31mred" in text and "\x1b" not in text
    assert "no explanation yet" in shown("show", OLD.id).stdout
    assert "none of them among the newest" in shown("show", OLD.id, anomalies=()).stdout


@pytest.mark.parametrize(("id", "why"), [("zz", "there is no such incident"), ("", "2 incidents begin with it")])
def test_an_id_of_none_or_of_several_is_refused(shown: Shown, id: str, why: str) -> None:
    error = shown("show", id).exception
    assert isinstance(error, SettingError) and why in str(error)
