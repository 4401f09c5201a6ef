"""What would another policy have brought? An answer from the log of the present one, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.base import clone

from delinquency import schema
from delinquency.errors import GateError, InputError, Problem, did_you_mean
from delinquency.evaluation._door import level_of, whole_of
from delinquency.evaluation._policy_log import Log, admit_log, admit_policy, wanted_of

__all__ = ["PolicyValue", "policy_value"]

ESTIMATORS = ("dm", "ips", "snips", "dr")
LEAST_EFFECTIVE = 100


@dataclass(frozen=True)
class PolicyValue:
    """The value of a policy an account, with an interval, and how much of the log bears on it.

    Attributes
    ----------
    value, low, high : float
        Mean outcome a row had the policy decided, and its interval over persons.
    effective_size : float
        ``(sum w)^2 / sum w^2``: as many rows as an experiment of the policy itself would need.
    logged : float
        Mean outcome of the log as it was.
    estimator : str
        Which estimator.
    n, persons : int
        Rows and persons.
    overlap : DataFrame
        ``cell, treatment, needed, logged, effective_size, largest_weight``: for each cell, the share of
        its rows that the policy treats so, and what the log holds of it.
    """

    value: float
    low: float
    high: float
    effective_size: float
    logged: float
    estimator: str
    n: int
    persons: int
    overlap: pd.DataFrame = field(repr=False)


def policy_value(
    log: Any,
    policy: Any,
    estimator: str = "dr",
    *,
    treatment: str = "treatment",
    reward: str = "reward",
    propensity: str = "propensity",
    person: str = "person_id",
    features: Sequence[str] | None = None,
    cells: Sequence[str] = (),
    model: Any = None,
    folds: int = 5,
    bootstrap: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> PolicyValue:
    """Estimate what a policy brings, from a log of another one whose propensities are known.

    Parameters
    ----------
    log : table
        One row a decision: `treatment` as it was given, its `propensity` (the chance it had at the time),
        the `reward` that followed, the `person` (rows stand for themselves without it), and what was
        known.
    policy : array-like, table, str or callable
        The treatment of each row; or a table of probabilities with one column a treatment; or the column
        of the log that holds the treatment; or a function of the log that returns one of these. Learn
        the policy on other persons than those of the log.
    estimator : {"dr", "dm", "ips", "snips"}
        Doubly robust; direct (a model of the reward alone: only as true as the model, and its interval
        leaves the model's own error out); inverse propensity; the same self-normalised.
    features : sequence of str, optional
        What the model of the reward may use: numbers that were known before the treatment, for what came
        after it would show the model the answer. By default all numeric columns not named otherwise,
        but ids, protected attributes and what `CollectionsSimulator` and plans call an outcome (``paid,
        cost, complaint, collected, recovered, cured, rolled, bad, value``).
    cells : sequence of str
        Columns, such as stage and band, in each of which the treatments needed must have been logged.
    model : regressor, optional
        Cloned and fitted for each treatment; boosted trees by default.
    folds : int
        The model that judges a person never saw that person.
    bootstrap : int
        Resamples of persons behind the interval.
    level, seed
        Of the interval; of the resamples.

    Returns
    -------
    PolicyValue

    Raises
    ------
    InputError
        ``DLQ-102`` missing columns, ``DLQ-103`` a setting that makes no sense or features that are no
        numbers, ``DLQ-104`` missing values, ``DLQ-110`` a protected attribute among the features,
        ``DLQ-180`` propensities outside (0, 1], ``DLQ-181`` a policy of the wrong shape, with treatments
        missing or columns that repeat, or probabilities that do not add up to 1.
    GateError
        ``DLQ-331`` a treatment that the policy needs was never logged in a cell; ``DLQ-332`` an effective
        size below 100. Both name the cells: there the log cannot say anything.

    Examples
    --------
    A call is worth 2 for the large debts and nothing for the small; both were tried at random:

    >>> rng = np.random.default_rng(0)
    >>> large = rng.random(4000) < 0.5
    >>> called = rng.random(4000) < 0.5
    >>> log = pd.DataFrame(
    ...     {
    ...         "treatment": np.where(called, "agent_call", "no_action"),
    ...         "propensity": 0.5,
    ...         "reward": 1 + 2.0 * (large & called) + rng.normal(0, 1, 4000),
    ...         "large": large.astype(float),
    ...     }
    ... )
    >>> best = policy_value(log, np.where(large, "agent_call", "no_action"), bootstrap=100)
    >>> best.low < 2 < best.high
    True
    >>> policy_value(log, ["field_visit"] * 4000)
    Traceback (most recent call last):
        ...
    delinquency.errors.GateError: DLQ-331 log: "field_visit" is needed and was never logged in 1 cell...
    """
    if estimator not in ESTIMATORS:
        fix = did_you_mean(estimator, ESTIMATORS) or "one of " + ", ".join(ESTIMATORS)
        raise InputError(Problem("DLQ-103", "unknown estimator", "estimator", fix=fix))
    level, bootstrap = level_of(level), whole_of(bootstrap, "bootstrap", 2)
    folds = whole_of(folds, "folds", 2)
    table = pd.DataFrame(log) if isinstance(log, Mapping) else schema.to_frame(log, "log")
    chosen = admit_policy(policy, table, treatment)
    names = {"treatment": treatment, "reward": reward, "propensity": propensity, "person": person}
    known = admit_log(table, names, features, tuple(cells))
    wanted, known = wanted_of(chosen, known)
    weight = wanted[np.arange(len(wanted)), known.treatment] / known.propensity
    overlap = _overlap(known, wanted, weight)
    _refuse_unseen(overlap, weight)
    top, bottom = _parts(estimator, known, wanted, weight, model, folds)
    value, low, high = _interval(top, bottom, known.person, bootstrap, level, seed)
    size = float(weight.sum() ** 2 / (weight**2).sum())
    persons = int(known.person.max()) + 1
    logged = float(known.reward.mean())
    return PolicyValue(value, low, high, size, logged, estimator, len(weight), persons, overlap)


def _overlap(known: Log, wanted: np.ndarray, weight: np.ndarray) -> pd.DataFrame:
    rows = []
    for cell, label in enumerate(known.cells):
        inside = known.cell == cell
        for number, name in enumerate(known.names):
            logged = inside & (known.treatment == number)
            w = weight[logged]
            square = float((w**2).sum())
            rows.append(
                {
                    "cell": label,
                    "treatment": name,
                    "needed": float(wanted[inside, number].mean()),
                    "logged": int(logged.sum()),
                    "effective_size": float(w.sum() ** 2 / square) if square else 0.0,
                    "largest_weight": float(w.max(initial=0.0)),
                }
            )
    return pd.DataFrame(rows)


def _refuse_unseen(overlap: pd.DataFrame, weight: np.ndarray) -> None:
    unseen = overlap[(overlap["needed"] > 0) & (overlap["logged"] == 0)]
    problems = []
    for name, rows in unseen.groupby("treatment", sort=True):
        cells = ", ".join(f'"{cell}"' for cell in rows["cell"].iloc[:5])
        unit = "cell" if len(rows) == 1 else "cells"
        what = f'"{name}" is needed and was never logged in {len(rows):,} {unit}: {cells}'
        fix = "let the policy keep to what was tried there, or try it on a few at random"
        problems.append(Problem("DLQ-331", what, "log", len(rows), fix))
    total = float((weight**2).sum())
    size = float(weight.sum() ** 2 / total) if total else 0.0
    if not problems and size < LEAST_EFFECTIVE:
        thin = overlap[overlap["needed"] > 0].sort_values("effective_size", kind="stable")
        cells = ", ".join(f'"{c}": {t}' for c, t in thin[["cell", "treatment"]].values[:5])
        what = f"the effective size is {size:.0f}, below {LEAST_EFFECTIVE}; thinnest in {cells}"
        fix = "log more decisions like the policy's, or ask about a policy nearer to the log"
        problems.append(Problem("DLQ-332", what, "log", int(size), fix))
    if problems:
        raise GateError(*problems)


def _parts(
    estimator: str, known: Log, wanted: np.ndarray, weight: np.ndarray, model: Any, folds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each row adds above and below the line of the estimate."""
    one = np.ones(len(weight))
    if estimator == "ips":
        return weight * known.reward, one
    if estimator == "snips":
        return weight * known.reward, weight
    expected = _expected(known, model, folds)
    direct = (wanted * np.where(wanted > 0, expected, 0.0)).sum(axis=1)
    if estimator == "dm":
        return direct, one
    own = expected[np.arange(len(weight)), known.treatment]
    return direct + weight * (known.reward - own), one


def _expected(known: Log, model: Any, folds: int) -> np.ndarray:
    """Return the reward expected under each treatment, by models that never saw the person."""
    if model is None:
        model = LGBMRegressor(
            n_estimators=80,
            num_leaves=15,
            min_child_samples=30,
            learning_rate=0.08,
            n_jobs=1,
            random_state=0,
            verbose=-1,
        )
    share = schema.hash_share(known.person, "policy_value")
    fold = (share * folds).astype(int)
    expected = np.zeros((len(fold), len(known.names)))
    for number in range(len(known.names)):
        mine = known.treatment == number
        for out in range(folds):
            learn, judge = mine & (fold != out), fold == out
            if not judge.any() or not mine.any():
                continue
            # too few to learn from: their mean, or the mean of the others, is no worse
            base = known.reward[learn if learn.any() else fold != out]
            if known.features.shape[1] == 0 or learn.sum() < 30:
                expected[judge, number] = base.mean() if len(base) else 0.0
                continue
            learner: Any = clone(model)
            fitted = learner.fit(known.features[learn], known.reward[learn])
            expected[judge, number] = fitted.predict(known.features[judge])
    return expected


def _interval(
    top: np.ndarray, bottom: np.ndarray, person: np.ndarray, times: int, level: float, seed: int
) -> tuple[float, float, float]:
    """Return the ratio of sums and its bootstrap-t interval over resampled persons.

    Amounts are skewed, and a weight makes them more so: percentiles of the ratio itself then cover less
    than they say. Percentiles of the ratio over its own standard error do not (Efron, 1981).
    """
    above, below = np.bincount(person, top), np.bincount(person, bottom)
    rng, count = np.random.default_rng(seed), len(above)
    value, error = _ratio(above, below)
    drawn = np.empty(times)
    for turn in range(times):
        who = rng.integers(0, count, count)
        other, its_error = _ratio(above[who], below[who])
        drawn[turn] = (other - value) / its_error if its_error else 0.0
    first, last = np.quantile(drawn, [(1 - level) / 2, 1 - (1 - level) / 2])
    return value, float(value - last * error), float(value - first * error)


def _ratio(above: np.ndarray, below: np.ndarray) -> tuple[float, float]:
    """Return a ratio of sums and its standard error, by linearisation."""
    whole = max(float(below.sum()), 1e-300)
    value = float(above.sum()) / whole
    return value, float(np.sqrt(((above - value * below) ** 2).sum())) / whole
