"""Chain ladder: what a cohort will still bring, by how older cohorts grew, with Mack's error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem

__all__ = ["ChainLadder", "chain_ladder"]


@dataclass(frozen=True, eq=False)
class ChainLadder:
    """A completed triangle.

    Attributes
    ----------
    factors : ndarray
        Growth from each age to the next.
    sigma_squared : ndarray
        Mack's variance parameter of each step.
    cohorts : DataFrame
        Indexed by cohort: ``latest`` (cumulative amount so far), ``ultimate``, ``outstanding``,
        ``standard_error`` of the outstanding amount.
    completed : DataFrame
        The triangle with its lower half filled in.
    increment_errors : DataFrame
        Standard error of each amount still to come between one age and the next; 0 in the past.
    outstanding, standard_error : float
        Of all cohorts together; the error of the total is more than that of its parts, because all
        share the estimated factors.
    """

    factors: np.ndarray
    sigma_squared: np.ndarray
    cohorts: pd.DataFrame
    completed: pd.DataFrame
    increment_errors: pd.DataFrame
    outstanding: float
    standard_error: float


def chain_ladder(triangle: Any) -> ChainLadder:
    """Complete a triangle of cumulative amounts.

    Factors are weighted by amount, ``f_m = sum C(c, m + 1) / sum C(c, m)`` over the cohorts that
    have reached age m + 1; the standard error is that of Mack (ASTIN Bulletin 23, 1993, 213-225), with
    his extrapolation ``min(s4^4 / s3^2, s3^2, s4^2)`` for the last step.

    Parameters
    ----------
    triangle : DataFrame or 2-d array
        A row per cohort, oldest first; a column per age; cumulative amounts; missing where the age
        has not been reached. Each cohort has reached at least its first age, and no later one has
        reached more ages than an earlier one.

    Returns
    -------
    ChainLadder

    Raises
    ------
    InputError
        ``DLQ-218`` when it is no triangle: a hole, a younger cohort that is further along, a step that
        no cohort has taken, nothing to grow from.

    Examples
    --------
    >>> ladder = chain_ladder([[100, 150, 165], [200, 300, None], [100, None, None]])
    >>> ladder.factors.round(2)
    array([1.5, 1.1])
    >>> ladder.cohorts["ultimate"].round(1).tolist()
    [165.0, 330.0, 165.0]
    """
    frame = triangle if isinstance(triangle, pd.DataFrame) else pd.DataFrame(triangle)
    amounts = frame.to_numpy(dtype="float64", na_value=np.nan)
    reached = _reached(amounts)
    factors, sigma = _factors(amounts, reached)
    full = amounts.copy()
    for age in range(len(factors)):
        missing = np.isnan(full[:, age + 1])
        full[missing, age + 1] = full[missing, age] * factors[age]
    base = np.array([amounts[reached > age + 1, age].sum() for age in range(len(factors))])
    errors, total = _mack(full, base, reached, factors, sigma)
    steps = _increment_errors(full, base, reached, factors, sigma)
    latest = amounts[np.arange(len(amounts)), reached - 1]
    cohorts = pd.DataFrame(
        {
            "latest": latest,
            "ultimate": full[:, -1],
            "outstanding": full[:, -1] - latest,
            "standard_error": errors,
        },
        index=frame.index,
    )
    return ChainLadder(
        factors=factors,
        sigma_squared=sigma,
        cohorts=cohorts,
        completed=pd.DataFrame(full, index=frame.index, columns=frame.columns),
        increment_errors=pd.DataFrame(steps, index=frame.index, columns=frame.columns[1:]),
        outstanding=float(cohorts["outstanding"].sum()),
        standard_error=total,
    )


def _reached(amounts: np.ndarray) -> np.ndarray:
    """Return how many ages each cohort has reached, or refuse what is no triangle."""
    if amounts.ndim != 2 or not amounts.size:
        raise _refused("a triangle has a row per cohort and a column per age")
    there = ~np.isnan(amounts)
    reached = there.sum(axis=1)
    holes = (there[:, 1:] & ~there[:, :-1]).any()
    if holes or (reached == 0).any() or (np.diff(reached) > 0).any() or np.isinf(amounts).any():
        raise _refused("cohorts must be ordered from old to young, without holes")
    if reached[0] < amounts.shape[1]:
        raise _refused("no cohort has reached the last age")
    return reached


def _refused(what: str) -> InputError:
    fix = "cumulative amounts, oldest cohort first, missing where an age is not reached"
    return InputError(Problem("DLQ-218", what, "triangle", fix=fix))


def _factors(amounts: np.ndarray, reached: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    steps = amounts.shape[1] - 1
    factors, sigma = np.ones(steps), np.full(steps, np.nan)
    for age in range(steps):
        have = reached > age + 1
        base, grown = amounts[have, age], amounts[have, age + 1]
        if base.sum() <= 0:
            raise _refused(f"nothing to grow from at age {age + 1}")
        factors[age] = grown.sum() / base.sum()
        if have.sum() > 1:
            # a cohort that starts from nothing says nothing about growth
            some = base > 0
            spread = base[some] * (grown[some] / base[some] - factors[age]) ** 2
            sigma[age] = spread.sum() / (have.sum() - 1)
    return factors, _last_sigma(sigma)


def _last_sigma(sigma: np.ndarray) -> np.ndarray:
    """Fill the steps that only one cohort has taken, as Mack does for the last."""
    sigma = sigma.copy()
    for age in np.flatnonzero(np.isnan(sigma)):
        one, two = (sigma[age - 1] if age > 0 else 0.0), (sigma[age - 2] if age > 1 else np.nan)
        extended = one if np.isnan(two) else min(one, two)
        if two > 0:
            extended = min(extended, one**2 / two)
        sigma[age] = extended
    return sigma


def _mack(
    full: np.ndarray,
    base: np.ndarray,
    reached: np.ndarray,
    factors: np.ndarray,
    sigma: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Return the standard error of each cohort's outstanding amount, and of the total."""
    count, ages = full.shape
    relative = np.where(factors > 0, sigma / factors**2, 0.0)
    squared, covariance = np.zeros(count), 0.0
    for cohort in range(count):
        steps = np.arange(reached[cohort] - 1, ages - 1)
        own = np.where(full[cohort, steps] > 0, 1 / full[cohort, steps], 0.0)
        squared[cohort] = full[cohort, -1] ** 2 * (relative[steps] * (own + 1 / base[steps])).sum()
        shared = (2 * relative[steps] / base[steps]).sum()
        covariance += full[cohort, -1] * full[cohort + 1 :, -1].sum() * shared
    return np.sqrt(squared), float(np.sqrt(squared.sum() + covariance))


def _increment_errors(
    full: np.ndarray,
    base: np.ndarray,
    reached: np.ndarray,
    factors: np.ndarray,
    sigma: np.ndarray,
) -> np.ndarray:
    """Return the standard error of each future increment, by the recursion behind Mack's formula."""
    known = np.zeros(len(full))  # variance of what has been projected so far
    result = np.zeros((len(full), len(factors)))
    for age, factor in enumerate(factors):
        ahead = reached <= age + 1
        amount = np.maximum(full[:, age], 0.0)
        step = sigma[age] * (amount + amount**2 / base[age])
        result[:, age] = np.where(ahead, np.sqrt((factor - 1) ** 2 * known + step), 0.0)
        known = np.where(ahead, factor**2 * known + step, 0.0)
    return result
