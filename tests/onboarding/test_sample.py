"""Samples: the lines of a file, or the Kafka records that it holds."""

from __future__ import annotations

import gzip
from io import BufferedReader, BytesIO
from pathlib import Path

import pytest

from fusionlog.errors import DataError
from fusionlog.onboarding.sample import line_records, read_sample, read_stream


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def values(path: Path) -> list[bytes | None]:
    return [record.value for record in read_sample(path)]


def test_a_line_is_a_record_and_a_blank_one_is_none(tmp_path: Path) -> None:
    path = written(tmp_path / "a.log", b"one\r\n\n  two\nthree")
    assert values(path) == [b"one", b"  two", b"three"]
    assert [record.offset for record in read_sample(path)] == [0, 1, 2]
    assert [record.value for record in read_sample(path, limit=2)] == [b"one", b"  two"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_utf16_file_is_read_by_its_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    text = "eins\r\nzwölf\r\n"
    content = text.encode(encoding) if encoding == "utf-16" else ("\ufeff" + text).encode(encoding)
    found = values(written(tmp_path / "a.log", content))
    assert [(value or b"").decode().lstrip("\ufeff") for value in found] == ["eins", "zwölf"]


def test_compressed_files_and_streams_are_read(tmp_path: Path) -> None:
    assert values(written(tmp_path / "a.log.gz", gzip.compress(b"one\ntwo\n"))) == [b"one", b"two"]
    assert [record.value for record in read_stream(BufferedReader(BytesIO(b"one\ntwo\n")))] == [b"one", b"two"]  # type: ignore[arg-type]


def test_a_bare_line_is_stamped_with_its_own_time_and_an_envelope_is_not(tmp_path: Path) -> None:
    path = written(tmp_path / "a.log", b'2026-03-04 10:11:12,206 a\nb\n{"time": 0.1, "msg": "2026-03-04 10:11:12"}\n')
    assert [record.timestamp for record in read_sample(path)] == [1772619072206, 1772619072306, -1]


@pytest.mark.parametrize(
    "line",
    [
        b"Mar  4 10:11:12 host app[1]: x",
        b"[2026-03-04 10:11:12,500] INFO x",
        b'1.2.3.4 - - [04/Mar/2026:11:11:12 +0100] "GET /"',
        b"260304 101112 1 INFO x",
        b"1772619072 2026-03-04T10:11:12.123Z x",
    ],
)
def test_the_times_at_the_front_of_lines_are_read(line: bytes) -> None:
    found = line_records([line])[0].timestamp / 1000
    assert found == pytest.approx(1772619072, abs=1) or (b"Mar  4" in line and found > 0)


def test_kafka_records_stand_in_a_jsonl_file(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.jsonl",
        b'{"value": "one", "key": "k", "timestamp": 5}\n{"value": null}\n{"value": {"msg": "x"}, "partition": 3}\n'
        b'{"value_base64": "/w=="}\n',
    )
    records = read_sample(path)
    assert [record.value for record in records] == [b"one", None, b'{"msg":"x"}', b"\xff"]
    assert [(record.key, record.timestamp, record.partition) for record in records[:3]] == [
        (b"k", 5, 0), (None, -1, 0), (None, -1, 3),
    ]  # fmt: skip


def test_other_json_lines_are_records_as_they_stand(tmp_path: Path) -> None:
    line = b'{"value": 1, "level": "info"}'
    assert values(written(tmp_path / "a.jsonl", line + b"\n")) == [line]


def test_a_line_among_kafka_records_that_is_none_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", b'{"value": "one"}\n{"other": 1}\n')
    with pytest.raises(DataError, match=r"a\.jsonl: line 2 is no Kafka record"):
        read_sample(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.log: cannot be read"):
        read_sample(tmp_path / "none.log")
