from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog.errors import SettingError
from fusionlog.kafka import codecs
from fusionlog.online.label_review import (
    Named,
    State,
    named,
    restorable,
    restored,
    reviewed,
    revoked,
    trained_with,
    withdrawn,
)
from fusionlog.records import PseudoLabel
from tests.factories import make_event, make_label, make_release, make_window

FULL, OPENED = make_event("disk full").template, make_event("disk opened").template
ALONE, BOTH, OTHER = make_window("disk full"), make_window("disk full", "disk opened"), make_window("disk closed")
HEIR = make_window("disk opened", "disk closed")
LABELS = [
    make_label(ALONE, 0.1, labelled_at=1.0),
    make_label(BOTH, 0.9, labelled_at=2.0, teacher="llm:b"),
    make_label(OTHER, 0.2, labelled_at=3.0),
    make_label(HEIR, 0.9, labelled_at=4.0, propagated_from=BOTH.shape),
]


def after(changed: list[PseudoLabel]) -> list[PseudoLabel]:
    """The topic's labels after some were written again, by way of their bytes."""
    read = [codecs.decode(codecs.encode(label), PseudoLabel) for label in changed]
    return list({label.shape: label for label in [*LABELS, *read]}.values())


def revoke(*names: str, now: float = 100.0) -> list[PseudoLabel]:
    what = named(LABELS, names)
    return after(revoked(withdrawn(LABELS, what), what, "ann", "wrong", now))


def test_an_event_has_the_newest_verdict_and_all_that_it_came_from() -> None:
    events = {event.template: event for event in reviewed(LABELS).events}
    full = events[FULL]
    assert (full.text, full.state, full.verdict, full.probability) == ("disk full", State.settled, "anomalous", 0.9)
    assert (full.answers, full.anomalous, full.propagated, full.teachers) == (2, 1, 0, ["llm:b", "test"])
    assert (full.windows, full.shapes) == ([ALONE.id, BOTH.id], [ALONE.shape, BOTH.shape])
    assert (events[OPENED].answers, events[OPENED].propagated, events[OPENED].labelled_at) == (1, 1, 2.0)
    assert [shape.shape for shape in reviewed(LABELS).shapes] == [label.shape for label in LABELS]


def test_what_is_contradicted_is_shown_so_until_the_answers_agree() -> None:
    against = replace(LABELS[1], contradicts=[FULL])
    found = reviewed([LABELS[0], against])
    assert [event.state for event in found.events if event.template == FULL] == [State.contradicted]
    assert [shape.state for shape in found.shapes] == [State.contradicted, State.settled]
    agreed = reviewed([make_label(ALONE, 0.9, labelled_at=5.0), against])
    assert {each.state for each in (*agreed.events, *agreed.shapes)} == {State.settled}


@pytest.mark.parametrize("name", [FULL, "disk full"], ids=["id", "text"])
def test_an_event_is_revoked_with_all_labels_that_settle_it_and_their_heirs(name: str) -> None:
    labels = revoke(name)
    assert [label.shape for label in labels if label.revoked] == [ALONE.shape, BOTH.shape, HEIR.shape]
    found = {event.template: event for event in reviewed(labels).events}
    assert (found[FULL].state, found[FULL].answers, found[FULL].probability) == (State.revoked, 0, 0.9)
    assert found[FULL].revoked is not None and (found[FULL].revoked.by, found[FULL].revoked.note) == ("ann", "wrong")
    assert found[OPENED].state is State.revoked, "its one answer was withdrawn"
    assert found[make_event("disk closed").template].state is State.settled
    states = {shape.shape: shape.state for shape in reviewed(labels).shapes}
    assert states == {ALONE.shape: "revoked", BOTH.shape: "revoked", HEIR.shape: "revoked", OTHER.shape: "settled"}


def test_a_shape_is_revoked_alone() -> None:
    labels = revoke(ALONE.shape)
    assert [label.shape for label in labels if label.revoked] == [ALONE.shape]
    assert {event.state for event in reviewed(labels).events} == {State.settled}


def test_a_reader_of_before_learns_no_event_from_a_revoked_label() -> None:
    assert all(label.events == [] for label in revoke(FULL) if label.revoked)


def test_a_revocation_is_newer_than_its_labels_whatever_the_clock_shows() -> None:
    assert all(label.revoked.at > 4.0 for label in revoke(FULL, now=0.0) if label.revoked)


def test_a_later_answer_settles_a_revoked_event_and_restored_labels_are_as_before() -> None:
    labels = revoke(FULL)
    later = make_label(make_window("disk full", "disk full"), 0.1, labelled_at=200.0)
    settled = {event.template: event for event in reviewed([*labels, later]).events}[FULL]
    assert (settled.state, settled.answers, settled.verdict) == (State.settled, 1, "normal")
    back = restored(restorable(labels, named(labels, [FULL])))
    assert after(back) == LABELS
    assert restorable(LABELS, named(LABELS, [FULL])) == [] == withdrawn(labels, named(labels, [FULL]))


def test_a_name_that_no_label_has_is_refused() -> None:
    with pytest.raises(SettingError, match="'disk lost': no label is of it"):
        named(LABELS, [FULL, "disk lost"])


def test_an_id_may_be_shortened_to_what_it_alone_begins_with() -> None:
    assert named(LABELS, [FULL[:8], BOTH.shape[:8]]) == Named(frozenset({FULL}), frozenset({BOTH.shape}))
    near = [replace(LABELS[0], shape="abcd1"), replace(LABELS[2], shape="abcd2")]
    with pytest.raises(SettingError, match="'abcd': 2 ids begin so: name more of one"):
        named(near, ["abcd"])
    assert named(near, ["abcd1"]).shapes == {"abcd1"}
    with pytest.raises(SettingError, match="no label is of it"):
        named(near, ["abc"])


def test_the_text_of_two_events_is_refused() -> None:
    twin = make_label(make_window("disk full"), 0.1)
    other = replace(twin, shape="other", events=[replace(twin.events[0], template="0" * 16)])
    with pytest.raises(SettingError, match="the text of 2 events"):
        named([twin, other], ["disk full"])
    assert named([twin, other], ["0" * 16]) == Named(frozenset({"0" * 16}), frozenset())


def test_the_releases_that_were_trained_with_a_label_are_newer_and_have_its_events() -> None:
    bank = (("disk full", 0.1), ("disk opened", 0.1))
    before, with_it, other = (
        make_release(*each, created=at) for each, at in ((bank, 0.5), (bank, 9.0), (bank[1:], 9.5))
    )
    base = make_release(*bank, system="*", created=9.0)
    assert trained_with([before, with_it, other, base], [LABELS[0]]) == [with_it]
    assert trained_with([with_it], [replace(LABELS[0], events=[])]) == [], "it labels its shape alone"
