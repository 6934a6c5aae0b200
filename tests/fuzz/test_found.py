"""What the trials found, each as a plain case: it failed before it was mended."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from fusionlog import releases, settings
from fusionlog.cli.main import app
from fusionlog.cli.settings import rows
from fusionlog.detector.onnx_session import Detector
from fusionlog.errors import DataError, ModelError, RecordError, SettingError
from fusionlog.explanation.prompt import unit_of
from fusionlog.kafka import codecs, crash_notes, dead_letters
from fusionlog.novelty.profile import SystemProfile
from fusionlog.onboarding.check import check
from fusionlog.onboarding.propose import propose
from fusionlog.onboarding.report import report
from fusionlog.onboarding.sample import SampleRecord, read_sample
from fusionlog.onboarding.tokens import _EXPRESSIONS
from fusionlog.parsing.masks import is_local
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.structured import _PAIR, read_logfmt
from fusionlog.records import KeyedLine, Spend, Window
from fusionlog.settings import IngestSettings, SystemSettings, read_systems
from fusionlog.teachers.base import Verdict
from fusionlog.teachers.llm.client import Response
from fusionlog.teachers.llm.teacher import LLMTeacher
from fusionlog.teachers.recorded.chat import NotUnderstoodError, RecordedTeacher, chat_of, last_json
from fusionlog.teachers.recorded.recordings import Recording, read_recordings
from fusionlog.workers.ingest import resume_state
from fusionlog.workers.ingest.resume_state import Emitted, metadata_of
from tests.detector.graphs import make_onnx
from tests.factories import make_anomaly, make_window
from tests.fuzz.bodies import EVENTS, body
from tests.fuzz.invariants import assert_sentence
from tests.fuzz.mutation import SECRET
from tests.fuzz.partitions import KeyedPartition, Partition
from tests.fuzz.test_answers import SETTINGS, UNIT, Sends
from tests.online.factories import knowing

WINDOW = msgspec.to_builtins(make_window())
DEEP = b'{"a":' * 5_000
SPEND = {"worker": "w", "number": 1, "role": "label", "minute": 60, "calls": 1}
LINE = {"session": "s", "text": "x", "time": 1.0, "arrived": 1.0, "topic": "t", "partition": 0, "offset": 1}


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        (Spend, {**SPEND, "calls": -5}),  # gave other workers calls beyond the budget
        (Spend, {**SPEND, "money": 1.7e308}),  # two of them: the sum of a day overflowed
        (Spend, {**SPEND, "minute": 253402300799}),  # no date has the year 10000
        (KeyedLine, {**LINE, "offset": -1}),
        (KeyedLine, {**LINE, "epoch": 2**63}),  # could not be written into the metadata of a commit
        (KeyedLine, {**LINE, "after": [-1, 0, 0]}),
        (Window, {**WINDOW, "partition": -1}),
        (Window, {**WINDOW, "events": WINDOW["events"] * 2}),  # a release with its counts was refused by every worker
    ],
)
def test_a_number_out_of_range_is_a_wrong_shape(kind: type, record: dict[str, object]) -> None:
    with pytest.raises(RecordError, match="wrong-shape"):
        codecs.decode(msgspec.json.encode(record), kind)


@pytest.mark.parametrize("timestamp", [253402300800_000, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("value", [b"disk failed", b'{"msg": "disk failed"}'])
def test_a_kafka_timestamp_that_is_no_time_counts_as_none(timestamp: int, value: bytes) -> None:
    records = [SampleRecord(offset, timestamp, None, value) for offset in range(30)]
    partition = Partition(SystemSettings(), IngestSettings(), knowing())
    partition.take(records)
    partition.finish()
    [window, _] = [each for each in partition.made if isinstance(each, Window)]
    assert 1.6e9 < window.started < 2e9
    assert report(check("shop", SystemSettings(), IngestSettings(), records)).windows


def test_windows_of_a_raw_topic_that_began_again_are_acknowledged_though_their_ids_are_equal() -> None:
    system = SystemSettings.model_validate({"session": r"s=(\w+)", "window": {"by": "session", "max_events": 1}})
    values = [msgspec.json.encode({**LINE, "epoch": epoch}) for epoch in (1, 2)]
    partition = KeyedPartition(system, IngestSettings(), knowing())
    partition.take([SampleRecord(offset, 0, b"s", value) for offset, value in enumerate(values)])
    partition.finish()
    one, other = [each for each in partition.made if isinstance(each, Window)]
    assert one.id == other.id and (one.first_offset, other.first_offset) == (0, 1)


def load(**variables: str) -> settings.Settings:
    others = {name: value for name, value in os.environ.items() if not name.startswith(settings.PREFIX)}
    with mock.patch.dict(os.environ, {**others, **variables}, clear=True):
        return settings.load()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FUSIONLOG_LABEL__APIKEY", SECRET),
        ("FUSIONLOG_KAFKA", json.dumps({"sasl_password": SECRET, "x": 1})),
        ("fusionlog_kafka", "+10:00"),  # pydantic-settings' own error
        ("FUSIONLOG_INGEST__MESSAGE_FIELDS", "log"),
        ("FUSIONLOG_INGEST__MESSAGE_FIELDS", "[" * 9_000),
        ("FUSIONLOG_KAFKA__SESSION_TIMEOUT", "nan"),
        ("FUSIONLOG_KAFKA__SESSION_TIMEOUT", "3000000"),  # more milliseconds than Kafka's 32 bits
        ("FUSIONLOG_LABEL__TIMEOUT", "inf"),
        ("FUSIONLOG_SCORE__CACHE_ENTRIES", "99999999999999999999"),
        ("FUSIONLOG_TOPIC_PREFIX", "a b"),
    ],
)
def test_a_variable_that_cannot_be_used_is_one_sentence_without_its_secret(variable: str, value: str) -> None:
    with pytest.raises(SettingError) as raised:
        load(**{variable: value})
    assert_sentence(raised.value)
    assert str(raised.value).startswith(f"setting {variable.upper()} is ")


def test_the_login_in_a_url_is_not_shown() -> None:
    loaded = load(FUSIONLOG_LABEL__URL=f"https://user:{SECRET}@h.example/v1?key={SECRET}")
    assert SECRET not in "".join(row.value for row in rows(loaded))


@pytest.mark.parametrize(
    "data",
    [
        b"shop: {description: 2024-02-30}", b"shop: !!int x", b"shop: !!float x", b"shop: !!timestamp x",
        b"{a: " * 400, b"shop: {masks: {a: 'a{99999999999}'}}",
        b"shop: {keep: ['" + b"(" * 300 + b"x" + b")" * 300 + b"']}",
        b"shop: {session: '[[:alpha:]]+'}", b"shop: {window: {idle_seconds: .inf}}",
        b"shop: {window: {idle_seconds: .nan}}",
        b"shop: {multiline: {max_lines: 1000000000000000000000000000000}}",
    ],
)  # fmt: skip
def test_a_systems_file_that_cannot_be_used_is_one_sentence(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "systems.yaml").write_bytes(data)
    with pytest.raises(SettingError) as raised:
        read_systems(tmp_path / "systems.yaml")
    assert_sentence(raised.value)


def test_a_header_that_cannot_be_used_names_its_system() -> None:
    with pytest.raises(SettingError, match=r"setting shop\.header is '<Content> x'"):
        Parser("shop", SystemSettings(header="<Content> x"), IngestSettings())


@pytest.mark.parametrize("mask", [r"\x41", r"\u00e9+", r"\U0001f4a5", r"\N{DIGIT ONE}", r"\012", r"[\x41-b]"])
def test_a_mask_may_name_a_character_by_its_number(mask: str) -> None:
    assert is_local(mask) is (mask != r"\012")
    assert Parser("shop", SystemSettings(masks={"a": mask}), IngestSettings()).parse("x A é 💥 1").template


def test_a_long_token_before_a_quote_is_read_once_as_logfmt() -> None:
    assert len(list(_PAIR.finditer("x" * 1_000 + '"'))) == 1
    found = read_logfmt('ab"cd=1 level=info e')
    assert found is not None and found.values["cd"] == "1" and found.level == "info"


@pytest.mark.parametrize("form", _EXPRESSIONS.values(), ids=_EXPRESSIONS)
def test_no_form_of_a_key_looks_ahead_without_a_bound(form: str) -> None:
    assert not any("*" in each.split(")")[0] for each in form.split("(?=")[1:])


@pytest.mark.parametrize("data", [DEEP, b'{"session": "\xc8"}', b'{"session": 1}', b"", b"\xff"])
def test_a_record_that_is_no_window_does_not_keep_an_ingest_worker_from_its_partition(data: bytes) -> None:
    emitted = resume_state._decoded(msgspec.json.Decoder(Emitted), data)
    assert (emitted.partition, emitted.last_offset) == (-1, -1)
    assert metadata_of(DEEP.decode()) is None and crash_notes._decoded(DEEP.decode()) is None


@pytest.mark.parametrize(("name", "value"), [("time", b"nan"), ("time", b"inf"), ("time", b"1e300"), ("reason", None)])
def test_a_header_of_another_writer_is_read_or_its_record_left_out(name: str, value: bytes | None) -> None:
    headers = dict(codecs.dead_letter_headers(RecordError("empty", "x"), "score", "t", 0, 1, 2.0))
    record = SimpleNamespace(offset=1, key=b"", value=b"", headers=[*{**headers, f"fusionlog.{name}": value}.items()])
    assert len(dead_letters.letters_of([record])) == (name == "reason")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b", }", b",  "),
        lambda data: data.replace(b"'shape'", b"[1]    "),
        lambda data: data.replace(b"(2, 8)", b"(2L,8)"),
        lambda data: data.replace(b"'fortran_order'", b"None           "),
    ],
    ids=["no end", "list", "python 2", "none"],
)
def test_vectors_with_another_header_are_refused(change: object) -> None:
    data = releases.pack_vectors(np.eye(2, 8, dtype=np.float32))
    with pytest.raises(ModelError, match="the vectors of a release are"):
        releases.unpack_vectors(change(data))  # type: ignore[operator]


def test_a_profile_of_less_than_no_windows_is_refused() -> None:
    tree = msgspec.msgpack.decode(zlib.decompress(SystemProfile().pack()))
    with pytest.raises(ModelError):
        SystemProfile.unpack(zlib.compress(msgspec.msgpack.encode({**tree, "windows": -30})))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.log.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabV*\xc9\xccMU\xb2R0474155730\xd03\xd0QP\xca\xc81E-9"),
        ("a.jsonl", b'{"value": "x"}\n' + DEEP),
    ],
)
def test_a_sample_that_cannot_be_read_is_one_sentence(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError):
        read_sample(tmp_path / name)
    assert isinstance(CliRunner().invoke(app, ["systems", "check", str(tmp_path / name)]).exception, DataError)


def test_a_first_line_that_is_no_utf8_is_no_kafka_record(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"value": "\xff"}')
    assert [each.value for each in read_sample(tmp_path / "a.jsonl")] == [b'{"value": "\xff"}']


async def test_a_key_that_an_endpoint_quotes_stands_in_no_message_and_no_reason() -> None:
    answer = {"label": "normal", "confidence": 0.9, "reason": f"x{SECRET}", "events": EVENTS}
    for content in (f"s{SECRET}", json.dumps([answer])):
        sends = Sends([Response(200, {}, body({"content": content}))])
        with mock.patch("fusionlog.teachers.llm.endpoint.Client", return_value=sends):
            teacher = LLMTeacher(SETTINGS)
        [outcome] = await teacher.label([UNIT])
        assert SECRET not in repr(outcome) and SECRET not in str(outcome)
    assert isinstance(outcome, Verdict) and outcome.reason == "x<SECRET>"


def test_a_recorded_teacher_refuses_what_it_cannot_read() -> None:
    for sent in (DEEP, b"[]"):
        with pytest.raises(NotUnderstoodError):
            chat_of(sent)
    surrogate = chat_of(
        json.dumps({"messages": [{"role": "user", "content": '{"events": [{"\\ud800": 1}]}'}]}).encode()
    )
    with pytest.raises(NotUnderstoodError):
        RecordedTeacher({"shop": Recording()}).reply(surrogate)
    with pytest.raises(NotUnderstoodError):  # each bracket may cost the length of the text
        last_json("[x " * 2_000 + "[1]")


@pytest.mark.parametrize(
    "row",
    [b'{"kind": "session", "events": [["a", {}]], "confidence', b'{"kind": 1, "x": ' + DEEP,
     b'{"kind": "window", "system": "a", "sha256": "0000000000000000", "texts": "abcdef*' + b"9" * 5_000
     + b'", "verdict": "normal", "confidence": 0.5}'],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_named(row: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(row)
    with pytest.raises(DataError, match="line 1") as raised:
        read_recordings([tmp_path / "a.jsonl"])
    assert_sentence(raised.value)


@pytest.mark.parametrize("field", ["", ".a", "a.", "a..b", "{a}", "a:b", "a!r", "a[0]"])
def test_a_field_that_no_format_can_name_is_not_proposed(field: str) -> None:
    lines = [{field: {"log": f"order {n} paid", "time": 1714557600.0 + n}, "level": "INFO"} for n in range(30)]
    lines += [{field: f"order {n} paid", "level": "INFO"} for n in range(30)]
    records = [SampleRecord(place, -1, None, json.dumps(line).encode()) for place, line in enumerate(lines)]
    assert propose(records, IngestSettings()).system is not None


def test_an_anomaly_without_a_line_and_with_an_endless_id_is_one_sentence() -> None:
    anomaly = replace(make_anomaly("disk failed"), id="[{" * 5_000, evidence=[], events=[])
    with pytest.raises(RecordError) as raised:
        unit_of(anomaly, SystemSettings())
    assert_sentence(raised.value)


def test_a_model_whose_names_are_no_text_is_refused() -> None:
    onnx = make_onnx(1.0)
    bad = onnx.replace(b"ReduceMax", b"Reduce\xa3ax")
    assert bad != onnx
    with pytest.raises(ModelError):
        Detector(bad, "cpu")
