import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes import RawLine, read_line
from fusionlog.utils.json_format import JsonFormat

FIELDS = ("log", "message", "MESSAGE", "msg")
NOON = 1714557600.0  # 2024-05-01T10:00:00Z


def read(value: object, fields: tuple[str, ...] = FIELDS, **options: int) -> RawLine:
    return read_line(value if isinstance(value, bytes) else json.dumps(value).encode(), fields, **options)


@pytest.mark.parametrize(
    ("record", "time"),
    [
        ({"date": NOON + 0.5, "log": "disk full\n"}, NOON + 0.5),
        ({"@timestamp": NOON, "log": "disk full"}, NOON),
        ({"message": "disk full", "timestamp": "2024-05-01T10:00:00.250Z", "source_type": "file"}, NOON + 0.25),
        ({"@timestamp": "2024-05-01T10:00:00.000Z", "message": "disk full", "log": {"offset": 7}}, NOON),
        ({"MESSAGE": "disk full", "PRIORITY": "3"}, None),
        ({"log": "disk full\r\n", "stream": "stderr", "time": "2024-05-01T12:00:00.123456789+02:00"}, NOON + 0.123456),
    ],
    ids=["fluent-bit", "fluent-bit kafka", "vector", "filebeat", "journald", "docker"],
)
def test_envelopes_are_opened(record: dict[str, object], time: float | None) -> None:
    assert read(record) == RawLine("disk full", time)


@pytest.mark.parametrize(
    "line", ["disk full", '{"level":"warn","event":"disk full"}', "{not json", "[1, 2]", '"quoted" text']
)
def test_anything_else_is_a_line(line: str) -> None:
    assert read(line.encode() + b"\r\n") == RawLine(line, None)


def test_message_fields_are_tried_in_order_and_only_strings_count() -> None:
    assert read({"msg": "second", "log": "first"}).text == "first"
    assert read({"msg": "second", "log": 5}).text == "second"


def test_a_json_line_inside_an_envelope_stays_whole() -> None:
    line = '{"msg":"started","order":"o-1"}'
    assert read({"log": line}).text == line


def test_a_bare_json_line_is_opened_unless_the_fields_say_otherwise() -> None:
    line = '{"msg":"started","order":"o-1"}'
    assert read(line.encode()).text == "started"
    assert read(line.encode(), fields=("log",)).text == line
    assert read(line.encode(), fields=()).text == line


BROKER = JsonFormat("{time} {node} {level} {pid} {msg}")
LINE = '{"time":"2024-05-01 10:00:00.250000+00:00","node":"rabbit@one","level":"info","pid":"<0.8.0>","msg":"started"}'


def read_broker(text: str) -> RawLine:
    return read_line(text.encode(), FIELDS, json_lines=BROKER)


def test_a_systems_own_json_line_stays_whole_and_gives_its_time() -> None:
    assert read_broker(LINE) == RawLine(LINE, NOON + 0.25)
    assert read_broker('{"msg":"started"}').text == '{"msg":"started"}'
    assert read_broker('{"node":"rabbit@one"}').text == '{"node":"rabbit@one"}'


@pytest.mark.parametrize("envelope", [{"timestamp": NOON, "message": LINE}, {"msg": LINE, "time": NOON}])
def test_an_envelope_around_a_systems_own_json_line_is_opened(envelope: dict[str, object]) -> None:
    assert read_broker(json.dumps(envelope)) == RawLine(LINE, NOON)


@pytest.mark.parametrize("text", ["started", "{started}", "[1]", '{"order":"o-1"}'])
def test_an_envelope_around_another_line_of_such_a_system_is_opened(text: str) -> None:
    assert read_broker(json.dumps({"log": text, "stream": "stdout", "time": NOON})) == RawLine(text, NOON)
    assert read_broker(text) == RawLine(text, None)


def test_a_message_that_is_json_of_another_kind_does_not_make_an_envelope() -> None:
    line = json.dumps({"node": "rabbit@one", "msg": '{"order":"o-1"}'})
    assert read_broker(line).text == line


@pytest.mark.parametrize("unit", [1, 1e3, 1e6, 1e9])
def test_numeric_times_are_taken_in_any_unit(unit: float) -> None:
    assert read({"message": "x", "timestamp": int(NOON * unit)}).time == NOON


@pytest.mark.parametrize("time", [True, None, -1, 0, "yesterday", {}, 10**400, "0001-01-01T00:00:00"])
def test_times_that_cannot_be_read_are_none_or_past(time: object) -> None:
    seconds = read({"message": "x", "timestamp": time}).time
    assert seconds is None or seconds < 0


def test_a_second_time_field_stands_in_for_one_that_cannot_be_read() -> None:
    assert read({"message": "x", "@timestamp": "?", "date": NOON}).time == NOON


@pytest.mark.parametrize("value", [None, b"", b"\n", b"  \t\r\n", b'{"message":""}', b'{"log":" \\n"}'])
def test_empty_records_are_refused(value: bytes | None) -> None:
    with pytest.raises(RecordError) as raised:
        read_line(value, FIELDS)
    assert raised.value.reason == "empty"


def test_overlong_lines_are_refused_by_their_bytes() -> None:
    assert read("é".encode() * 50, max_bytes=100).text == "é" * 50
    with pytest.raises(RecordError) as raised:
        read("é".encode() * 51, max_bytes=100)
    assert raised.value.reason == "too-long"
    assert read({"log": "x", "kubernetes": "y" * 1000}, max_bytes=100).text == "x"


@pytest.mark.parametrize(
    "value", [bytes(range(256)), "disk full".encode("utf-16"), b"\x1f\x8b\x08\x00\x00\x00\x00\xff"]
)
def test_binary_records_are_refused(value: bytes) -> None:
    with pytest.raises(RecordError) as raised:
        read_line(value, FIELDS)
    assert raised.value.reason == "not-text"


def test_a_few_undecodable_bytes_are_tolerated() -> None:
    assert read(b"caf\xe9 is closed").text == "caf\ufffd is closed"


def test_colours_are_removed_and_inner_line_breaks_kept() -> None:
    assert read(b"\x1b[1;31mERROR\x1b[0m boom\n  at f()\n").text == "ERROR boom\n  at f()"


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_give_a_line_or_a_reason(value: bytes) -> None:
    try:
        line = read_line(value, FIELDS)
    except RecordError as error:
        assert error.reason in {"empty", "not-text", "too-long"}
    else:
        assert line.text.strip() and line.text.encode()


def test_deeply_nested_json_is_a_line() -> None:
    text = '{"a":' + "[" * 5000 + "]" * 5000 + "}"
    assert read(text.encode()).text == text
