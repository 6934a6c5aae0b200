"""The second stage of a repartitioned system: what a keyed partition comes to, and what it is counted as."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import REGISTRY

from fusionlog.errors import RecordError
from fusionlog.kafka import codecs
from fusionlog.parsing.parser import Parser
from fusionlog.records import KeyedLine, Window
from fusionlog.settings import SystemSettings
from fusionlog.workers.ingest.interleaving import HOLD_SECONDS
from fusionlog.workers.ingest.made import DeadLetter
from fusionlog.workers.ingest.resume_state import metadata_of
from tests.workers.ingest.keyed_stages import KEYED, START, Reader
from tests.workers.memory import Message

SYSTEM = SystemSettings.model_validate({
    "session": r"s=(\w+)", "repartition": True, "window": {"by": "session", "idle_seconds": 30, "max_events": 3}
})  # fmt: skip
PARTS = ("windowed", "dead_lettered", "dropped", "joined", "repeated", "deleted", "released")


def message(offset: int, session: str = "a", text: str = "", origin: int | None = None, **fields: Any) -> Message:
    """A keyed line of raw partition 0, at ten times its offset there unless its origin is another one."""
    raw = 10 * offset if origin is None else origin
    line = KeyedLine(
        session=session, text=text or f"s={session} disk {offset} failed", time=START + offset, arrived=START + offset,
        topic="raw", **{"partition": 0, "offset": raw, "epoch": 1, **fields},
    )  # fmt: skip
    return Message(codecs.encode(line), topic=KEYED.name, offset=offset, key=session.encode())


def make_reader() -> Reader:
    """A reader that waits for no raw partition but those that it has met."""
    reader = Reader(SYSTEM, 0)
    reader.clock.now += HOLD_SECONDS
    return reader


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"fusionlog_{name}", {"system": "shop", "input": "keyed", **labels}) or 0.0


def counts() -> dict[str, float]:
    """Lines by what became of them, over all reasons."""
    found = {"read": count("lines_total"), "open": count("lines_open")}
    for metric in REGISTRY.collect():
        for sample in metric.samples:
            part = sample.name.removeprefix("fusionlog_lines_").removesuffix("_total")
            if part in PARTS and sample.labels.get("system") == "shop" and sample.labels.get("input") == "keyed":
                found[part] = found.get(part, 0) + sample.value
    return found


def test_each_line_is_accounted_for_once() -> None:
    before, reader = counts(), make_reader()
    lines = [message(0), message(1), message(2, member=1), message(3, origin=0), Message(b"{", offset=4), message(5)]
    reader.take(lines)
    reader.end()
    reader.acknowledge()
    after = counts()
    found = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert found == {"read": 5, "windowed": 3, "repeated": 1, "dead_lettered": 1}
    assert reader.processor.commit()[0] == 6 and reader.processor.unacked == 0


def test_a_record_that_is_no_line_is_a_dead_letter_as_it_is() -> None:
    reader = make_reader()
    reader.take([Message(b"not ours", offset=0), Message(None, offset=1), message(2), message(3, "")])
    reasons = [(each.offset, each.value, each.error.reason) for each in reader.made if isinstance(each, DeadLetter)]
    assert reasons == [(0, b"not ours", "not-json"), (1, None, "empty"), (3, message(3, "").value, "no-session-key")]


def test_a_line_that_cannot_be_parsed_is_a_dead_letter_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = Parser.parse_text

    def fail(self: Parser, line: str, *rest: Any) -> Any:
        if "poison" in line:
            raise ZeroDivisionError
        return parse(self, line, *rest)

    monkeypatch.setattr(Parser, "parse_text", fail)
    reader = make_reader()
    reader.take([message(0), message(1, text="s=a poison"), message(2)])
    reader.end()
    (letter,) = [each for each in reader.made if isinstance(each, DeadLetter)]
    assert (letter.offset, letter.value, letter.error.reason) == (1, b"s=a poison", "parser-failed")
    assert letter.origin == ("raw", 0, 10, 0) and letter.replayable
    (window,) = reader.windows
    assert (window.first_offset, window.last_offset, len(window.sequence)) == (0, 2, 2)
    reader.acknowledge()
    assert reader.processor.commit()[0] == 3


def test_the_lines_after_a_condemned_record_are_taken() -> None:
    reader = make_reader()
    reader.take([message(0)])
    reader.made += reader.processor.give_up(message(1, after=(0, 0, 0)), RecordError("crash-loop", "three deaths"))
    reader.take([message(2, after=(10, 0, 0))])
    reader.end()
    (letter,) = [each for each in reader.made if isinstance(each, DeadLetter)]
    assert (letter.value, letter.origin, letter.error.reason) == (b"s=a disk 1 failed", ("raw", 0, 10, 0), "crash-loop")
    assert [len(window.sequence) for window in reader.windows] == [2]


def test_after_records_that_retention_deleted_the_next_line_is_taken() -> None:
    reader = make_reader()
    reader.take([message(0), message(2, after=(10, 0, 0))])
    reader.processor.deleted()
    reader.take([message(3, after=(20, 0, 0))])
    reader.end()
    (window,) = reader.windows
    assert (window.first_offset, window.last_offset, len(window.sequence)) == (0, 3, 2)


def test_a_session_is_what_the_line_was_sent_to() -> None:
    reader = make_reader()
    reader.take([message(0, session="b", text="s=a beside s=b", member=1), message(1, session="b", text="a frame")])
    reader.end()
    (window,) = reader.windows
    assert window.session == "b" and len(window.sequence) == 2


def test_the_commit_lies_behind_open_windows_and_has_what_was_taken_before() -> None:
    reader = make_reader()
    reader.take([message(0, "a")])
    assert reader.processor.commit()[0] == 0
    reader.take([message(offset, "b") for offset in (1, 2, 3)])
    reader.processor.commit()
    reader.acknowledge()
    reader.made.clear()
    reader.take([message(4, "a"), message(5, "a")])
    reader.acknowledge()
    offset, text = reader.processor.commit()
    metadata = metadata_of(text)
    assert offset == 6 and metadata is not None and metadata.origins is not None
    assert metadata.origins.greatest == {0: (1, 50, 0, 0)} and metadata.origins.complete


def test_a_window_is_in_hand_by_its_first_record() -> None:
    reader = make_reader()
    reader.take([message(0, "a"), message(1, "b")])
    assert reader.processor.begins_at(0) and reader.processor.begins_at(1) and not reader.processor.begins_at(2)
    assert reader.processor.handled(1) and not reader.processor.handled(2)


def test_a_held_line_is_not_handled() -> None:
    reader = Reader(SYSTEM, 0)
    reader.take([message(0)])
    assert not reader.processor.handled(0)
    reader.clock.now += HOLD_SECONDS
    reader.made += reader.processor.silent()
    assert reader.processor.handled(0)


def test_after_a_release_nothing_is_counted() -> None:
    reader = make_reader()
    reader.take([message(offset) for offset in range(3)])
    (window,) = reader.windows
    open_before = count("lines_open")
    reader.processor.release()
    assert isinstance(window, Window) and not reader.processor.acknowledged(window, "general")
    assert open_before - count("lines_open") == 3
