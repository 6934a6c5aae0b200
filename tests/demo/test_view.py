from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from fusionlog.demo.progress import Counts, Progress
from fusionlog.demo.view import MOST_TELLING, SHOWN_ANOMALIES, live, most_telling
from tests.factories import make_anomaly


def shown(what: RenderableType) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(what)
    return capture.get()


@pytest.fixture
def progress() -> Progress:
    return Progress("shop", "recorded", 100, counts=Counts(lines_in=40, windows_general=7, llm_calls=3))


def test_it_shows_what_goes_in_and_where_it_goes(progress: Progress) -> None:
    text = shown(live(progress, 12.4))
    assert "shop · 12 s" in text and "40 of 100" in text and "none yet" in text


def test_brackets_of_a_log_line_are_text_and_old_anomalies_leave(progress: Progress) -> None:
    for number in range(SHOWN_ANOMALIES + 1):
        anomaly = make_anomaly(f"[bold]disk {number}[/bold]", first_offset=number, reason="")
        progress.anomalies[anomaly.id] = anomaly
    text = shown(live(progress, 0.0))
    assert f"[bold]disk {SHOWN_ANOMALIES}[/bold]" in text and "disk 0" not in text
    assert f"anomalies: {SHOWN_ANOMALIES + 1}" in text


def test_the_gravest_incidents_come_last_with_the_command_to_read_more(tmp_path: Path) -> None:
    (tmp_path / "stream.log.gz").write_bytes(b"")
    kinds = ("disk full", "peer lost", "quota reached", "token expired", "clock skewed", "queue stuck")
    found = [
        make_anomaly(kind, f"{kind} again", session=f"s{number}", first_offset=2 * number)
        for number, kind in enumerate(kinds)
    ]
    text = "".join(shown(each) for each in most_telling(found, tmp_path))
    incidents = [line for line in text.splitlines() if line.startswith(("INFO", "WARNING", "ERROR", "CRITICAL"))]
    assert 1 <= len(incidents) <= MOST_TELLING
    assert "6 anomalies are" in text
    assert f"fusionlog scan {tmp_path / 'stream.log.gz'}" in text
