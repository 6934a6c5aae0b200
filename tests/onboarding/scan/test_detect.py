"""A scan finds sessions that lack a step or fail, by the lines alone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog.bundled.base import read_base
from fusionlog.onboarding.sample import line_records
from fusionlog.onboarding.scan.detect import Scanned, scan
from fusionlog.onboarding.scan.report import shown
from fusionlog.settings import IngestSettings
from tests.encoders import WordEncoder
from tests.onboarding.scan.orders import FAILED, ORDERS, START, WITHOUT_PAYMENT, order_lines, session_of


def scanned(lines: list[bytes]) -> Scanned:
    base = replace(read_base(), bank=[])
    return scan("shop", line_records(lines), IngestSettings(), base, WordEncoder())


@pytest.fixture(scope="module")
def orders() -> Scanned:
    return scanned(order_lines())


def test_sessions_without_a_step_and_failed_ones_are_found_and_no_others(orders: Scanned) -> None:
    assert len(orders.found.windows) == ORDERS
    assert {each.session for each in orders.anomalies} == {session_of(order) for order in (WITHOUT_PAYMENT, *FAILED)}


def test_an_absent_step_is_named(orders: Scanned) -> None:
    reports = shown(orders, 1.0).report.incidents
    absent = [event.text for each in reports for event in each.events if event.absent]
    assert any("payment accepted" in text for text in absent), reports


def test_times_are_those_of_the_lines(orders: Scanned) -> None:
    reports = shown(orders, 1.0).report.incidents
    assert all((each.first_seen or "").startswith(f"{START:%Y-%m-%d}T08:") for each in reports), reports


def test_lines_without_times_have_anomalies_without_times() -> None:
    found = scanned(order_lines(timed=False))
    assert session_of(WITHOUT_PAYMENT) in {each.session for each in found.anomalies}
    assert {(each.first_seen, each.last_seen) for each in shown(found, 1.0).report.incidents} == {(None, None)}


def test_equal_lines_give_an_equal_report(orders: Scanned) -> None:
    assert shown(scanned(order_lines()), 1.0) == shown(orders, 1.0)
    untimed = order_lines(60, timed=False)
    assert shown(scanned(untimed), 1.0) == shown(scanned(untimed), 1.0)


def test_a_log_of_one_line_has_no_anomaly() -> None:
    found = scanned([b"2026-03-01 08:00:00 INFO order=o1 could not save order: connection refused"])
    assert found.found.lines == 1
    assert found.anomalies == []


def test_blank_lines_and_no_lines_are_no_error() -> None:
    assert scanned([]).found.lines == 0
