from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.detector.calibration import calibrated_probability, clipped_logit
from fusionlog.errors import ModelError
from fusionlog.novelty.profile import SystemProfile
from fusionlog.online.scorer import Scorer
from fusionlog.records import Calibration, ModelRelease, Window
from fusionlog.settings import Settings
from tests.detector.graphs import make_onnx
from tests.encoders import WordEncoder
from tests.factories import make_release, make_window

USUAL, HALF, NEW = make_window("opened", "closed"), make_window("opened"), make_window("melted")


def profile() -> SystemProfile:
    found = SystemProfile()
    found.update(USUAL, 99)
    return found


def calibration(**weights: float) -> Calibration:
    return Calibration(
        **{"probability": 1.0, "surprisal": 0.0, "rarity": 0.0, "failure": 0.0, "intercept": 0.0} | weights
    )


def test_the_networks_own_word_is_kept_where_nothing_else_weighs() -> None:
    assert calibrated_probability(calibration(), 0.3, profile().compute_features(NEW)) == pytest.approx(0.3)


@pytest.mark.parametrize(("window", "orders"), [(USUAL, 0.0), (NEW, 2.0)], ids=["usual", "new"])
def test_a_rare_event_raises_the_score_by_its_orders_of_magnitude(window: Window, orders: float) -> None:
    found = calibrated_probability(calibration(rarity=1.5, intercept=-1.0), 0.3, profile().compute_features(window))
    assert clipped_logit(found) == pytest.approx(clipped_logit(0.3) + 1.5 * orders - 1.0)


def test_so_does_a_rare_failure() -> None:
    found = profile().compute_features(make_window("disk failed"))
    assert clipped_logit(calibrated_probability(calibration(failure=1.5), 0.3, found)) == pytest.approx(
        clipped_logit(0.3) + 3.0
    )


def test_a_missing_companion_raises_it_as_well() -> None:
    assert clipped_logit(
        calibrated_probability(calibration(surprisal=1.0), 0.3, profile().compute_features(HALF))
    ) == pytest.approx(clipped_logit(0.3) + 2.0)


def release() -> ModelRelease:
    made = make_release(
        ("opened", 0.0), onnx=make_onnx(1.0), vectors=releases.pack_vectors(WordEncoder("melted")(["opened"]))
    )
    return replace(made, calibration=calibration(surprisal=1.0, rarity=1.0), profile=profile().pack())


def test_its_digest_covers_calibration_and_profile() -> None:
    made = releases.sign(release(), None)
    other = SystemProfile()
    other.update(NEW)
    for changed in (replace(made, calibration=calibration()), replace(made, profile=other.pack())):
        with pytest.raises(ModelError, match="sha256"):
            releases.verify(changed, None)


def test_a_release_whose_profile_cannot_be_read_is_refused() -> None:
    with pytest.raises(ModelError, match="profile of a release cannot be read"):
        Scorer(Settings().score).check(replace(release(), profile=b"?"))
