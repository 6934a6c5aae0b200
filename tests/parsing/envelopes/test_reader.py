import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes import EnvelopeReader, Partial, RawLine, read_line
from fusionlog.parsing.envelopes.reader import MAX_LINES
from fusionlog.settings import IngestSettings, SystemSettings, read_systems
from fusionlog.utils.json_format import JsonFormat

CASES = Path(__file__).parents[2] / "cases"
NOON = 1714557600.0  # 2024-05-01T10:00:00Z
NOW = NOON + 60
ISO = "2024-05-01T10:00:00.250Z"
REASONS = {"empty", "not-text", "not-logs", "too-long", "too-many-lines"}


def reader_of(max_line_bytes: int = 64 * 1024, message_fields: tuple[str, ...] | None = None, **system: str):
    options = {} if message_fields is None else {"message_fields": message_fields}
    return EnvelopeReader(
        SystemSettings.model_validate(system), IngestSettings(max_line_bytes=max_line_bytes, **options)
    )


def read_all(value: object, **options) -> list[RawLine | RecordError]:
    record = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    return list(reader_of(**options).read(record, NOW))


def read(value: object, **options) -> RawLine:
    (line,) = read_all(value, **options)
    assert isinstance(line, RawLine)
    return line


def reason_of(value: object, **options) -> str:
    with pytest.raises(RecordError) as raised:
        read_all(value, **options)
    return raised.value.reason


def records_of(case: str, file: str) -> list[bytes]:
    return (CASES / case / file).read_bytes().splitlines()


def lines_of(case: str, file: str, system: str) -> list[RawLine]:
    reader = EnvelopeReader(read_systems(CASES / case / "systems.yaml")[system], IngestSettings())
    lines = [line for record in records_of(case, file) for line in reader.read(record, NOW)]
    assert all(isinstance(line, RawLine) for line in lines)
    return [line for line in lines if isinstance(line, RawLine)]


@pytest.mark.parametrize(
    ("record", "time", "source"),
    [
        ({"date": NOON + 0.5, "log": "disk full\n"}, NOON + 0.5, None),
        (
            {"@timestamp": NOON, "stream": "stderr", "log": "disk full",
             "kubernetes": {"pod_name": "cart-1", "namespace_name": "shop", "container_name": "cart"}},
            NOON, "shop/cart-1/cart/stderr",
        ),
        ({"log": "disk full", "container_id": "3f", "source": "stdout", "container_name": "/a"}, None, "3f/stdout"),
        (
            {"message": "disk full", "timestamp": ISO, "source_type": "file", "file": "/var/log/a.log", "host": "h"},
            NOON + 0.25, "h//var/log/a.log",
        ),
        (
            {"message": "disk full", "timestamp": ISO, "source_type": "kubernetes_logs", "stream": "stdout",
             "kubernetes": {"pod_name": "p", "pod_namespace": "n", "container_name": "c"}},
            NOON + 0.25, "n/p/c/stdout",
        ),
        (
            {"@timestamp": ISO, "message": "disk full", "log": {"offset": 7, "file": {"path": "/a.log"}},
             "host": {"name": "web-1"}, "agent": {"type": "filebeat"}},
            NOON + 0.25, "web-1//a.log",
        ),
        (
            {"@timestamp": ISO, "message": "disk full", "stream": "stdout", "container": {"id": "3f"},
             "kubernetes": {"pod": {"name": "p"}, "namespace": "n", "container": {"name": "c"}}},
            NOON + 0.25, "n/p/c/stdout",
        ),
        ({"@timestamp": ISO, "message": "disk full", "container": {"id": "3f"}, "log": {}}, NOON + 0.25, "3f"),
        ({"@timestamp": ISO, "@version": "1", "message": "disk full", "host": "h", "path": "/a"}, NOON + 0.25, "h//a"),
        ({"@timestamp": ISO, "@version": "1", "event": {"original": "disk full"}}, NOON + 0.25, None),
        ({"labels": {"pod": "p", "app": "a"}, "line": "disk full", "ts": ISO}, NOON + 0.25, "app=a/pod=p"),
        ({"labels": {"app": "a"}, "timestamp": str(int(NOON * 1e9)), "entry": "disk full"}, NOON, "app=a"),
        ({"labels": {"app": "a"}, "entry": {"line": "disk full", "ts": ISO}}, NOON + 0.25, "app=a"),
        ({"streams": [{"stream": {"app": "a"}, "values": [[str(int(NOON * 1e9)), "disk full"]]}]}, NOON, "app=a"),
        (
            {"msg": " disk full", "timereported": "2024-05-01T12:00:00.25+02:00", "hostname": "h", "pri": "78",
             "programname": "cron", "syslogtag": "cron[7]:", "procid": "7"},
            NOON + 0.25, "h/cron/7",
        ),
        ({"MESSAGE": "disk full", "PRIORITY": "3"}, None, None),
        (
            {"MESSAGE": list(b"disk full"), "__REALTIME_TIMESTAMP": str(int(NOON * 1e6)), "_HOSTNAME": "h",
             "_SYSTEMD_UNIT": "a.service", "_PID": "7"},
            NOON, "h/a.service/7",
        ),
        ({"log": "disk full\r\n", "stream": "stderr", "time": "2024-05-01T12:00:00.123456789+02:00"},
         NOON + 0.123456, None),
        ({"version": "1.1", "host": "h", "short_message": "disk full", "timestamp": NOON, "_app": "a"}, NOON, "h"),
        ({"time": NOON, "host": "h", "sourcetype": "x", "event": "disk full"}, NOON, "h"),
        ({"logGroup": "g", "logStream": "s", "logEvents": [{"timestamp": NOON * 1000, "message": "disk full"}]},
         NOON, "s"),
        ({"records": [{"time": ISO, "category": "x", "message": "disk full"}]}, NOON + 0.25, None),
        ({"schema": {"type": "string", "optional": False}, "payload": "disk full"}, None, None),
        ({"schema": {"type": "struct"}, "payload": {"log": "disk full", "time": NOON}}, NOON, None),
        ({"date": NOON, "log": "disk full", "tag": "kube.var.log.cart-1"}, NOON, "kube.var.log.cart-1"),
    ],
    ids=["fluent-bit", "fluent-bit kubernetes", "fluentd docker", "vector file", "vector kubernetes", "filebeat file",
         "filebeat kubernetes", "filebeat container", "logstash", "logstash original", "promtail", "alloy",
         "promtail entry", "loki push", "rsyslog", "journald", "journald bytes", "docker", "gelf", "splunk",
         "cloudwatch", "azure", "connect", "connect struct", "fluent-bit tag"],
)  # fmt: skip
def test_envelopes_are_opened(record: dict[str, object], time: float | None, source: str | None) -> None:
    line = read(record)
    assert (line.text, line.time, line.source, line.implausible) == ("disk full", time, source, False)


def test_an_envelopes_fields_stay_without_its_message() -> None:
    kubernetes = {"pod_name": "cart-1", "labels": {"app": "cart"}}
    assert read({"log": "x", "stream": "stdout", "kubernetes": kubernetes}).fields == {
        "stream": "stdout",
        "kubernetes": kubernetes,
    }
    assert read(b"x").fields is None


@pytest.mark.parametrize(("listed", "text"), [([1.0], "[1.0]"), ([100, 256], "[100,256]"), ([104, 105], "hi")])
def test_a_list_of_journald_is_text_where_it_is_bytes(listed: list[float], text: str) -> None:
    assert read({"MESSAGE": listed, "__REALTIME_TIMESTAMP": "1714557600000000"}).text == text


def test_any_field_may_be_named_as_the_message() -> None:
    assert read({"kubernetes": "x", "stream": "stdout"}, message_fields=("kubernetes",)).text == "x"


def test_a_full_message_of_gelf_has_the_short_one_once() -> None:
    def gelf(full: str) -> str:
        return read({"version": "1.1", "host": "h", "short_message": "boom", "full_message": full}).text

    assert gelf("boom\n at x") == "boom\n at x"
    assert gelf("at x\nat y") == "boom\nat x\nat y"
    assert gelf("") == "boom"


@pytest.mark.parametrize("line", ["disk full", "{not json", "[1, 2]", '["a"]', "[]", '"quoted" text', "[a] {b}", "17"])
def test_anything_else_is_a_line(line: str) -> None:
    assert read(line.encode() + b"\r\n") == RawLine(line)


def test_a_json_line_without_a_message_is_a_line_with_its_fields() -> None:
    assert read(b'{"level": "warn", "event": "disk full"}') == RawLine(
        '{"level": "warn", "event": "disk full"}', None, {"level": "warn", "event": "disk full"}
    )


def test_a_message_of_several_lines_is_one_line() -> None:
    assert read(b"\x1b[1;31mERROR\x1b[0m boom\n  at f()\n").text == "ERROR boom\n  at f()"
    assert read({"log": "ERROR boom\n  at f()\n"}).text == "ERROR boom\n  at f()"


@pytest.mark.parametrize("record", [b'[{"log":"a"},{"message":"b"}]', b'{"log":"a"}\n{"message":"b"}\n'])
def test_each_record_of_an_array_or_of_lines_is_a_line(record: bytes) -> None:
    assert [line.text for line in read_all(record) if isinstance(line, RawLine)] == ["a", "b"]


def test_an_element_that_is_no_line_is_an_error_in_its_place_with_its_bytes() -> None:
    first, error, last = read_all(b'[{"log":"a"}, {"log": ""}, {"log":"b"}]')
    assert isinstance(error, RecordError) and (error.reason, error.item) == ("empty", b'{"log": ""}')
    assert isinstance(first, RawLine) and isinstance(last, RawLine)


def test_a_record_of_too_many_lines_is_refused() -> None:
    assert len(read_all(b"[" + b",".join([b'{"log":"a"}'] * MAX_LINES) + b"]")) == MAX_LINES
    assert reason_of(b"[" + b",".join([b'{"log":"a"}'] * (MAX_LINES + 1)) + b"]") == "too-many-lines"


def test_message_fields_are_tried_in_order_and_texts_come_first() -> None:
    assert read({"msg": "second", "log": "first"}).text == "first"
    assert read({"msg": "second", "log": 5}).text == "second"
    assert read({"msg": "second", "log": " "}).text == "second"


@pytest.mark.parametrize(
    ("message", "text"),
    [(5, "5"), (True, "true"), ({"a": 1}, '{"a":1}'), ([1, 2], "[1,2]"), (["a", "b"], "a\nb")],
)
def test_a_message_that_is_no_text_is_written_in_an_envelope_and_whole_elsewhere(message: object, text: str) -> None:
    assert read({"@timestamp": ISO, "message": message}).text == text
    assert json.loads(read({"message": message}).text) == {"message": message}


@pytest.mark.parametrize("message", [None, "", " \n", [], {}])
def test_an_envelope_without_a_message_is_empty(message: object) -> None:
    assert reason_of({"@timestamp": ISO, "message": message}) == "empty"


def test_a_json_line_inside_an_envelope_stays_whole() -> None:
    line = '{"msg":"started","order":"o-1"}'
    assert read({"log": line}).text == line


def test_a_bare_json_line_is_opened_unless_the_fields_say_otherwise() -> None:
    line = '{"msg":"started","order":"o-1"}'
    assert read(line.encode()) == RawLine("started", None, {"order": "o-1"})
    assert read(line.encode(), message_fields=("log",)).text == line
    assert read(line.encode(), message_fields=()).text == line


BROKER = "{time} {node} {level} {pid} {msg}"
LINE = '{"time":"2024-05-01 10:00:00.250000+00:00","node":"rabbit@one","level":"info","pid":"<0.8.0>","msg":"started"}'


def read_broker(text: str) -> RawLine:
    return read(text.encode(), json_line=BROKER)


def test_a_systems_own_json_line_stays_whole_and_gives_its_time() -> None:
    assert read_broker(LINE)[:2] == (LINE, NOON + 0.25)
    assert read_broker('{"msg":"started"}').text == '{"msg":"started"}'
    assert read_broker('{"node":"rabbit@one"}').text == '{"node":"rabbit@one"}'


@pytest.mark.parametrize("envelope", [{"timestamp": NOON, "message": LINE}, {"msg": LINE, "time": NOON}])
def test_an_envelope_around_a_systems_own_json_line_is_opened(envelope: dict[str, object]) -> None:
    assert read_broker(json.dumps(envelope))[:2] == (LINE, NOON)


@pytest.mark.parametrize("text", ["started", "{started}", "[1]", '{"order":"o-1"}'])
def test_an_envelope_around_another_line_of_such_a_system_is_opened(text: str) -> None:
    assert read_broker(json.dumps({"log": text, "stream": "stdout", "time": NOON}))[:2] == (text, NOON)
    assert read_broker(text)[:2] == (text, None)


def test_a_message_that_is_json_of_another_kind_does_not_make_an_envelope() -> None:
    line = json.dumps({"node": "rabbit@one", "msg": '{"order":"o-1"}'})
    assert read_broker(line).text == line


def test_an_object_that_a_shipper_made_of_a_systems_own_json_line_is_that_line() -> None:
    line = read({"@timestamp": NOON, "log": {"level": "info", "msg": "x"}, "kubernetes": {}}, json_line="{level} {msg}")
    assert JsonFormat("{level} {msg}").text(line.text, line.fields) == "info x"


def test_the_format_of_json_lines_takes_from_the_envelope_what_the_line_lacks() -> None:
    case = "pod-name-outside-the-json"
    format = JsonFormat(read_systems(CASES / case / "systems.yaml")["cart"].json_line)
    assert [format.text(line.text, line.fields) for line in lines_of(case, "records.jsonl", "cart")] == [
        "cart-7f9c-abcde info cart opened",
        "cart-7f9c-fghij info cart opened",
        "cart-7f9c-abcde info cart paid",
        "cart-7f9c-fghij info cart paid",
    ]


@pytest.mark.parametrize("shipper", [{"kubernetes": {"pod_name": "p"}}, {"stream": "stdout"}, {"host": {"name": "h"}}])
def test_a_format_that_names_a_shippers_field_does_not_make_an_envelope_a_line(shipper: dict[str, object]) -> None:
    name = next(iter(shipper))
    format = "{kubernetes.pod_name} {" + name + "} {level} {msg}"
    assert read({**shipper, "log": "started"}, json_line=format).text == "started"


def test_a_raw_encoding_loses_its_quotes_and_escapes() -> None:
    case = "opentelemetry-collector"
    assert [line.text for line in lines_of(case, "raw.jsonl", "raw")] == [
        '2026-03-04 02:31:09,896 INFO pay - took "card" of order 16',
        '2026-03-04 02:31:10,896 INFO pay - took "card" of order 17',
    ]
    assert read(b'"{\\"log\\": \\"disk full\\"}"').text == "disk full"
    assert read(b'"\\"twice\\""').text == '"twice"'


def test_a_record_of_opentelemetry_has_a_line_for_each_log_record() -> None:
    lines = lines_of("opentelemetry-collector", "otlp.jsonl", "pay")
    assert [line.text for line in lines] == [
        "payment P-16 taken",
        "payment P-17 declined",
        "payment P-18 taken",
        "payment P-17 refunded",
    ]


def times_of(**system: str) -> set[tuple[float | None, bool]]:
    reader = reader_of(**system)
    records = records_of("time-that-is-a-duration", "records.jsonl")
    lines = [reader.read(record, NOW)[0] for record in records]
    return {(line.time, line.implausible) for line in lines if isinstance(line, RawLine)}


def test_a_duration_is_no_time() -> None:
    assert times_of() == {(None, True)}
    assert times_of(time_field="none") == {(None, False)}


@pytest.mark.parametrize("unit", [1, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("kind", [int, str])
def test_numeric_times_are_taken_in_any_unit(unit: float, kind: type) -> None:
    assert read({"message": "x", "timestamp": kind(int(NOON * unit))}).time == NOON


@pytest.mark.parametrize(
    "time", [True, -1, "yesterday", {"a": 1}, 10**400, "0001-01-01T00:00:00", "1764-05-01T00:00:00Z", 0.5, "2024-05-01",
             "00:00:01.5", "2024-05-01T10:58:00Z", "P1D", 20240501],
)  # fmt: skip
def test_what_cannot_be_a_lines_time_is_noted(time: object) -> None:
    line = read({"message": "x", "timestamp": time})
    assert (line.time, line.implausible) == (None, True)


@pytest.mark.parametrize("time", [None, "", 0, "0"])
def test_a_time_field_without_a_value_is_none(time: object) -> None:
    line = read({"message": "x", "timestamp": time})
    assert (line.time, line.implausible) == (None, False)


def test_a_second_time_field_stands_in_for_one_that_cannot_be_read() -> None:
    line = read({"message": "x", "@timestamp": "?", "date": NOON})
    assert (line.time, line.implausible) == (NOON, False)


def test_old_times_are_times() -> None:
    assert read({"message": "x", "timestamp": "2005-06-03T15:42:50Z"}).time == 1117813370.0


@pytest.mark.parametrize(
    ("record", "system", "time"),
    [
        ({"@timestamp": ISO, "log": '{"ts": 1714557590.5, "msg": "x"}'}, {"time_field": "ts"}, NOON - 9.5),
        ({"@timestamp": ISO, "log": "no JSON"}, {"time_field": "ts"}, NOON + 0.25),
        ({"t": {"$date": "2024-05-01T10:00:00Z"}, "msg": "x"}, {"time_field": "t.$date"}, NOON),
        ({"event": "x", "at": "2024-05-01T10:00:00Z"}, {"time_field": "at"}, NOON),
        ({"msg": "x", "at": "2024-05-01 12:00:00"}, {"time_field": "at", "timezone": "Europe/Berlin"}, NOON),
        ({"msg": "x", "at": "2024-05-01 12:00:00"}, {"time_field": "at", "timezone": "+02:00"}, NOON),
        ({"msg": "x", "d": "2024-05-01", "t": "10:00:00"}, {"time_field": "t", "date_field": "d"}, NOON),
        ({"msg": "x", "d": "01/05/2024", "t": "10:00:00"}, {"time_field": "t", "date_field": "d"}, None),
        ({"msg": "x", "t": "10:00:00.5"}, {"time_field": "t"}, NOON + 0.5),
        ({"@timestamp": ISO, "msg": "x"}, {"time_field": "none"}, None),
        (b'2024-05-01T10:00:00.25Z stdout F {"ts": 1714557590.5}', {"time_field": "ts"}, NOON - 9.5),
        (b"2024-05-01T10:00:00.25Z stdout F no JSON", {"time_field": "ts"}, NOON + 0.25),
        (b"2024-05-01T10:00:00.25Z stdout F x", {"time_field": "none"}, None),
    ],
)
def test_a_system_names_its_time(record: object, system: dict[str, str], time: float | None) -> None:
    assert read(record, **system).time == time


@pytest.mark.parametrize(
    ("record", "source"),
    [
        ({"log": "x", "stream": "stdout"}, None),
        ({"log": "x", "pid": 7}, None),
        ({"msg": "x", "file": "main.go:7", "path": "/cart"}, None),
        ({"message": "x", "kubernetes": {"pod_name": "p"}, "stream": "stdout"}, "p/stdout"),
        ({"message": "x", "kubernetes": {}, "docker": {"container_id": "3f"}}, "3f"),
        ({"message": "x", "host": {"name": "h"}, "container.id": "3f"}, "3f"),
        ({"message": "x", "host.name": "h", "log.file.path": "/a"}, "h//a"),
        ({"message": "x", "host": {"name": "h"}, "process": {"name": "sshd", "pid": 7}}, "h/sshd/7"),
        ({"message": "x", "host": "h", "ident": "sshd", "pid": "7"}, "h/sshd/7"),
        ({"message": "x", "hostname": "h", "appname": "-", "procid": "-"}, "h"),
        ({"MESSAGE": "x", "_HOSTNAME": "h", "SYSLOG_IDENTIFIER": "kernel"}, "h/kernel"),
        ({"version": "1.1", "host": "h", "short_message": "x", "_container_id": "3f"}, "3f"),
        ({"message": "x", "host": {"name": ["odd"]}, "kubernetes": "odd"}, None),
    ],
)  # fmt: skip
def test_a_source_is_the_most_specific_writer(record: dict[str, object], source: str | None) -> None:
    assert read(record).source == source


@pytest.mark.parametrize(
    ("record", "partial"),
    [
        (b"2024-05-01T10:00:00.123456789Z stdout P disk", Partial("stdout", False)),
        (b"2024-05-01T12:00:00.123456789+02:00 stderr F disk", Partial("stderr", True)),
        ({"log": "disk", "logtag": "P", "stream": "stdout", "kubernetes": {"pod_name": "p"}}, Partial(None, False)),
        ({"log": "disk", "_p": "F", "stream": "stdout"}, Partial("stdout", True)),
        ({"message": "disk", "_partial": True, "container_id": "3f"}, Partial(None, False)),
        ({"log": "disk\n", "stream": "stdout", "time": ISO}, Partial("stdout", True)),
        ({"log": "disk", "stream": "stdout", "time": ISO}, Partial("stdout", True)),
        ({"log": "disk", "stream": "stdout", "time": NOON}, None),
        ({"log": "disk", "container_id": "3f", "source": "stdout"}, Partial(None, True)),
        ({"log": "disk", "source": "stdout", "partial_message": "true", "partial_id": "a", "partial_last": "false"},
         Partial("a", False)),
        ({"log": "disk", "container_id": "3f", "source": "stdout", "partial_message": "true"}, Partial(None, False)),
        ({"MESSAGE": "disk", "CONTAINER_PARTIAL_MESSAGE": "true", "CONTAINER_PARTIAL_ID": "a",
          "CONTAINER_PARTIAL_LAST": "true"}, Partial("a", True)),
        (b"disk", None),
        ({"log": "disk"}, None),
    ],
)  # fmt: skip
def test_pieces_of_a_line_are_recognised(record: object, partial: Partial | None) -> None:
    line = read(record)
    assert (line.text, line.partial) == ("disk", partial)


@pytest.mark.parametrize("file", ["cri.log", "docker.jsonl", "fluentd.jsonl"])
def test_the_pieces_of_the_case_make_its_lines(file: str) -> None:
    *pieces, whole = lines_of("lines-cut-by-the-runtime", file, "cart")
    partials = [piece.partial for piece in pieces if piece.partial]
    assert len({partial.id for partial in partials}) == 1
    assert [partial.last for partial in partials] == [False] * (len(pieces) - 1) + [True]
    assert json.loads("".join(piece.text for piece in pieces))["msg"] == "cannot save cart"
    assert json.loads(whole.text)["msg"] == "cart saved"


@pytest.mark.parametrize(
    ("text", "partial"),
    [
        ("x" * 16384, Partial(None, False)),
        ("é" * 8192, Partial(None, False)),
        ("x" * 16385, None),
        ("x" * 16383 + "\n", None),
        ("x" * 16384 + "\n", None),
        ("x", None),
    ],
)
def test_a_text_of_just_the_runtimes_limit_is_a_piece_behind_a_shipper_too(text: str, partial: Partial | None) -> None:
    kubernetes = {"pod_name": "p", "namespace_name": "n", "container_name": "c"}
    assert read({"@timestamp": NOON, "stream": "stdout", "log": text, "kubernetes": kubernetes}).partial == partial


def test_a_cri_line_within_an_envelope_is_opened_too() -> None:
    kubernetes = {"pod_name": "p", "namespace_name": "n", "container_name": "c"}
    line = read({"log": f"{ISO} stdout F disk full", "kubernetes": kubernetes})
    assert line.text == "disk full"
    assert (line.time, line.source, line.partial) == (NOON + 0.25, "n/p/c/stdout", Partial(None, True))


def test_the_piece_of_a_cut_line_may_be_blank_and_no_other() -> None:
    reader = reader_of()
    texts = [
        line.text
        for tag, text in (("P", "x"), ("P", " "), ("F", ""))
        for line in reader.read(f"{ISO} stdout {tag} {text}".encode(), NOW)
        if isinstance(line, RawLine)
    ]
    assert texts == ["x", " ", ""]
    with pytest.raises(RecordError, match="empty"):
        reader.read(f"{ISO} stdout F ".encode(), NOW)


@pytest.mark.parametrize("value", [None, b"", b"\n", b"  \t\r\n", b'{"message":""}', b'{"log":" \\n"}', b'""'])
def test_empty_records_are_refused(value: bytes | None) -> None:
    assert reason_of(value) == "empty"


def test_overlong_lines_are_refused_by_their_bytes() -> None:
    assert read("é".encode() * 50, max_line_bytes=100).text == "é" * 50
    assert reason_of("é".encode() * 51, max_line_bytes=100) == "too-long"
    assert read({"log": "x", "kubernetes": "y" * 1000}, max_line_bytes=100).text == "x"


@pytest.mark.parametrize("value", ["\ufeffdisk full", '\ufeff{"log":"disk full"}', '{"log":"\ufeffdisk full"}'])
def test_a_byte_order_mark_is_no_part_of_a_line(value: str) -> None:
    assert read(value.encode()).text == "disk full"


@pytest.mark.parametrize(
    "value", [b'{"log":"a\\ud800b"}', b'"a\\udfffb"', b'{"log":"a\\ud83db","x":1}', b'[{"log":"a\\ud83d\\ud83db"}]']
)
def test_halves_of_a_surrogate_pair_are_replaced(value: bytes) -> None:
    text = read(value).text
    assert text.encode() and text.replace("\ufffd", "") == "ab"
    assert read(b'{"log":"\\ud83d\\ude00 \\\\ud800"}').text == "\U0001f600 \\ud800"


def test_an_envelope_with_control_characters_in_its_strings_is_opened() -> None:
    assert read(b'{"log":"a\tb"}').text == "a\tb"


def test_gbk_lines_are_read_as_declared_and_refused_otherwise() -> None:
    records = records_of("lines-in-chinese", "lines.gbk.log")
    assert read(records[0], encoding="gbk").text == "2026-03-04 10:11:00 INFO [order-service] 订单 17 已创建"
    assert {reason_of(record) for record in records} == {"not-text"}


def test_an_envelope_in_the_declared_encoding_is_opened() -> None:
    assert read('{"log":"订单"}'.encode("gbk"), encoding="gbk").text == "订单"
    assert read({"MESSAGE": list("订单".encode("gbk"))}, encoding="gbk").text == "订单"
    assert read('{"log":"disk full"}'.encode("utf-16"), encoding="utf-16").text == "disk full"


def test_deeply_nested_json_is_a_line() -> None:
    for text in ('{"a":' + "[" * 5000 + "]" * 5000 + "}", "[" * 5000 + "]" * 5000):
        assert read(text.encode()).text == text


NAMES = st.sampled_from(
    ["log", "message", "MESSAGE", "msg", "line", "entry", "labels", "stream", "streams", "values", "kubernetes", "host",
     "short_message", "full_message", "event", "original", "time", "@timestamp", "date", "resourceLogs", "scopeLogs",
     "logRecords", "body", "attributes", "key", "value", "stringValue", "kvlistValue", "arrayValue", "partial_id",
     "partial_message", "_p", "logtag", "logEvents", "source", "container_id", "pod_name", "file", "path", "resource"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10) | NAMES, inner, max_size=5),
    max_leaves=10,
)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16", "utf-7", "shift_jis"])
@given(
    value=st.binary(max_size=200)
    | st.text(max_size=100).map(str.encode)
    | JSON.map(lambda tree: json.dumps(tree).encode())
    | st.builds(
        bytes.__add__,
        st.sampled_from([b"\n", b"__CURSOR=", b"[", b'"', b"2024-05-01T10:00:00Z stdout P "]),
        st.binary(),
    ),
    timestamp=st.none() | st.floats(allow_nan=False, min_value=0, max_value=1e12),
)
def test_any_bytes_give_lines_or_a_reason(encoding: str, value: bytes, timestamp: float | None) -> None:
    reader = reader_of(encoding=encoding, json_line="{host.name} {time} {msg}", time_field="time", date_field="date")
    try:
        lines = reader.read(value, timestamp)
    except RecordError as error:
        lines = [error]
    for line in lines:
        if isinstance(line, RecordError):
            assert line.reason in REASONS
        else:
            assert line.text.strip() or line.partial
            assert line.text.encode() or line.partial


def test_a_line_alone_is_read_with_its_time() -> None:
    assert read_line(b'{"log":"disk full","time":1714557600}', ("log",)) == RawLine("disk full", NOON)
    with pytest.raises(RecordError, match="empty"):
        read_line(b'[{"log":""},{"log":"a"}]', ("log",))
