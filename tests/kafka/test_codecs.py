"""Records as bytes and back."""

import pytest

from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.records import PseudoLabel, Window
from tests.factories import make_label, make_window
from tests.workers.dead_letters import read_headers


def test_a_record_survives() -> None:
    window = make_window("a", "b", "a")
    assert codecs.decode(codecs.encode(window), Window) == window


def test_an_unknown_field_is_ignored() -> None:
    label = make_label(make_window())
    data = codecs.encode(label)[:-1] + b',"of_the_future":1}'
    assert codecs.decode(data, PseudoLabel) == label


@pytest.mark.parametrize(
    ("data", "reason"),
    [(None, "empty"), (b"", "empty"), (b"{", "not-json"), (b"\xff\xfe", "not-json"), (b"[]", "wrong-shape"),
     (b'{"system":1}', "wrong-shape")],
)  # fmt: skip
def test_garbage_is_a_record_error_that_says_where(data: bytes | None, reason: str) -> None:
    with pytest.raises(RecordError, match="logs/2/17") as caught:
        codecs.decode(data, Window, codecs.place("logs", 2, 17))
    assert caught.value.reason == reason


def test_a_probability_out_of_range_is_refused() -> None:
    data = codecs.encode(make_label(make_window())).replace(b'"probability":0.9', b'"probability":1.9', 1)
    with pytest.raises(RecordError, match="probability"):
        codecs.decode(data, PseudoLabel)


def test_dead_letter_headers_say_why_where_and_when() -> None:
    headers = codecs.dead_letter_headers(RecordError("not-json", "at byte 3"), "ingest", "logs.raw.shop", 1, 42, 12.5)
    assert read_headers([*headers, ("other", b"x")]) == {
        "reason": "not-json", "detail": "at byte 3", "stage": "ingest", "topic": "logs.raw.shop", "partition": "1",
        "offset": "42", "index": "0", "time": "12.500",
    }  # fmt: skip
