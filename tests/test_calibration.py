from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.calibration import Calibrator, logit
from fusionlog.detector.scorer import Scorer
from fusionlog.errors import ModelError
from fusionlog.habits import Habits
from fusionlog.knowledge import Knowledge
from fusionlog.records import Calibration, ModelRelease
from fusionlog.settings import Settings
from tests.detector.graphs import make_onnx
from tests.encoders import WordEncoder
from tests.factories import make_release, make_window

USUAL, HALF, NEW = make_window("opened", "closed"), make_window("opened"), make_window("melted")


def habits() -> Habits:
    found = Habits()
    found.see(USUAL, 99)
    return found


def calibration(**weights: float) -> Calibration:
    return Calibration(**{"probability": 1.0, "surprise": 0.0, "rarity": 0.0, "intercept": 0.0} | weights)


def test_the_networks_own_word_is_kept_where_nothing_else_weighs() -> None:
    calibrator = Calibrator(calibration(), habits())
    assert calibrator.score(0.3, NEW) == pytest.approx(0.3)


@pytest.mark.parametrize(("window", "orders"), [(USUAL, 0.0), (NEW, 2.0)])
def test_a_rare_event_raises_the_score_by_its_orders_of_magnitude(window, orders) -> None:  # type: ignore[no-untyped-def]
    score = Calibrator(calibration(rarity=1.5, intercept=-1.0), habits()).score(0.3, window)
    assert logit(score) == pytest.approx(logit(0.3) + 1.5 * orders - 1.0)


def test_a_missing_companion_raises_it_as_well() -> None:
    calibrator = Calibrator(calibration(surprise=1.0), habits())
    assert logit(calibrator.score(0.3, HALF)) == pytest.approx(logit(0.3) + 2.0)
    assert calibrator.score(0.3, USUAL) == pytest.approx(0.3)


def release() -> ModelRelease:
    made = make_release(
        ("opened", 0.0), onnx=make_onnx(1.0), vectors=releases.pack_vectors(WordEncoder("melted")(["opened"]))
    )
    return replace(made, calibration=calibration(surprise=1.0, rarity=1.0), habits=habits().pack())


def test_a_release_carries_it_to_the_scorer() -> None:
    made, knowledge = release(), Knowledge("shop", WordEncoder("melted"))
    plain = replace(made, calibration=None, habits=b"", version="19700101T000001.000-shop")
    scores = []
    for each in (plain, made):
        knowledge.adopt(releases.sign(each, None))
        scores.append(Scorer(Settings().score).score([HALF], knowledge)[0].probability)
    assert logit(scores[1]) == pytest.approx(logit(scores[0]) + 2.0, abs=1e-3)


def test_its_digest_covers_calibration_and_habits() -> None:
    made = releases.sign(release(), None)
    other = Habits()
    other.see(NEW)
    for changed in (replace(made, calibration=calibration()), replace(made, habits=other.pack())):
        with pytest.raises(ModelError, match="sha256"):
            releases.verify(changed, None)


def test_a_release_whose_habits_cannot_be_read_is_refused() -> None:
    with pytest.raises(ModelError, match="habits of a release cannot be read"):
        Scorer(Settings().score).check(replace(release(), habits=b"?"))


def test_packed_habits_surprise_as_they_did() -> None:
    before = habits()
    before.see(make_window("opened", "closed", "retried"), 20)
    before.see(make_window(*["opened"] * 5, "closed"), 3)
    after = Habits.unpack(before.pack())
    for window in (USUAL, HALF, NEW, make_window(*["opened"] * 5, "closed"), make_window("retried")):
        assert after.surprise_of_counts(window) == before.surprise_of_counts(window)
        assert after.rarity(window) == before.rarity(window)


def test_habits_without_a_window_are_those_before_it() -> None:
    found = habits()
    found.see(NEW, 3)
    with found.without(NEW, 3) as others:
        assert others.rarity(NEW) == habits().rarity(NEW)
    assert found.rarity(NEW) < habits().rarity(NEW)
