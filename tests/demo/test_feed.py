import gzip
import json
import time
from pathlib import Path

import pytest

from fusionlog.demo.feed import read_feed
from fusionlog.errors import DataError
from fusionlog.settings import SystemSettings, WindowSettings

BY_SESSION = SystemSettings(session="s=(.)", window=WindowSettings(by="session", idle_seconds=60))
BY_COUNT = SystemSettings(window=WindowSettings(by="count", size=2))


def make_data(directory: Path, sessions: dict[str, list[str]], stream: list[str] | None = None) -> Path:
    (directory / "shop").mkdir()
    rows = [json.dumps({"id": name, "lines": lines}) for name, lines in sessions.items()]
    (directory / "shop" / "sessions.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    if stream is not None:
        (directory / "shop" / "stream.log.gz").write_bytes(gzip.compress("\n".join(stream).encode()))
    return directory


def test_a_stream_is_fed_as_it_was_written_and_ends_now(tmp_path: Path) -> None:
    stream = ["2020-01-01 00:00:00 s=a", "2020-01-01 00:00:07 s=b", "2020-01-01 00:00:09 s=a"]
    before = time.time()
    feed = read_feed(make_data(tmp_path, {"a": [], "b": []}, stream), "shop", BY_SESSION)
    assert feed.lines == stream
    assert [round(feed.times[-1] - at) for at in feed.times] == [9, 2, 0]
    assert before <= feed.times[-1] <= time.time()


def test_a_json_line_tells_its_time_wherever_its_field_stands(tmp_path: Path) -> None:
    stream = [json.dumps({"msg": f"s={at} " + "x" * 100, "time": f"2020-01-01 00:00:0{at}"}) for at in (0, 7, 9)]
    system = BY_SESSION.model_copy(update={"json_line": "{time} {msg}"})
    feed = read_feed(make_data(tmp_path, {}, stream), "shop", system)
    assert feed.lines == stream
    assert [round(feed.times[-1] - at) for at in feed.times] == [9, 2, 0]


def test_sessions_without_a_stream_follow_each_other_further_apart_than_the_idle_gap(tmp_path: Path) -> None:
    feed = read_feed(make_data(tmp_path, {"a": ["x s=a", "y s=a"], "b": ["x s=b"]}), "shop", BY_SESSION)
    assert feed.lines == ["x s=a", "y s=a", "x s=b"]
    assert feed.times[1] - feed.times[0] < 60 < feed.times[2] - feed.times[1]


def test_a_window_by_count_is_the_session_at_its_place(tmp_path: Path) -> None:
    feed = read_feed(make_data(tmp_path, {"w0": ["a", "b"], "w1": ["c", "d"]}), "shop", BY_COUNT)
    assert (feed.session_of("?", 0), feed.session_of("?", 2)) == ("w0", "w1")


def test_a_window_by_session_is_its_key(tmp_path: Path) -> None:
    feed = read_feed(make_data(tmp_path, {"a": ["x s=a"]}), "shop", BY_SESSION)
    assert feed.session_of("a", 7) == "a"


def test_no_lines_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no lines in it"):
        read_feed(make_data(tmp_path, {}), "shop", BY_SESSION)
