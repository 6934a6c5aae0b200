from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.calibration import logit, score
from fusionlog.detector.scorer import Scorer
from fusionlog.errors import ModelError
from fusionlog.habits import MAX_EVENTS, Habits
from fusionlog.records import Calibration, ModelRelease, Window
from fusionlog.settings import Settings
from fusionlog.unusual import unusual
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
    assert score(calibration(), 0.3, unusual(NEW, habits())) == pytest.approx(0.3)


@pytest.mark.parametrize(("window", "orders"), [(USUAL, 0.0), (NEW, 2.0)], ids=["usual", "new"])
def test_a_rare_event_raises_the_score_by_its_orders_of_magnitude(window: Window, orders: float) -> None:
    found = score(calibration(rarity=1.5, intercept=-1.0), 0.3, unusual(window, habits()))
    assert logit(found) == pytest.approx(logit(0.3) + 1.5 * orders - 1.0)


def test_so_does_a_rare_failure_and_a_usual_one_does_not() -> None:
    found, failed, started = habits(), make_window("disk failed"), make_window("disk started")
    assert unusual(failed, found).failure == pytest.approx(2.0) and unusual(started, found).failure == 0.0
    assert logit(score(calibration(failure=1.5), 0.3, unusual(failed, found))) == pytest.approx(logit(0.3) + 3.0)
    found.see(failed, 200)
    assert unusual(failed, found).failure == 0.0


def test_a_missing_companion_raises_it_as_well() -> None:
    assert logit(score(calibration(surprise=1.0), 0.3, unusual(HALF, habits()))) == pytest.approx(logit(0.3) + 2.0)


def release() -> ModelRelease:
    made = make_release(
        ("opened", 0.0), onnx=make_onnx(1.0), vectors=releases.pack_vectors(WordEncoder("melted")(["opened"]))
    )
    return replace(made, calibration=calibration(surprise=1.0, rarity=1.0), habits=habits().pack())


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
        assert unusual(window, after) == unusual(window, before)


def test_a_window_is_not_compared_with_itself() -> None:
    found = habits()
    found.see(NEW, 3)
    assert unusual(NEW, found, own=3) == unusual(NEW, habits())
    assert unusual(NEW, found) < unusual(NEW, habits())


def test_a_window_that_is_too_large_to_be_counted_is_not_taken_out_either() -> None:
    found, large = habits(), make_window("opened", *[f"step {number}" for number in range(MAX_EVENTS)])
    found.see(large, 200)
    assert unusual(large, found, own=200) == unusual(large, found)
