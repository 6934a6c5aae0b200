from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from fusionlog.errors import TeacherError
from fusionlog.records import Longest, Route
from fusionlog.settings import SystemSettings
from fusionlog.teachers.base import (
    MAX_EVENT_CHARS,
    MAX_UNIT_EVENTS,
    EventVerdict,
    Unit,
    Verdict,
    ask,
    label_of,
    unit_of,
)
from tests.factories import make_event, make_window

SYSTEM = SystemSettings(description="a web shop", policy="alert on failures")


def test_a_unit_holds_the_example_lines_redacted_in_order_with_counts() -> None:
    events = [make_event("login <*>", 3, example="login from 10.0.0.1"), make_event("logout", 1)]
    unit = unit_of(make_window(events=events), SYSTEM)
    assert (unit.system, unit.description, unit.policy) == ("shop", "a web shop", "alert on failures")
    assert [(e.id, e.text, e.count) for e in unit.events] == [(1, "login from <IP>", 3), (2, "logout", 1)]


def test_a_long_line_is_redacted_before_it_is_cut() -> None:
    start = "x" * (MAX_EVENT_CHARS - 14)
    (event,) = unit_of(make_window(f"{start} password=hunter2hunter2"), SYSTEM).events
    assert len(event.text) == MAX_EVENT_CHARS and "hunter" not in event.text


def test_of_many_events_the_foreign_one_and_the_most_frequent_are_shown_in_their_order() -> None:
    events = [make_event(f"step {'i' * n}", count=2) for n in range(MAX_UNIT_EVENTS + 20)]
    events[70] = make_event("strange", count=1)
    events[75] = make_event("busy", count=9)
    route = Route(kind="proprietary", similarity=0.1, threshold=0.8, least_similar_event="strange")
    unit = unit_of(make_window(events=events, route=route), SYSTEM)
    ids = [event.id for event in unit.events]
    assert len(ids) == MAX_UNIT_EVENTS and ids == sorted(ids)
    assert ids[-2:] == [71, 76]


def test_a_label_maps_verdicts_to_templates_and_leaves_out_what_was_not_shown() -> None:
    window = make_window("a", "b", "b", "c")
    verdict = Verdict(0.8, 0.8, "b failed", (EventVerdict(2, 0.9, "failed"), EventVerdict(1, 0.1)))
    label = label_of(window, verdict, "llm:tiny", now=5.0)
    assert (label.system, label.shape, label.window, label.labelled_at) == ("shop", window.shape, window.id, 5.0)
    assert (label.probability, label.confidence, label.reason, label.teacher) == (0.8, 0.8, "b failed", "llm:tiny")
    assert [(e.text, e.count, e.probability, e.reason) for e in label.events] == [
        ("b", 2, 0.9, "failed"),
        ("a", 1, 0.1, ""),
    ]


def test_a_unit_has_what_pseudonyms_are_made_of_beside_its_texts() -> None:
    system = SystemSettings(header="<Month> <Day> <Time> <Host> <Component>: <Content>")
    event = make_event("x", example="Oct 11 22:14:15 mail smtpd[1]: from 10.0.0.1 pass=hunter2")
    window = make_window(events=[event], sequence=[0])
    unit = unit_of(window, system)
    assert unit.events[0].text == "Oct 11 22:14:15 mail smtpd[1]: from <IP> pass=<SECRET>"
    assert unit.names is not None and unit.names.header == (("host", "mail"),)
    assert unit.names.texts == ("Oct 11 22:14:15 mail smtpd[1]: from 10.0.0.1 pass=<SECRET>",)


def test_values_stand_beside_the_text_of_their_event_and_nothing_where_there_are_none() -> None:
    slow = replace(make_event("sent, delay=<NUM>", example="sent, delay=3.9"), duration=3.9, quantities={"size": 12e6})
    window = make_window(events=[slow, make_event("removed")], pause=Longest(seconds=45.25, event=0))
    assert msgspec.to_builtins(unit_of(window, SYSTEM).events) == (
        {
            "id": 1, "text": "sent, delay=3.9", "count": 1, "duration": 3.9, "pause": 45.25,
            "quantities": {"size": 12_000_000},
        },
        {"id": 2, "text": "removed", "count": 1},
    )  # fmt: skip


class Caching:
    """A teacher that notes which units it forgets, and how many it labels."""

    name = "caching"

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    def forget(self, units: Sequence[Unit]) -> None:
        self.forgotten += [unit.events[0].text for unit in units]

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        return [Verdict(0.1, 0.9, "", ()) for _ in units]

    async def close(self) -> None: ...


async def test_the_cached_answer_on_a_window_that_is_asked_again_is_dropped() -> None:
    teacher, windows = Caching(), [make_window("a"), make_window("b from 10.0.0.1")]
    assert len(await ask(teacher, windows, SYSTEM)) == 2 and teacher.forgotten == []
    await ask(teacher, windows, SYSTEM, again=windows[1:])
    assert teacher.forgotten == ["b from <IP>"]
