"""Logistic regression whose weights cannot be negative."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

__all__ = ["fit_level", "fit_nonnegative"]


def fit_level(log_odds: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> float:
    """Return what to add to all log-odds so that they promise as many bads as came (Newton's method)."""
    level = 0.0
    for _ in range(20):
        p = expit(log_odds + level)
        level += float((weight * (bad - p)).sum() / max((weight * p * (1 - p)).sum(), 1e-12))
    return level


def fit_nonnegative(
    X: np.ndarray, bad: np.ndarray, weight: np.ndarray, ridge: float = 1.0
) -> tuple[np.ndarray, float]:
    """Return weights, 0 or above, and intercept of the likeliest logistic regression.

    Parameters
    ----------
    X : ndarray (n, k)
        Columns that should raise the risk.
    bad, weight : ndarray (n,)
        Outcome and sample weight.
    ridge : float
        Penalty on squared weights, in cases; keeps collinear columns from running apart.
    """
    rate = float(np.clip(np.average(bad, weights=weight), 1e-6, 1 - 1e-6))
    start = np.append(np.ones(X.shape[1]), np.log(rate / (1 - rate)))

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        z = X @ theta[:-1] + theta[-1]
        error = weight * (expit(z) - bad)
        value = (weight * (np.logaddexp(0.0, z) - bad * z)).sum() + ridge / 2 * (
            theta[:-1] ** 2
        ).sum()
        gradient = np.append(X.T @ error + ridge * theta[:-1], error.sum())
        return value / len(bad), gradient / len(bad)

    bounds = [(0.0, None)] * X.shape[1] + [(-30.0, 30.0)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x[:-1], float(found.x[-1])
