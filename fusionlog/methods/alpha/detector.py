"""ALPHA's detector: a support vector machine on window vectors, as in the paper, without its keyword features."""

from __future__ import annotations

import numpy as np
from sklearn.svm import SVC

from fusionlog.types import BoolArray, FloatArray

PENALTY = 100.0
"""C. Of .1 (the paper's, on other features), 1, 10, 100 and 1000; see docs/results/alpha.md for how it was chosen."""


class Svm:
    """An SVM with a radial kernel, balanced classes and weighted windows (scikit-learn's SVC, gamma `scale`).

    Where all training windows have one label, every window gets that label.

    :param vectors: `[n, dim]`. :param anomalous: `[n]`. :param weights: the sample weights `[n]`.
    """

    def __init__(self, vectors: FloatArray, anomalous: BoolArray, weights: FloatArray) -> None:
        self._one = bool(anomalous[0]) if len(set(anomalous.tolist())) == 1 else None
        if self._one is None:
            self._svc = SVC(C=PENALTY, class_weight="balanced")
            self._svc.fit(vectors, anomalous, sample_weight=weights)

    def score(self, vectors: FloatArray) -> FloatArray:
        """Scores `[n]` from 0 to 1, anomalous from one half on: the logistic of the signed distance, not calibrated."""
        if self._one is not None:
            return np.full(len(vectors), 1.0 if self._one else 0.0, dtype=np.float32)
        distance = np.asarray(self._svc.decision_function(vectors), dtype=np.float32)
        return np.asarray(1.0 / (1.0 + np.exp(-distance)), dtype=np.float32)
