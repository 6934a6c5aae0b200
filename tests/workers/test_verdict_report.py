"""What an operator reads about verdicts."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from fusionlog.topics import CANARY
from fusionlog.workers import verdict_report
from fusionlog.workers.verdict_report import FIRST_WINDOWS, PERIOD_SECONDS, VerdictCounts, VerdictReport
from tests.factories import make_anomaly


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_the_first_windows_are_summed_up_at_once_and_then_each_minute() -> None:
    now = Now()
    report = VerdictReport(now)
    report.add("shop", VerdictCounts(windows=FIRST_WINDOWS - 1))
    assert report.due() == {}
    report.add("shop", VerdictCounts(windows=1, referred=2))
    report.add("mill", VerdictCounts(windows=3))
    assert report.due() == {
        "shop": "shop: 100 windows with a verdict, 0 anomalies, 2 windows for a second opinion "
        "(100 windows, 0 anomalies since the start)"
    }
    report.add("shop", VerdictCounts(windows=500, dead=1))
    assert report.due() == {}
    now.seconds = PERIOD_SECONDS
    found = report.due()
    assert found["mill"].startswith("mill: 3 windows with a verdict"), "few windows, a minute later"
    assert "500 windows" in found["shop"] and "1 windows without a verdict" in found["shop"]
    assert "(600 windows, 0 anomalies since the start)" in found["shop"]
    now.seconds = 10 * PERIOD_SECONDS
    assert report.due() == {}, "no window came"


def test_the_first_anomaly_of_a_system_is_logged_at_once() -> None:
    report = VerdictReport(Now())
    with capture_logs() as logs:
        for system in ("shop", "shop", "mill", CANARY):
            report.anomaly(make_anomaly("disk failed", system=system))
    shown = [(each["log_level"], each["event"].split(":")[0]) for each in logs]
    assert shown == [("info", "shop"), ("info", "mill"), ("debug", CANARY)]
    report.add("shop", VerdictCounts(windows=FIRST_WINDOWS))
    assert "100 windows with a verdict, 2 anomalies" in report.due()["shop"]


async def test_lines_are_logged_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict_report, "TICK_SECONDS", 0.0)
    report = VerdictReport(Now())
    report.add("shop", VerdictCounts(windows=FIRST_WINDOWS))
    with capture_logs() as logs:
        report.start()
        async with asyncio.timeout(10):
            while not logs:
                await asyncio.sleep(0)
        await report.stop()
    assert logs[0]["event"].startswith("shop: 100 windows with a verdict")
