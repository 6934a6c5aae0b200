"""More anomalous windows than there are, on the training side only: SMOTE (Chawla et al., JAIR 16, 2002)."""

from __future__ import annotations

import numpy as np
from imblearn.over_sampling import SMOTE

from fusionlog.types import BoolArray, FloatArray

NEIGHBOURS = 5
RATIO = 0.5
"""Of anomalous to normal windows afterwards."""


def oversampled(features: FloatArray, anomalous: BoolArray, seed: int) -> tuple[FloatArray, BoolArray]:
    """The windows with made ones between anomalous neighbours, until there are `RATIO` as many as normal ones.

    As they are where there are too few anomalous windows to lie between, or enough already.
    """
    bad = int(anomalous.sum())
    if bad < 2 or bad >= RATIO * (len(anomalous) - bad):
        return features, anomalous
    smote = SMOTE(sampling_strategy=RATIO, k_neighbors=min(NEIGHBOURS, bad - 1), random_state=seed)
    made, told = smote.fit_resample(features, anomalous)
    return np.asarray(made, dtype=np.float32), np.asarray(told, dtype=np.bool_)
