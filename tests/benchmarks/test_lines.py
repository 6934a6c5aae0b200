import re
from pathlib import Path

from benchmarks.lines import Stream, open_stream
from fusionlog.settings import SystemSettings


def test_a_stream_is_repeated_with_other_digits_and_the_same_forms(data: Path) -> None:
    stream = open_stream(data)
    size = len(stream.lines)
    taken = list(stream.take(3 * size - 1))
    assert taken[:size] == list(stream.lines) and len(taken) == 3 * size - 1
    assert taken[size : 2 * size] != taken[:size]
    assert [re.sub(rb"\d", b"0", line) for line in taken[size : 2 * size]] == [
        re.sub(rb"\d", b"0", line) for line in taken[:size]
    ]
    assert (
        list(stream.take(size, start=size + 5)) == (taken + list(stream.take(6, 3 * size - 1)))[size + 5 : 2 * size + 5]
    )


def test_where_the_key_has_digits_of_its_own_lines_are_repeated_as_they_are() -> None:
    stream = Stream("shop", SystemSettings(session=r"127\.0\.0\.1:(\d+)"), [b"127.0.0.1:5 a", b"b"])
    assert list(stream.take(4)) == [*stream.lines, *stream.lines]


def test_a_sessions_lines_share_a_partition(data: Path) -> None:
    stream = open_stream(data)
    places = {(line.split()[0], stream.partition(line, n, 4)) for n, line in enumerate(stream.lines)}
    assert len(places) == len({session for session, _ in places}) and len({place for _, place in places}) > 1
