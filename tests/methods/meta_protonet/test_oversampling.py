from __future__ import annotations

import numpy as np

from fusionlog.methods.meta_protonet.oversampling import RATIO, oversampled


def test_made_windows_lie_between_anomalous_ones() -> None:
    features = np.zeros((40, 2), dtype=np.float32)
    features[:4, 0], anomalous = (10.0, 11.0, 12.0, 13.0), np.arange(40) < 4
    made, told = oversampled(features, anomalous, 0)
    assert told.sum() == RATIO * 36 and (~told).sum() == 36
    assert (made[:40] == features).all()
    assert made[told, 0].min() >= 10.0 and made[told, 0].max() <= 13.0


def test_too_few_or_enough_anomalous_windows_are_left_as_they_are() -> None:
    features = np.zeros((9, 2), dtype=np.float32)
    for bad in (0, 1, 4):
        made, told = oversampled(features, np.arange(9) < bad, 0)
        assert len(made) == 9 and told.sum() == bad
