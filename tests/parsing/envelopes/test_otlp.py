import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes import EnvelopeReader, RawLine
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.json_format import JsonFormat

CASE = Path(__file__).parents[2] / "cases" / "opentelemetry-collector"
NOW = 1764240060.0


def text(value: str) -> dict[str, object]:
    return {"stringValue": value}


def attributes(**pairs: str) -> list[dict[str, object]]:
    return [{"key": key.replace("_", "."), "value": text(value)} for key, value in pairs.items()]


def batch_of(*records: dict[str, Any], resource: list[dict[str, object]] | None = None) -> dict[str, Any]:
    scope = {"scope": {"name": "pay"}, "logRecords": list(records)}
    return {"resourceLogs": [{"resource": {"attributes": resource or []}, "scopeLogs": [scope]}]}


def proto_of(batch: dict[str, Any]) -> bytes:
    return bytes(ParseDict(batch, ExportLogsServiceRequest()).SerializeToString())


def read(value: bytes, json_line: str | None = None, **system: str) -> list[RawLine | RecordError]:
    reader = EnvelopeReader(SystemSettings.model_validate({"json_line": json_line, **system}), IngestSettings())
    return list(reader.read(value, NOW))


def texts(batch: dict[str, Any], json_line: str | None = None, **system: str) -> list[str]:
    """The texts by both encodings, which are the same, written by the format of JSON lines."""
    lines, others = (read(value, json_line, **system) for value in (json.dumps(batch).encode(), proto_of(batch)))
    written = [JsonFormat(json_line).text(line.text, line.fields) for line in lines if isinstance(line, RawLine)]
    assert written == [
        JsonFormat(json_line).text(line.text, line.fields) for line in others if isinstance(line, RawLine)
    ]
    return written


@pytest.mark.parametrize("encoding", ["json", "proto"])
def test_the_log_records_of_the_case_are_lines_with_their_times(encoding: str) -> None:
    records = (CASE / "otlp.jsonl").read_bytes().splitlines()
    values = [proto_of(json.loads(record)) for record in records] if encoding == "proto" else records
    lines = [line for value in values for line in read(value) if isinstance(line, RawLine)]
    assert [(line.text, line.time) for line in lines] == [
        ("payment P-16 taken", pytest.approx(1764240000.123456, abs=1e-6)),
        ("payment P-17 declined", pytest.approx(1764240001.123456, abs=1e-6)),
        ("payment P-18 taken", pytest.approx(1764240002.123456, abs=1e-6)),
        ("payment P-17 refunded", pytest.approx(1764240003.123456, abs=1e-6)),
    ]
    assert lines[0].fields and lines[0].fields["resource"] == {"service.name": "pay"}
    assert lines[0].fields["attributes"] == {"log.file.name": "pay.log"}
    assert lines[0].source == "pay.log"


def test_both_encodings_have_the_same_lines() -> None:
    record = {
        "timeUnixNano": "1764240000000000000", "severityNumber": "SEVERITY_NUMBER_INFO", "body": text("x"),
        "attributes": attributes(a="b"),
    }  # fmt: skip
    batch = batch_of(record, resource=attributes(k8s_pod_name="p", k8s_namespace_name="n"))
    proto, plain = read(proto_of(batch)), read(json.dumps(batch).encode())
    assert proto == plain
    assert isinstance(proto[0], RawLine) and proto[0].source == "n/p"


def test_ids_are_hexadecimal_in_both() -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value, record.trace_id, record.span_id = "x", bytes(range(16)), bytes(range(8))
    (line,) = read(request.SerializeToString())
    assert isinstance(line, RawLine) and line.fields
    assert line.fields["traceId"] == "000102030405060708090a0b0c0d0e0f"
    assert line.fields["spanId"] == "0001020304050607"


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (text("disk full"), "disk full"),
        ({"intValue": "12"}, "12"),
        ({"intValue": "0"}, "0"),
        ({"doubleValue": 1.5}, "1.5"),
        ({"boolValue": False}, "false"),
        ({"bytesValue": "ZGlzayBmdWxs"}, "disk full"),
        ({"bytesValue": "/////w=="}, "/////w=="),
        ({"arrayValue": {"values": [text("a"), {"intValue": "1"}]}}, '["a",1]'),
        ({"kvlistValue": {"values": [{"key": "event", "value": text("x")}]}}, '{"event":"x"}'),
        ({"kvlistValue": {"values": [{"key": "msg", "value": text("x")}]}}, "x"),
        (text("2025-11-27T10:40:00.0Z stdout F disk full"), "disk full"),
    ],
)  # fmt: skip
def test_bodies_of_every_type_are_lines(body: dict[str, object], line: str) -> None:
    assert texts(batch_of({"body": body})) == [line]


def test_the_observed_time_stands_in_for_a_missing_one() -> None:
    observed = "1764240001000000000"
    for missing in ({}, {"timeUnixNano": "0"}, {"timeUnixNano": 0}):
        (line,) = read(json.dumps(batch_of({**missing, "observedTimeUnixNano": observed, "body": text("x")})).encode())
        assert isinstance(line, RawLine) and (line.time, line.implausible) == (1764240001.0, False)


def test_the_format_of_json_lines_names_fields_of_the_body_and_attributes_and_resource() -> None:
    body = {
        "kvlistValue": {"values": [{"key": "msg", "value": text("paid")}, {"key": "n", "value": {"intValue": "3"}}]}
    }
    batch = batch_of(
        {"body": body, "severityText": "INFO", "attributes": attributes(log_file_name="pay.log")},
        resource=attributes(service_name="pay"),
    )
    assert texts(batch, "{severityText} {log.file.name} {service.name} {n} {msg}") == ["INFO pay.log pay 3 paid"]
    assert texts(batch, "{resource.service.name} {attributes.log.file.name} {scope.name} {msg}") == [
        "pay pay.log pay paid"
    ]


def test_the_format_of_json_lines_may_name_the_body() -> None:
    batch = batch_of({"body": text("paid"), "attributes": attributes(user_id="u-1")})
    assert texts(batch, "{user.id} {body}") == ["u-1 paid"]
    assert texts(batch, "{user.id} {msg}") == ["paid"]


def test_a_json_line_in_a_body_is_the_systems_own() -> None:
    batch = batch_of({"body": text('{"msg": "paid", "level": "info"}'), "attributes": attributes(user_id="u-1")})
    assert texts(batch, "{user.id} {level} {msg}") == ["u-1 info paid"]


def test_an_event_without_a_body_is_a_line_of_its_attributes() -> None:
    assert texts(batch_of({"eventName": "paid", "attributes": attributes(user_id="u-1")})) == [
        '{"eventName":"paid","user.id":"u-1"}'
    ]


def test_a_log_record_with_nothing_in_it_is_an_error_with_its_bytes() -> None:
    first, error = read(json.dumps(batch_of({"body": text("x")}, {"timeUnixNano": "1764240000000000000"})).encode())
    assert isinstance(first, RawLine)
    assert isinstance(error, RecordError) and error.reason == "empty"
    assert error.item and json.loads(error.item)["timeUnixNano"] == "1764240000000000000"


def test_a_time_field_may_be_an_attribute_or_in_the_body() -> None:
    record = {"body": text('{"at": 1764240002}'), "attributes": attributes(event_time="1764240003")}
    value = json.dumps(batch_of(record)).encode()
    assert [line.time for line in read(value, time_field="at") if isinstance(line, RawLine)] == [1764240002.0]
    assert [line.time for line in read(value, time_field="event.time") if isinstance(line, RawLine)] == [1764240003.0]


def traces() -> bytes:
    data = TracesData()
    span = data.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.kind = bytes(range(16)), 1
    return bytes(data.SerializeToString())


def metrics() -> bytes:
    data = MetricsData()
    metric = data.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = "http.requests"
    metric.gauge.data_points.add().as_int = 5
    return bytes(data.SerializeToString())


@pytest.mark.parametrize(
    "value", [b'{"resourceSpans": []}', b'{"resourceMetrics": [{"scopeMetrics": []}]}', traces(), metrics()]
)
def test_traces_and_metrics_are_refused(value: bytes) -> None:
    with pytest.raises(RecordError) as raised:
        read(value)
    assert raised.value.reason == "not-logs"


@pytest.mark.parametrize("line", ["\n  at foo(Bar.java:7)", "\n\n" + "x" * 300, "\ndisk full\n"])
def test_a_line_that_begins_with_a_line_break_is_a_line(line: str) -> None:
    (read_line,) = read(line.encode())
    assert isinstance(read_line, RawLine) and read_line.text == line.rstrip("\n")


def test_a_cut_batch_is_refused_or_has_fewer_lines() -> None:
    value = proto_of(batch_of({"body": text("disk full")}, {"body": text("disk empty")}))
    for end in range(1, len(value)):
        try:
            lines = read(value[:end])
        except RecordError:
            continue
        assert len(lines) <= 2


def test_a_deep_body_is_bounded() -> None:
    body: dict[str, Any] = text("x")
    for _ in range(60):
        body = {"arrayValue": {"values": [body]}}
    (line,) = read(json.dumps(batch_of({"body": body})).encode())
    assert isinstance(line, RawLine) and line.text.startswith("[[[")


@pytest.mark.parametrize("odd", [{"resourceLogs": []}, {"resourceLogs": [5, {"scopeLogs": [5, {"logRecords": [5]}]}]}])
def test_a_batch_without_a_log_record_is_empty(odd: dict[str, object]) -> None:
    with pytest.raises(RecordError) as raised:
        read(json.dumps(odd).encode())
    assert raised.value.reason == "empty"


def test_an_object_that_is_no_batch_is_a_line() -> None:
    (line,) = read(b'{"resourceLogs": 5}')
    assert isinstance(line, RawLine) and line.text == '{"resourceLogs": 5}'
