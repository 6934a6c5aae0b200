from __future__ import annotations

from math import log, log1p

import numpy as np
import pytest

from fusionlog.embedding.encoder import VectorCache
from fusionlog.methods.alpha.vectors import window_vectors
from fusionlog.methods.meta_protonet.features import STRUCTURE, SURE, structure, window_features
from fusionlog.records import Window
from fusionlog.teachers.offline.features import Features
from tests.encoders import WordEncoder
from tests.factories import make_window

FEATURES = Features(surprisal=1.0, rarity=2.0, failure=3.0, transferred=0.5)
OPEN, FAIL = "connection opened", "disk failed"


def by_name(window: Window, probability: float = 0.5) -> dict[str, float]:
    return dict(zip(STRUCTURE, structure(window, FEATURES, probability), strict=True))


def test_the_labellers_features_come_under_their_names() -> None:
    found = by_name(make_window(OPEN, FAIL))
    assert [found[name] for name in ("surprisal", "rarity", "failure", "transferred")] == [1.0, 2.0, 3.0, 0.5]


def test_lines_and_events_are_counted_in_logarithms() -> None:
    found = by_name(make_window(OPEN, OPEN, OPEN, FAIL))
    assert (found["lines"], found["events"]) == (log1p(4), log1p(2))
    assert (found["most lines of an event"], found["lines of an event"]) == (log1p(3), log1p(2))


@pytest.mark.parametrize(
    ("probability", "logit"),
    [(0.5, 0.0), (0.8, log(4)), (1.0, log(SURE / (1 - SURE))), (0.0, -log(SURE / (1 - SURE)))],
)
def test_the_labellers_probability_is_a_bounded_logit(probability: float, logit: float) -> None:
    assert by_name(make_window(), probability)["logit"] == pytest.approx(logit)


def test_the_embedding_comes_first_and_the_structure_last() -> None:
    windows, cache = [make_window(OPEN, OPEN), make_window(FAIL, OPEN)], VectorCache(WordEncoder())
    found = window_features(windows, [FEATURES, Features()], [0.9, 0.2], cache)
    assert found.dtype == np.float32
    embedded, structural = np.split(found, [-len(STRUCTURE)], axis=1)
    assert np.array_equal(embedded, window_vectors(windows, cache)) and embedded.any(axis=1).all()
    expected = [structure(windows[0], FEATURES, 0.9), structure(windows[1], Features(), 0.2)]
    assert np.array_equal(structural, np.array(expected, dtype=np.float32))


def test_every_window_needs_features_and_a_probability() -> None:
    with pytest.raises(ValueError, match="zip"):
        window_features([make_window()], [FEATURES], [], VectorCache(WordEncoder()))
