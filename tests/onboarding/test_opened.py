"""Lines of records: envelopes are opened, an application's own JSON stays whole."""

from __future__ import annotations

import json

from fusionlog.onboarding.opened import open_records, read_lines
from fusionlog.onboarding.sample import line_records
from fusionlog.parsing.parser import Parser
from fusionlog.settings import IngestSettings, SystemSettings

INGEST = IngestSettings()


def opened(*values: object, encoding: str = "utf-8") -> tuple[list[str], list[bool]]:
    """The texts, and whether each came in an envelope."""
    written = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
    lines, _ = open_records(line_records(written), SystemSettings(encoding=encoding), INGEST)
    return [line.text for line in lines], [line.fields is not None for line in lines]


def test_a_shippers_envelope_is_opened_and_keeps_its_fields() -> None:
    record = {"@timestamp": 1764240000.1, "log": "cart opened\n", "stream": "stdout", "kubernetes": {"pod_name": "a"}}
    lines, dead = open_records(line_records([json.dumps(record).encode()]), SystemSettings(), INGEST)
    assert dead == 0
    assert (lines[0].text, lines[0].time) == ("cart opened", 1764240000.1)
    assert lines[0].fields is not None
    assert lines[0].fields["kubernetes"] == {"pod_name": "a"}


def test_an_applications_own_line_stays_json() -> None:
    own = {"level": "info", "hostname": "web1", "msg": "started", "reqId": "a1"}
    texts, enveloped = opened(own)
    assert [json.loads(text) for text in texts] == [own]
    assert enveloped == [False]


def test_a_beat_and_a_collector_without_a_level_are_shippers() -> None:
    beat = {
        "@timestamp": "2026-03-04T10:11:12Z",
        "message": "a b",
        "agent": {"type": "filebeat"},
        "host": {"name": "w"},
    }
    assert opened(beat, {"message": "c d", "hostname": "web1", "file": "/var/log/a"}) == (["a b", "c d"], [True, True])


def test_own_lines_of_an_array_are_objects_each() -> None:
    texts, _ = opened([{"level": "info", "msg": "a"}, {"level": "warn", "msg": "b"}])
    assert [json.loads(text)["level"] for text in texts] == ["info", "warn"]


def test_a_declared_encoding_is_read_and_what_cannot_be_read_is_counted() -> None:
    assert opened("订单".encode("gbk"), encoding="gbk")[0] == ["订单"]
    _, dead = open_records(line_records([b"a b", bytes(range(9)) * 9]), SystemSettings(), INGEST)
    assert dead == 1


def test_with_an_entry_lines_are_read_as_a_worker_reads_them() -> None:
    records = line_records([json.dumps({"level": "info", "msg": "started", "reqId": "a1"}).encode()])
    system = SystemSettings(format="json")
    lines = read_lines(records, Parser("shop", system, INGEST), system, INGEST)
    assert lines[0].text == "started"
    assert lines[0].fields == {"level": "info", "reqId": "a1"}


def test_the_pieces_of_a_line_and_the_lines_of_a_trace_are_joined() -> None:
    cut = [
        f"2026-03-04T10:11:12.000000001Z stdout {tag} {text}".encode() for tag, text in (("P", "one "), ("F", "two"))
    ]
    assert opened(*cut)[0] == ["one two"]
    assert opened(b"2026-03-04 ERROR failed", b"\tat s.e.Stock.take(Stock.java:46)", b"2026-03-04 INFO on")[0] == [
        "2026-03-04 ERROR failed\n\tat s.e.Stock.take(Stock.java:46)", "2026-03-04 INFO on",
    ]  # fmt: skip
