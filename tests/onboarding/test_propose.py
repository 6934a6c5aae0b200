"""Proposals for the kinds of log that are common, and for the bundled systems."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from fusionlog.onboarding.entry import render
from fusionlog.onboarding.opened import read_lines
from fusionlog.onboarding.propose import Proposal, propose
from fusionlog.onboarding.sample import SampleRecord, line_records
from fusionlog.parsing.parser import Parser
from fusionlog.settings import IngestSettings, SystemSettings
from tests.onboarding.samples import Step, access_log, ids, lines, units, written_json

CLOCK = "%Y-%m-%d %H:%M:%S.%3"
SYSLOG = "%b %d %H:%M:%S"
TRACES, REQUESTS = ids("hex32"), ids("uuid")
PROCESSES = [str(number) for number in range(2000, 2200)]
HOSTS = ("web1", "web2", "db1")


def proposed(values: Sequence[bytes]) -> Proposal:
    return propose(line_records(values), IngestSettings())


def pods(step: Step, name: str) -> str:
    """A line in the envelope of Fluent Bit."""
    kubernetes = {"pod_name": name, "namespace_name": "shop", "container_name": "cart"}
    return json.dumps({"@timestamp": step.time, "stream": "stdout", "log": f"{step.text}\n", "kubernetes": kubernetes})


KEYED: dict[str, tuple[Callable[[Step], str], dict[str, object]]] = {
    "logfmt": (
        lambda step: f'{step.clock("time=%Y-%m-%dT%H:%M:%SZ")} level=info msg="{step.text}"'
        f" request_id={REQUESTS[step.unit]}",
        {"format": "logfmt", "session_field": "request_id"},
    ),
    "spring": (
        lambda step: f"{step.clock(CLOCK)}  INFO [shop,{TRACES[step.unit]},{step.unit:016x}] 4711 ---"
        f" [exec-{step.unit % 8}] c.x.Orders : {step.text}",
        {"format": "spring", "session": "shop,([0-9a-f]{32})"},
    ),
    "syslog": (
        lambda step: f"{step.clock(SYSLOG)} web1 sshd[{PROCESSES[step.unit]}]: {step.text}",
        {"format": "syslog3164", "session_field": "pid"},
    ),
    "json": (
        lambda step: written_json(step, trace_id=TRACES[step.unit], span_id=f"{step.unit:016x}"),
        {"format": "json", "session_field": "trace_id"},
    ),
    "numbered": (
        lambda step: f"{step.clock(CLOCK)} INFO {step.text} for P-{step.unit + 16}",
        {"format": "log4j", "session": r"(P-\d+)"},
    ),
    "named number": (
        lambda step: f"{step.clock(CLOCK)} INFO order {step.unit + 1000}: {step.text}",
        {"format": "log4j", "session": r"order +(\d+)"},
    ),
    "pods that come and go": (
        lambda step: pods(step, f"job-{REQUESTS[step.unit][:5]}"), {"session_field": "kubernetes.pod_name"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KEYED)
def test_the_key_of_sessions_is_proposed_and_the_parser_finds_it(kind: str) -> None:
    form, expected = KEYED[kind]
    values = lines(form)
    proposal = proposed(values)
    assert {name: proposal.entry.get(name) for name in expected} == expected
    assert proposal.entry["window"] == {"by": "session", "idle_seconds": 60, "max_events": 500}
    assert proposal.sure
    found = sessions(kind, proposal.system, values)
    assert all(len(each) == 1 and None not in each for each in found.values())
    assert len(set.union(*found.values())) == len(found)


def sessions(name: str, system: SystemSettings, values: Sequence[bytes]) -> dict[int, set[str | None]]:
    """The session keys of each unit of work."""
    parser = Parser(name, system, IngestSettings())
    opened = read_lines(line_records(values), parser, system, IngestSettings())
    found: dict[int, set[str | None]] = {}
    for step, line in zip(units(), opened, strict=True):
        found.setdefault(step.unit, set()).add(parser.parse(line.text, line.fields).session)
    return found


COUNTED: dict[str, Callable[[], Sequence[bytes]]] = {
    "access log": access_log,
    "hosts": lambda: lines(lambda step: f"{step.clock(SYSLOG)} {HOSTS[step.unit % 3]} app: {step.text}"),
    "threads": lambda: lines(
        lambda step: f"{step.clock(CLOCK)} INFO  [pool-1-thread-{step.unit % 8}] com.x.Orders - {step.text}"
    ),
    "prose": lambda: lines(lambda step: step.text),
}


@pytest.mark.parametrize("kind", COUNTED)
def test_a_log_without_a_key_of_sessions_is_cut_by_count(kind: str) -> None:
    proposal = proposed(COUNTED[kind]())
    assert proposal.entry["window"] == {"by": "count", "size": 20}
    assert not {"session", "session_field"} & proposal.entry.keys()
    assert proposal.sure


def test_pods_that_live_on_are_cut_by_count_each() -> None:
    proposal = proposed(lines(lambda step: pods(step, f"cart-{step.unit % 4}")))
    assert proposal.entry["session_field"] == "kubernetes.pod_name"
    assert proposal.entry["window"] == {"by": "session", "idle_seconds": 60, "max_events": 20}


def test_a_few_lines_are_of_low_confidence() -> None:
    form, expected = KEYED["logfmt"]
    proposal = proposed(lines(form)[:30])
    assert {name: proposal.entry.get(name) for name in expected} == expected
    assert [part.confidence for part in proposal.parts if part.name == "session"] == ["low"]
    assert not proposal.sure


def test_sessions_one_after_the_other_are_found_too() -> None:
    ordered = sorted(units(), key=lambda step: (step.unit, step.time))
    proposal = proposed(lines(lambda step: f"{step.clock(CLOCK)} INFO [{REQUESTS[step.unit]}] {step.text}", ordered))
    assert proposal.entry["window"] == {"by": "session", "idle_seconds": 60, "max_events": 500}
    assert proposal.sure


def test_the_ranking_gives_the_best_first_and_its_figures() -> None:
    ranking = proposed(lines(KEYED["json"][0])).ranking
    assert ranking[0].candidate.field == "trace_id"
    assert ranking[0].score.coverage == 1.0
    assert ranking[0].score.lines_each == pytest.approx(5, abs=1)
    scores = [each.score.score for each in ranking]
    assert scores == sorted(scores, reverse=True)


def test_stack_traces_and_their_lines_count_for_nothing() -> None:
    trace = [b"java.lang.IllegalStateException: stock", b"\tat s.e.Stock.take(Stock.java:46)", b"Caused by: x.Y: z"]
    values = lines(KEYED["named number"][0])
    mixed = [each for value in values for each in ((value, *trace) if b"refused" in value else (value,))]
    assert proposed(mixed).entry == proposed(values).entry


def test_a_declared_encoding_is_proposed() -> None:
    values = [f"2026-03-04 10:11:{second:02} INFO [order] 订单 {second} 已创建".encode("gbk") for second in range(60)]
    assert proposed(values).entry["encoding"] == "gbk"


def test_records_that_hold_no_line_are_of_low_confidence() -> None:
    assert not proposed([*lines(KEYED["json"][0])[:500], *[bytes(range(9)) * 9] * 50]).sure
    assert propose([SampleRecord(0, -1, None, None)], IngestSettings()).lines == 0
    assert propose([], IngestSettings()).lines == 0


def test_a_sample_of_long_lines_is_limited_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fusionlog.onboarding.propose.MAX_BYTES", 5_000)
    assert proposed([b"order taken " + b"x" * 988] * 20).lines == 5
    assert proposed([b"order taken " + b"x" * 9_000]).lines == 1


def test_messages_of_several_lines_are_joined_before_anything_else() -> None:
    form = KEYED["named number"][0]
    values = lines(form)
    mixed = [
        each for value in values for each in ((value, b"SELECT name", b"FROM x") if b"known" in value else (value,))
    ]
    proposal = proposed(mixed)
    assert proposal.entry.pop("multiline") == {"start": r"^\d\d\d\d-\d\d-\d\d"}
    assert proposal.entry == proposed(values).entry


def test_lines_without_a_key_that_always_follow_the_same_line_inherit_its_key() -> None:
    values = lines(KEYED["named number"][0])
    detail = b"2026-02-25 06:13:21.354 DETAIL the user has signed in by password"
    mixed = [each for value in values for each in ((value, detail) if b"known" in value else (value,))]
    proposal = proposed(mixed)
    assert proposal.entry["session"] == r"order +(\d+)"
    assert proposal.entry["inherit"] is True


def test_scattered_sessions_are_proposed_to_go_through_a_keyed_topic() -> None:
    steps, form = units(), KEYED[next(iter(KEYED))][0]
    scattered, together = (
        [
            SampleRecord(n, int(1000 * step.time), None, form(step).encode(), number(n, step) % 4)
            for n, step in enumerate(steps)
        ]
        for number in (lambda n, step: n, lambda n, step: step.unit)
    )
    proposal = propose(scattered, IngestSettings())
    assert proposal.system.window.by == "session" and proposal.system.repartition and proposal.sure
    assert "sessions have lines in several partitions at a time\n  repartition: true" in render("shop", proposal)
    assert "repartition" not in propose(together, IngestSettings()).entry
