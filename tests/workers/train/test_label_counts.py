"""The labels of each target: how many stand, are new, or change an earlier verdict."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog.records import PseudoLabel
from fusionlog.workers.train import label_counts
from fusionlog.workers.train.due import Counts
from fusionlog.workers.train.label_counts import LabelCounts
from tests.factories import make_anomaly, make_feedback, make_label, make_revoked, make_window


def label(shape: str, at: float, **fields: object) -> PseudoLabel:
    return replace(make_label(make_window("disk failed")), shape=shape, labelled_at=at, **fields)


def taken(*labels: PseudoLabel) -> LabelCounts:
    counts = LabelCounts()
    for each in labels:
        counts.take(f"{each.system}/{each.shape}", each)
    return counts


def test_labels_are_new_since_a_time_and_a_contradiction_is_a_change() -> None:
    counts = taken(label("a", 10.0), label("b", 20.0), label("c", 30.0, contradicts=["t"]))
    assert counts.of("shop", 10.0) == Counts(labels=3, new=1, changed=1, oldest=20.0)
    assert counts.of("shop", 30.0) == Counts(labels=3)
    assert counts.of("mill", 0.0) == Counts()


def test_a_revocation_is_a_change_and_no_label_stands() -> None:
    counts = taken(label("a", 10.0), make_revoked(label("a", 10.0), at=40.0))
    assert counts.of("shop", 15.0) == Counts(labels=0, changed=1, oldest=40.0)


def test_a_propagated_label_does_not_count_and_replaces_the_one_before() -> None:
    assert taken(label("a", 10.0), label("a", 20.0, propagated_from="b")).of("shop", 0.0) == Counts()


def test_a_tombstone_removes_a_label_of_a_system_with_a_slash() -> None:
    counts = taken(replace(label("a", 10.0), system="shop/eu"))
    assert counts.of("shop/eu", 0.0).labels == 1
    counts.take("shop/eu/a", None)
    assert counts.of("shop/eu", 0.0).labels == 0


def test_verdicts_of_operators_count_unless_they_end_or_are_undone() -> None:
    counts = taken(label("a", 10.0))
    given = {f"shop/shape/{number}": make_feedback(make_anomaly(), at=20.0 + number) for number in range(3)}
    for key, each in {**given, "shop/shape/9": make_feedback(make_anomaly(), at=30.0, until=99.0)}.items():
        counts.take_feedback(key, each)
    assert counts.of("shop", 20.0) == Counts(labels=1, feedback=2, oldest=21.0)
    counts.take_feedback("shop/shape/2", None)
    assert counts.of("shop", 20.0).feedback == 1


def test_the_labels_of_a_target_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_counts, "MOST_LABELS", 2)
    assert taken(*(label(str(number), 10.0) for number in range(5))).of("shop", 0.0).labels == 2
