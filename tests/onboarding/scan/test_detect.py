"""A scan finds sessions that lack a step or fail, by the lines alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from fusionlog.bundled.base import read_base
from fusionlog.errors import TeacherError
from fusionlog.onboarding.sample import line_records
from fusionlog.onboarding.scan.detect import Scanned, scan, scan_with_llm
from fusionlog.onboarding.scan.report import shown
from fusionlog.releases import pack_vectors
from fusionlog.settings import IngestSettings, Settings
from fusionlog.teachers.base import EventVerdict, Unit, Verdict
from tests.detector.graphs import make_onnx
from tests.encoders import WordEncoder
from tests.factories import make_release
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


def test_the_reasons_are_the_failure_first_then_the_steps_that_are_missing_with_their_share(orders: Scanned) -> None:
    first, second = shown(orders, 1.0).incidents
    assert [first.report.severity, second.report.severity] == ["error", "error"]
    assert "could not save order" in first.reasons[0]
    assert first.reasons[1].startswith("missing: ") and "in 99.6 % of 299 windows with" in first.reasons[1]
    assert "could not save order" in first.lines[0]
    (missing,) = second.reasons
    assert missing.startswith("missing: order=<KEY> payment accepted (in 100 % of 297 windows with ")
    assert (first.others, second.others) == ([], [])


def test_a_key_of_letters_and_digits_cuts_sessions_as_a_number_does() -> None:
    found = scanned([re.sub(rb"order=(\d+)", rb"order=o\1x", line) for line in order_lines()])
    assert len(found.found.windows) == ORDERS
    assert len(found.anomalies) == 1 + len(FAILED)


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


class Refusals:
    """A language model by which refused connections are anomalous, and nothing else is."""

    name = "llm:test"

    def __init__(self) -> None:
        self.units: list[Unit] = []

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        self.units += units
        return [self._verdict(unit) for unit in units]

    async def close(self) -> None: ...

    def _verdict(self, unit: Unit) -> Verdict:
        events = tuple(EventVerdict(each.id, 0.9 if "refused" in each.text else 0.1) for each in unit.events)
        return Verdict(max(each.probability for each in events), 0.9, "the database is away", events)


async def test_a_language_model_gives_verdicts_and_reasons_and_is_asked_once_a_shape() -> None:
    encode = WordEncoder("accepted", "refused")
    known = (("payment accepted", 0.0), ("connection refused", 1.0))
    vectors = pack_vectors(encode([text for text, _ in known]))
    base = make_release(*known, system="*", onnx=make_onnx(0.0), vectors=vectors)
    teacher = Refusals()
    found = await scan_with_llm("shop", line_records(order_lines(60)), Settings(), base, encode, teacher)
    assert found.anomalies == []
    lines = order_lines(40) + [b"2026-03-01 08:05:00 INFO order=10999 bank: connection refused"] * 3
    found = await scan_with_llm("shop", line_records(lines), Settings(), base, encode, teacher)
    assert [(each.session, each.reason) for each in found.anomalies] == [("10999", "the database is away")]
    assert len(teacher.units) < 20
