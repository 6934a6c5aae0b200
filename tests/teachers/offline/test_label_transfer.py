from __future__ import annotations

from fusionlog.records import BankEvent, template_id
from fusionlog.routing.threshold import DEFAULT_TAU
from fusionlog.teachers.offline.label_transfer import LabelTransfer, word_similarity
from tests.encoders import WordEncoder


def known(text: str, probability: float, system: str = "mill") -> BankEvent:
    return BankEvent(system=system, template=template_id(text), text=text, probability=probability)


def test_an_anomaly_is_carried_over_as_far_as_it_is_alike_and_a_normal_event_carries_none() -> None:
    transfer = LabelTransfer([known("disk failed", 0.9), known("connection closed", 0.1)], WordEncoder())
    failed, closed = transfer.labels_of(["disk failed", "connection closed"])
    assert failed.failure and failed.transferred > 0.85
    assert not closed.failure and closed.transferred == 0.0


def test_what_has_drifted_too_far_is_judged_by_its_words_alone() -> None:
    transfer = LabelTransfer([known("disk full", 0.9)], WordEncoder())
    near, far = transfer.labels_of(["disk full", "disk full closed opened"])
    assert near.transferred and not far.transferred
    assert far.reason.startswith("unknown event")


def test_how_far_is_too_far_comes_from_the_sources() -> None:
    assert LabelTransfer([known("disk full", 0.9)], WordEncoder()).least_similarity == DEFAULT_TAU
    letters = "abcdefghijklmnopqrstuvwxyz"
    tell = WordEncoder(*[f"{letter}word" for letter in letters], "disk")
    twins = [known(f"{a}word disk {b}word", float(a < "n")) for a in letters for b in ("", a)]
    assert LabelTransfer(twins, tell).least_similarity < DEFAULT_TAU, "their neighbours agree well below it"


def test_a_source_that_knows_a_failure_as_normal_takes_it_for_none() -> None:
    transfer = LabelTransfer([known("disk failed", 0.1)], WordEncoder())
    assert not transfer.labels_of(["disk failed"])[0].failure
    assert LabelTransfer([], WordEncoder()).labels_of(["disk failed"])[0].failure


def test_short_texts_are_not_compared_as_words() -> None:
    assert word_similarity(["error"], ["error loading the image"]).tolist() == [[0.0]]
    assert word_similarity(["error loading the image"], ["error loading the image"]).tolist() == [[1.0]]
