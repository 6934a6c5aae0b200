from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.detector.calibration import clipped_logit
from fusionlog.novelty.profile import SystemProfile
from fusionlog.online.calibrated_detector import CalibratedDetector, profile_of
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.scorer import Score
from tests.detector.test_calibration import HALF, NEW, release
from tests.encoders import WordEncoder
from tests.factories import make_window


def detector() -> tuple[CalibratedDetector, Score]:
    """A worker that has just started, and what its network says of anything."""
    made, knowledge = releases.sign(release(), None), Knowledge("shop", WordEncoder("melted"))
    knowledge.adopt(made)
    return CalibratedDetector(knowledge), Score(0.3, 0.5, {}, made.version, cached=False)


def test_a_worker_begins_with_the_profile_of_the_release() -> None:
    found, of_network = detector()
    [calibrated] = found.calibrated([HALF], [of_network])
    assert clipped_logit(calibrated.probability) == pytest.approx(clipped_logit(0.3) + 2.0)
    assert calibrated.novelty is not None
    assert calibrated.novelty[:3] == pytest.approx((2.0, 0.0, 0.0))


def test_what_becomes_usual_is_no_anomaly_any_more() -> None:
    found, of_network = detector()
    scores = []
    for _ in range(20):
        scores += [each.probability for each in found.calibrated([NEW], [of_network])]
        found.update([NEW] * 20)
    assert scores[0] > 0.7 > 0.35 > scores[-1] and scores == sorted(scores, reverse=True)


def test_a_release_without_calibration_is_believed() -> None:
    found, of_network = detector()
    plain = replace(release(), calibration=None, profile=b"", version="20010101T000000.000-shop", created=1e9)
    found.knowledge.adopt(releases.sign(plain, None))
    of_plain = replace(of_network, version=plain.version)
    assert found.calibrated([NEW], [of_plain]) == [of_plain]


def test_each_shape_of_a_batch_is_counted_with_its_number() -> None:
    found, _ = detector()
    found.update([HALF, NEW, *[replace(HALF, session="s2")] * 18])
    assert found.profile.windows == 20 and found.profile.frequencies.events[HALF.events[0].template] == 19


def test_a_release_without_a_profile_has_none() -> None:
    assert profile_of(replace(release(), profile=b"")) is None
    known = profile_of(release())
    assert isinstance(known, SystemProfile) and known.windows == 99
    assert make_window("opened").shape == HALF.shape
