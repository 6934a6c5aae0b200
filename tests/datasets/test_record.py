import gzip
import random

import pytest

from datasets.record.ledger import Ledger
from datasets.record.recording import Cause, Recording, Session, by_count, by_key, joined, write
from datasets.record.spec import SystemSpec, to_yaml
from datasets.record.timeline import arrivals, slots


def spec_factory(**changes: object) -> SystemSpec:
    fields = {
        "name": "toy",
        "description": "It's a toy",
        "header": "<Content>",
        "policy": "none",
        "session": r"id=(\d+)",
    }
    return SystemSpec(**{**fields, **changes})  # type: ignore[arg-type]


def test_key_is_the_group():
    assert spec_factory().key("a id=7 b") == "7"
    assert spec_factory().key("a b") is None


def test_yaml_keeps_quotes_and_leaves_out_an_absent_session():
    yaml = pytest.importorskip("yaml")
    read = yaml.safe_load(to_yaml([spec_factory(), spec_factory(name="counted", session=None, size=20)]))
    assert read["toy"]["description"] == "It's a toy"
    assert read["toy"]["session"] == r"id=(\d+)"
    assert "session" not in read["counted"]
    assert read["counted"]["window"] == {"by": "count", "size": 20}


def test_yaml_says_how_json_lines_are_written_where_a_system_has_them():
    yaml = pytest.importorskip("yaml")
    read = yaml.safe_load(to_yaml([spec_factory(), spec_factory(name="broker", json_line="{time} {msg}")]))
    assert read["broker"]["json_line"] == "{time} {msg}"
    assert "json_line" not in read["toy"]


def test_sessions_by_key_keep_order_and_drop_lines_without_one():
    sessions = by_key(["x id=2", "no key", "x id=1", "y id=2"], spec_factory())
    assert [(s.id, s.lines) for s in sessions] == [("2", ("x id=2", "y id=2")), ("1", ("x id=1",))]


def test_windows_by_count_drop_the_last_partial_one():
    kept, sessions = by_count([str(i) for i in range(7)], spec_factory(session=None, size=3))
    assert kept == [str(i) for i in range(6)]
    assert [s.id for s in sessions] == ["toy-0", "toy-3"]


def test_continued_lines_are_joined():
    assert joined(["a", "\tb", "", "c"]) == ["a b", "c"]


def test_a_fault_outweighs_routine_and_what_is_over_counts_for_a_moment():
    ledger: Ledger[str] = Ledger(settle_s=1.0)
    with ledger.incident("restart", fault=False):
        pass
    with ledger.incident("crash"):
        ledger.broken("a", "gone")
    end = ledger.incidents[1].end
    ledger.broken("b", "gone", end + 0.5)
    ledger.broken("c", "gone", end + 5)
    assert ledger.struck["a"].name == ledger.struck["b"].name == "crash"
    assert ledger.unexplained == [("c", "gone")]


def test_a_written_recording_is_the_same_each_time(tmp_path):
    session = Session("7", ("x id=7",))
    recording = Recording(spec_factory(), ["x id=7"], [session], {"7": Cause("crash", True)})
    for name in "ab":
        write(recording, tmp_path / name)
    packed = [(tmp_path / name / "sessions.jsonl.gz").read_bytes() for name in "ab"]
    assert packed[0] == packed[1]
    assert gzip.decompress(packed[0]) == b'{"id": "7", "lines": ["x id=7"]}\n'
    assert (tmp_path / "a" / "labels.csv").read_text() == "id,anomalous\n7,1\n"


def test_early_incidents_lie_in_the_first_half_and_late_ones_in_the_second():
    placed = slots(random.Random(1), "abc", "xyz", 100)
    assert {item for when, item in placed if when < 50} == set("abc")
    assert {item for when, item in placed if when > 50} == set("xyz")


def test_arrivals_come_at_about_the_rate():
    count = len(list(arrivals(random.Random(1), 5, 400)))
    assert 1600 < count < 2400
