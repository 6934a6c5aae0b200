from __future__ import annotations

import numpy as np

from fusionlog.methods.meta_protonet.feature_selection import select


def test_what_tells_anomalies_apart_is_kept_and_brought_to_scale() -> None:
    random = np.random.default_rng(0)
    anomalous = np.arange(300) % 6 == 0
    features = random.normal(size=(300, 40)).astype(np.float32)
    features[:, 3] += 3.0 * anomalous
    features[:, 9] -= 3.0 * anomalous
    selection = select(features, anomalous, 0, always=2, kept=4)
    assert len(selection.columns) == 6 and {3, 9, 38, 39} <= set(selection.columns.tolist())
    kept = selection(features)
    assert kept.shape == (300, 6)
    assert np.allclose(kept.mean(axis=0), 0, atol=1e-5) and np.allclose(kept.std(axis=0), 1, atol=1e-4)


def test_a_constant_feature_does_no_harm() -> None:
    anomalous = np.arange(60) % 3 == 0
    features = np.ones((60, 4), dtype=np.float32)
    assert np.isfinite(select(features, anomalous, 0, always=1, kept=2)(features)).all()
