import pytest

from fusionlog.errors import RecordError
from fusionlog.parsing.envelopes import EnvelopeReader, RawLine
from fusionlog.parsing.envelopes.journal import entries_of
from fusionlog.settings import IngestSettings, SystemSettings

NOON = 1714557600.0
ENTRY = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1714557600000000\n_HOSTNAME=h\n_SYSTEMD_UNIT=a.service\n_PID=7\n"


def long(name: bytes, content: bytes) -> bytes:
    return name + b"\n" + len(content).to_bytes(8, "little") + content + b"\n"


def read(value: bytes, **system: str) -> list[RawLine | RecordError]:
    reader = EnvelopeReader(SystemSettings.model_validate(system), IngestSettings())
    return list(reader.read(value, NOON + 60))


def test_an_entry_of_the_export_format_is_a_line() -> None:
    (line,) = read(ENTRY + b"MESSAGE=disk full\nPRIORITY=3\n\n")
    assert isinstance(line, RawLine)
    assert (line.text, line.time, line.source) == ("disk full", NOON, "h/a.service/7")


def test_a_value_with_line_breaks_has_its_length_in_front() -> None:
    (line,) = read(ENTRY + long(b"MESSAGE", b"boom\n  at f()\n  at g()") + b"PRIORITY=3\n")
    assert isinstance(line, RawLine) and line.text == "boom\n  at f()\n  at g()"
    (line,) = read(ENTRY + long(b"MESSAGE", "订单 17".encode("gbk")), encoding="gbk")
    assert isinstance(line, RawLine) and line.text == "订单 17"


def test_each_entry_is_a_line_and_one_without_a_message_an_error() -> None:
    first, second, third = read(
        ENTRY + b"MESSAGE=a\n\n" + ENTRY + b"\n" + b"__REALTIME_TIMESTAMP=1714557601000000\nMESSAGE=b\n"
    )
    assert isinstance(first, RawLine) and isinstance(third, RawLine) and (first.text, third.text) == ("a", "b")
    assert isinstance(second, RecordError) and second.reason == "empty"


@pytest.mark.parametrize(
    "value",
    [b"_x=1", b"__CURSOR", b"__CURSOR=a\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\x7fx", b"__CURSOR=a\n\xe9=b", b""],
)
def test_what_is_no_export_is_none(value: bytes) -> None:
    assert entries_of(value) is None


def test_a_cut_export_gives_lines_or_a_reason() -> None:
    value = ENTRY + long(b"MESSAGE", b"boom\n  at f()") + b"\n" + ENTRY + b"MESSAGE=b\n"
    for end in range(1, len(value)):
        try:
            read(value[:end])
        except RecordError as error:
            assert error.reason in {"empty", "not-text"}
