from __future__ import annotations

import pytest

from fusionlog.embedding.encoder import VectorCache
from fusionlog.online.substitution import ITSELF, Substitution
from fusionlog.records import BankEvent
from fusionlog.routing.bank import Bank
from tests.encoders import WordEncoder
from tests.factories import make_event
from tests.online.factories import WORDS, release

FAILED, OPENED = 0, 1
VECTORS = VectorCache(WordEncoder(*WORDS))


def labelled(text: str, probability: float) -> BankEvent:
    return BankEvent(system="shop", template=make_event(text).template, text=text, probability=probability)


def of(system: str = "shop") -> Substitution:
    return Substitution(release(system), Bank.of(release(system)))


@pytest.mark.parametrize(("probability", "row"), [(0.9, FAILED), (0.5, FAILED), (0.1, OPENED)])
def test_a_labelled_event_is_shown_as_the_nearest_trained_one_of_its_verdict(probability: float, row: int) -> None:
    event = labelled("disk full", probability)
    assert of().row(make_event("disk full"), lambda _: event, VECTORS) == row


def test_a_trained_event_is_shown_as_itself() -> None:
    assert of().row(make_event("disk failed"), lambda _: labelled("disk failed", 1.0), VECTORS) == ITSELF


def test_an_unlabelled_event_is_shown_as_the_nearest_of_its_own_system() -> None:
    assert of().row(make_event("disk failed badly"), lambda _: None, VECTORS) == FAILED
    base = Substitution(release("*"), Bank.of(release("shop")))
    assert base.row(make_event("disk failed badly"), lambda _: None, VECTORS) == ITSELF


def test_a_choice_is_remembered_until_a_label_comes() -> None:
    used, event = of(), make_event("disk full")
    assert used.row(event, lambda _: labelled("disk full", 0.1), VECTORS) == OPENED
    assert used.row(event, lambda _: labelled("disk full", 0.9), VECTORS) == OPENED
    used.forget()
    assert used.row(event, lambda _: labelled("disk full", 0.9), VECTORS) == FAILED
