"""A sample of a log through the parts of an ingest worker: the cases, and every suspicion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fusionlog.onboarding.check import check
from fusionlog.onboarding.report import CheckReport, report
from fusionlog.onboarding.sample import SampleRecord, line_records, read_sample
from fusionlog.settings import IngestSettings, SystemSettings, read_systems

CASES = Path(__file__).parents[1] / "cases"
BY_KEY = {"session": r"order=(\w+)", "window": {"by": "session", "idle_seconds": 60}}


def checked(settings: dict[str, object], records: list[SampleRecord]) -> CheckReport:
    return report(check("shop", SystemSettings.model_validate(settings), IngestSettings(), records))


def lines(settings: dict[str, object], *text: str) -> CheckReport:
    return checked(settings, line_records([each.encode() for each in text]))


def case(name: str, file: str, system: str) -> CheckReport:
    systems = read_systems(CASES / name / "systems.yaml")
    return report(check(system, systems[system], IngestSettings(), read_sample(CASES / name / file)))


def kinds(found: CheckReport) -> list[str]:
    return [each.kind for each in found.warnings]


def templates(found: CheckReport) -> list[str]:
    return sorted(each.text for each in found.templates)


@pytest.mark.parametrize("file", ["cri.log", "docker.jsonl", "fluentd.jsonl"])
def test_pieces_that_a_runtime_cut_are_one_line(file: str) -> None:
    found = case("lines-cut-by-the-runtime", file, "cart")
    assert (found.lines, found.joined, found.records) == (2, found.records - 2, found.lines + found.joined)
    assert templates(found) == ["cannot save cart", "cart saved"] and found.clean


def test_a_stack_trace_is_part_of_its_line() -> None:
    found = case("stack-trace-line-by-line", "lines.log", "orders")
    assert (found.lines, found.joined, found.without_key, found.header_matched) == (4, 9, 0, 1.0)
    assert [("deadlock" in str(each.events[-1].text)) for each in found.windows] == [True, False]
    assert found.clean


def test_a_record_of_several_lines_is_several_lines() -> None:
    found = case("opentelemetry-collector", "otlp.jsonl", "pay")
    assert (found.records, found.lines, found.times.source) == (2, 4, "envelope")
    assert [each.session for each in found.windows] == ["P-16", "P-17", "P-18"] and found.clean


def test_the_field_of_an_envelope_is_a_session_key() -> None:
    found = case("pod-name-outside-the-json", "records.jsonl", "cart")
    assert templates(found) == ["cart opened", "cart paid"] and len(found.windows) == 2 and found.clean


@pytest.mark.parametrize(("file", "system", "events"), [("lines.log", "hosts", 6), ("node.log", "nodes", 3)])
def test_a_key_at_the_start_of_a_line_masks_nothing_in_its_content(file: str, system: str, events: int) -> None:
    found = case("key-at-the-start-of-the-line", file, system)
    assert len(found.templates) == events and not any("<KEY>" in each for each in templates(found))
    assert found.clean


def test_a_duration_is_no_time_and_the_field_is_named_as_the_remedy() -> None:
    found = case("time-that-is-a-duration", "records.jsonl", "orders")
    assert (found.times.source, found.times.implausible, kinds(found)) == ("kafka", 80, ["implausible-time"])
    assert "time_field" in found.warnings[0].remedy


def test_another_encoding_is_a_dead_letter_with_the_way_out() -> None:
    found = case("lines-in-chinese", "lines.gbk.log", "users")
    assert [each.reason for each in found.dead_letters] == ["not-text"] * 4
    assert kinds(found) == ["dead-letter-not-text"] and "encoding" in found.warnings[0].remedy


def test_a_header_that_does_not_match_is_a_suspicion_with_an_example() -> None:
    found = lines({"header": "<Date> | <Content>"}, "2026 | started", "no header at all")
    assert found.header_matched == 0.5 and kinds(found) == ["header-unmatched"]
    assert "1 of 2 lines" in found.warnings[0].text and "'no header at all'" in found.warnings[0].text


def test_a_header_that_the_entry_does_not_have_is_a_suspicion() -> None:
    text = [f"2026-03-04 10:11:{n:02},001 INFO shop.Orders: order {n} accepted" for n in range(30)]
    found = lines({}, *text)
    assert kinds(found) == ["no-header"] and "100% of the lines" in found.warnings[0].text
    assert found.warnings[0].remedy.startswith(("set  format: ", "set  header: "))
    assert lines({}, *(f"order {n} accepted" for n in range(30))).clean


def test_a_key_that_no_line_has_is_a_suspicion() -> None:
    assert kinds(lines(BY_KEY, "a", "b")) == ["no-session-key"]
    by_count = lines(BY_KEY | {"window": {"by": "count"}}, "a", "b")
    assert kinds(by_count) == ["no-session-key"] and "windows are cut by count" in by_count.warnings[0].text
    assert lines({}, "a", "b").clean


def test_many_lines_without_a_key_are_a_suspicion() -> None:
    found = lines(BY_KEY, *(["order=1 paid"] * 9 + ["checked"]))
    assert found.without_key == 1 and kinds(found) == ["lines-without-key"]
    assert "inherit" in found.warnings[0].remedy


def test_a_key_that_cuts_nothing_or_everything_is_a_suspicion() -> None:
    assert "one-session" in kinds(lines(BY_KEY, *["order=1 paid"] * 30))
    assert "session-of-one-line" in kinds(lines(BY_KEY, *(f"order=x{n} paid" for n in range(30))))


def test_a_session_in_several_partitions_is_a_suspicion() -> None:
    records = [SampleRecord(n, 1_772_619_072_000 + n, None, b"order=1 paid", n % 2) for n in range(4)]
    found = checked(BY_KEY, records)
    assert kinds(found) == ["session-scattered"] and "'1'" in found.warnings[0].text
    assert "repartition: true" in found.warnings[0].remedy


def test_a_repartitioned_system_has_whole_sessions_of_scattered_lines() -> None:
    texts = [f"order={n % 5} {('accepted', 'paid by card', 'sent')[n % 3]}".encode() for n in range(40)] + [b"checked"]
    records = [SampleRecord(n // 4, 1_772_619_072_000 + n, None, text, n % 4) for n, text in enumerate(texts)]
    plain, whole = checked(BY_KEY, records), checked({**BY_KEY, "repartition": True}, records)
    assert kinds(plain) == ["session-scattered"] and kinds(whole) == []
    assert len(whole.windows) == 5 and [sum(e.count for e in w.events) for w in whole.windows] == [8] * 5
    assert (whole.lines, whole.without_key, whole.templates) == (plain.lines, 1, plain.templates)


def test_a_field_of_json_line_that_no_line_has_is_a_suspicion() -> None:
    found = lines({"json_line": "{level} {msgg}"}, '{"level": "info", "msg": "x"}')
    assert kinds(found) == ["json-line-field"] and "{msgg}" in found.warnings[0].text


def test_json_that_is_parsed_as_text_is_a_suspicion() -> None:
    assert kinds(lines({}, '{"event": "started", "n": 1}')) == ["json-as-text"]


def test_one_template_for_all_lines_or_one_for_each_is_a_suspicion() -> None:
    assert kinds(lines({}, *["same again"] * 99, "something else is here")) == ["one-template"]
    words = [f"{a}{b}" for a in "abcdefgh" for b in "stuvwxyz"]
    assert kinds(lines({}, *words)) == ["template-explosion"]


def test_the_report_is_the_contract_as_json() -> None:
    import msgspec

    found = json.loads(msgspec.json.encode(lines({}, "2026-03-04T10:11:12Z started 5")))
    assert found == {
        "records": 1, "lines": 1, "joined": 0, "dead_letters": [], "header_matched": None, "without_key": None,
        "times": {"from": "kafka", "implausible": 0},
        "templates": [{"id": found["templates"][0]["id"], "text": "<TIME> started <NUM>", "lines": 1}],
        "windows": [{
            "session": "0-0", "started": "2026-03-04T10:11:12.000+00:00", "ended": "2026-03-04T10:11:12.000+00:00",
            "events": [{
                "template": found["templates"][0]["id"], "text": "<TIME> started <NUM>", "count": 1,
                "example": "2026-03-04T10:11:12Z started 5",
            }],
        }],
        "warnings": [],
    }  # fmt: skip
