"""Non-negative logistic regression on soft labels, by L-BFGS-B."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Floats = NDArray[np.float64]
TOLERANCES = {"ftol": 1e-13, "gtol": 1e-9}


class Fitted(NamedTuple):
    """The weights `[features]`, none negative, and the intercept."""

    weights: Floats
    intercept: float


def fit_logistic(features: Floats, labels: Floats, mass: Floats, prior: Floats, ridge: float) -> Fitted:
    """The weights that minimise mass . cross-entropy + ridge |weights - prior|^2; the intercept has no prior.

    :param features: `[n, features]`. :param labels: probabilities `[n]`. :param mass: the sample weights `[n]`.
    :param prior: the mean of the weights' prior `[features]`. :param ridge: the weight of that penalty.
    """

    def loss(point: Floats) -> tuple[float, Floats]:
        logits, off = features @ point[:-1] + point[-1], point[:-1] - prior
        value = mass @ (np.logaddexp(0, logits) - labels * logits) + ridge * (off @ off)
        slope = mass * (expit(logits) - labels)
        return float(value), np.append(slope @ features + 2 * ridge * off, slope.sum())

    bounds = [(0.0, None)] * features.shape[1] + [(None, None)]
    start = np.append(prior, 0.0)
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options=TOLERANCES).x
    return Fitted(found[:-1], float(found[-1]))
