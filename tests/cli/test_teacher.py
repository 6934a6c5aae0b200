"""`fusionlog teacher check` as a process, its output and its exit codes; `fusionlog teacher spend`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from fusionlog.cli import teacher
from fusionlog.cli.main import app
from fusionlog.records import Spend
from fusionlog.settings import Settings
from fusionlog.teachers.llm.spend import SpendTotals
from fusionlog.teachers.llm.spend_summary import SpendSummary, summary_of
from tests.factories import make_window
from tests.teachers.fake_endpoint import Reply, fake_endpoint


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("FUSIONLOG_LABEL")}
    command = [sys.executable, "-m", "fusionlog", "teacher", *(words if words[:1] == ("show",) else ("check", *words))]
    return subprocess.run(command, capture_output=True, text=True, env={**own, **env}, timeout=60, check=False)


def test_a_usable_endpoint_is_one_line_or_one_object_and_exit_code_0() -> None:
    with fake_endpoint() as endpoint:
        line = run("--url", endpoint.url, "--model", "m")
        found: dict[str, Any] = json.loads(run("--json", FUSIONLOG_LABEL__URL=endpoint.url).stdout)
        models = [request["model"] for request in endpoint.requests]
    assert line.returncode == 0 and line.stdout.startswith("usable: ") and len(line.stdout.splitlines()) == 1
    assert models == ["m", "gpt-4o-mini"]
    seconds = found.pop("seconds")
    assert isinstance(seconds, float) and found == {
        "usable": True, "answered": 6, "requests": 1, "format": "json_schema", "system_role": True, "tokens": 110,
        "reason": f"{endpoint.url[:-3]} answered 6 of 6 made-up windows (json_schema, with a system role)",
    }  # fmt: skip


def test_one_of_no_use_has_exit_code_1_and_a_reason() -> None:
    with fake_endpoint() as endpoint:
        endpoint.otherwise = Reply(status=401, error={"message": "Incorrect API key"})
        done = run("--json", "--url", endpoint.url)
    found = json.loads(done.stdout)
    assert done.returncode == 1 and "answers 401: Incorrect API key" in found["reason"]
    assert (found["usable"], found["answered"], found["format"], found["system_role"]) == (False, 0, None, None)


@pytest.mark.parametrize("words", [(), ("--url", "127.0.0.1:80"), ("--url",), ("--colour",)])
def test_wrong_usage_has_exit_code_2(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 2 and done.stdout == "" and done.stderr


SYSTEMS = """
shop:
  header: "<Level> <Content>"
  session: "o=(\\\\d+)"
  window: {by: session}
  policy: alert on lost orders
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "systems.yaml").write_text(SYSTEMS)
    lines = [f"INFO o={number} order opened\nINFO o={number} order closed\n" for number in range(30)]
    (tmp_path / "shop.log").write_text(
        "".join([*lines, "INFO o=77 order opened\nERROR o=77 mail to a@b.example lost\n"])
    )
    return tmp_path


def test_what_would_be_sent_is_printed_and_nobody_is_asked(shop: Path) -> None:
    where = ("--systems-file", str(shop / "systems.yaml"), "--system", "shop", "--log", str(shop / "shop.log"))
    done = run("show", *where, "--json", "--session", "77", FUSIONLOG_LABEL__URL="http://127.0.0.1:1/v1")
    found = json.loads(done.stdout)
    [unit] = json.loads(found["messages"][-1]["content"].partition("\n")[2])
    assert [(each["text"], each["seen"]) for each in unit["events"]] == [
        ("INFO o=77 order opened", 30), ("ERROR o=77 mail to user-1@b.example lost", 0),
    ]  # fmt: skip
    assert unit["events"][1]["level"] == "error" and unit["sessions_before"] == 30
    text = run("show", *where, "--last", "1").stdout
    assert "alert on lost orders" in text and "user-1@" in text and found["sha256"] in text


def test_windows_are_shown_as_they_are(shop: Path) -> None:
    (shop / "windows.jsonl").write_bytes(msgspec.json.encode(make_window("disk failed")) + b"\n")
    where = ("--systems-file", str(shop / "systems.yaml"), "--system", "shop", "--windows")
    assert '"text":"disk failed"' in run("show", *where, str(shop / "windows.jsonl")).stdout
    (shop / "windows.jsonl").write_text("{}\n")
    wrong = run("show", *where, str(shop / "windows.jsonl"))
    assert wrong.returncode == 2 and "line 1 is no Window" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--system", "shop"), "--log"),
        (("--system", "mill", "--log", "shop.log"), "shop"),
        (("--system", "shop", "--log", "none.log"), "none.log"),
        (("--system", "shop", "--log", "shop.log", "--session", "9999"), "no window"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(shop: Path, words: tuple[str, ...], named: str) -> None:
    own = [str(shop / word) if word.endswith(".log") else word for word in words]
    done = run("show", "--systems-file", str(shop / "systems.yaml"), *own)
    assert done.returncode == 2 and done.stdout == "" and named in done.stderr


NOON = 1_764_331_200  # 2025-11-28


def spent(monkeypatch: pytest.MonkeyPatch, *words: str, **env: str) -> str:
    records = [
        Spend(worker="a", number=1, role="label", minute=NOON, calls=3, prompt_tokens=300, money=0.5, estimated=1),
        Spend(worker="b", number=1, role="label", minute=NOON - 7200, calls=4, completion_tokens=40, money=0.25),
        Spend(worker="c", number=1, role="explain", minute=NOON, calls=2, system="shop", money=0.5),
    ]

    async def summary(config: Settings) -> SpendSummary:
        totals = SpendTotals()
        for number, record in enumerate(records):
            totals.update(str(number), record)
        return summary_of(totals, config, NOON + 30)

    monkeypatch.setattr(teacher, "_summary", summary)
    done = CliRunner(env=env).invoke(app, ["teacher", "spend", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


PRICED = {
    "FUSIONLOG_LABEL__PRICE_PER_MILLION_INPUT": "1", "FUSIONLOG_LABEL__BUDGET_PER_DAY": "2",
    "FUSIONLOG_EXPLAIN__CALLS_PER_HOUR": "2",
}  # fmt: skip


def test_what_is_spent_and_left_is_shown_by_role_and_day(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spent(monkeypatch, **PRICED).splitlines() == [
        "label   3 of 600 calls within the last hour, 597 left",
        "explain shop: 2 of 2 calls within the last hour, 0 left, the next one at 13:01 UTC",
        "today   1.25 of 2 spent (label 0.75, explain 0.5), 0.75 left until 00:00 UTC",
        "        9 calls, 300 tokens of prompts, 40 of answers",
        "        1 calls had no token counts: theirs are estimated from the texts",
    ]
    assert "today   1.25 spent (label 0.75, explain 0.5)\n" in spent(monkeypatch)


def test_what_is_spent_is_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(spent(monkeypatch, "--json", **PRICED))
    assert [(each["role"], each["system"], each["left"]) for each in found["hour"]] == [
        ("label", "", 597), ("explain", "shop", 0),
    ]  # fmt: skip
    day = found["day"]
    assert (day["date"], day["money"], day["budget"], day["left"]) == ("2025-11-28", 1.25, 2.0, 0.75)
    assert (day["calls"], day["estimated_calls"], day["by_role"]) == (9, 1, {"label": 0.75, "explain": 0.5})
