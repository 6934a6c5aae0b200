"""Oversampling of anomalous training windows by SMOTE (Chawla et al., JAIR 16, 2002)."""

from __future__ import annotations

import numpy as np
from imblearn.over_sampling import SMOTE

from fusionlog.types import BoolArray, FloatArray

NEIGHBOURS = 5
RATIO = 0.5
"""The ratio of anomalous to normal windows after oversampling."""


def oversampled(features: FloatArray, anomalous: BoolArray, seed: int) -> tuple[FloatArray, BoolArray]:
    """The windows with synthetic ones between anomalous neighbours, up to `RATIO` of the normal ones.

    Unchanged where there are fewer than two anomalous windows, or enough already.

    :param features: `[n, features]`. :param anomalous: `[n]`.
    """
    bad = int(anomalous.sum())
    if bad < 2 or bad >= RATIO * (len(anomalous) - bad):
        return features, anomalous
    smote = SMOTE(sampling_strategy=RATIO, k_neighbors=min(NEIGHBOURS, bad - 1), random_state=seed)
    rows, labels = smote.fit_resample(features, anomalous)
    return np.asarray(rows, dtype=np.float32), np.asarray(labels, dtype=np.bool_)
