"""Whether probabilities are true: one in five where they say 0.2."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc, expit, logit, ndtr, ndtri

from delinquency.evaluation._door import outcomes_and_scores, whole_of
from delinquency.evaluation._intervals import jeffreys

__all__ = ["TRUTH_FIGURES", "Calibration", "calibration"]

TRUTH_FIGURES = (
    "intercept",
    "intercept_low",
    "intercept_high",
    "slope",
    "log_loss",
    "brier",
    "ece",
)
"""The figures of `Calibration` that tables of several scores, segments or months show."""

_GROUPS_A_BIN = (
    200  # see _noise: the binomial draw of a group of neighbours stands for its accounts
)


@dataclass(frozen=True)
class Calibration:
    """Whether probabilities are true; see `calibration`.

    Parameters
    ----------
    n, bads : int
        Accounts, and bads among them.
    expected : float
        Sum of the probabilities: the bads they promised.
    intercept, intercept_low, intercept_high : float
        Log-odds to add to every probability to meet the number of bads; 0 is right, above 0 the
        probabilities are too low.
    slope, slope_low, slope_high : float
        Factor on the log-odds; 1 is right, below 1 the probabilities are too extreme. Missing when
        all probabilities are equal.
    brier : float
        Mean squared error, ``miscalibration - resolution + uncertainty`` exactly.
    miscalibration, resolution, uncertainty : float
        What recalibration would save, what ranking earns, and what the bad rate alone costs.
    log_loss : float
        Mean negative log-likelihood, in nats.
    ece, ece_noise_low, ece_noise_high : float
        Expected calibration error over the bins, and where 95% of samples of this size would put it
        if every probability were exactly true.
    hosmer_lemeshow, hosmer_lemeshow_p : float
        Chi-square over the bins and its p-value.
    spiegelhalter, spiegelhalter_p : float
        Spiegelhalter's Z and its two-sided p-value.
    table : DataFrame
        One row a bin, safest first: ``bin, n, bads, expected, observed, low, high, noise_low,
        noise_high``; ``low`` and ``high`` are the Jeffreys interval of the observed rate, the noise
        band is where a true probability would put it in 95% of samples.
    """

    n: int
    bads: int
    expected: float
    intercept: float
    intercept_low: float
    intercept_high: float
    slope: float
    slope_low: float
    slope_high: float
    brier: float
    miscalibration: float
    resolution: float
    uncertainty: float
    log_loss: float
    ece: float
    ece_noise_low: float
    ece_noise_high: float
    hosmer_lemeshow: float
    hosmer_lemeshow_p: float
    spiegelhalter: float
    spiegelhalter_p: float
    table: pd.DataFrame = field(repr=False, compare=False)

    @property
    def within_noise(self) -> bool:
        """Whether the calibration error is no larger than chance alone would make it."""
        return self.ece <= self.ece_noise_high

    def __str__(self) -> str:
        verdict = "within" if self.within_noise else "above"
        return (
            f"expected {self.expected:,.1f} bads, observed {self.bads:,}"
            f"  intercept {self.intercept:+.3f}"
            f" ({self.intercept_low:+.3f} to {self.intercept_high:+.3f})"
            f"  slope {self.slope:.3f} ({self.slope_low:.3f} to {self.slope_high:.3f})"
            f"  Brier {self.brier:.4f}  log-loss {self.log_loss:.4f}"
            f"  ECE {self.ece:.4f}, {verdict} the noise band"
            f" {self.ece_noise_low:.4f} to {self.ece_noise_high:.4f}"
        )


def calibration(
    y: Any,
    probability: Any,
    bins: int = 10,
    *,
    in_sample: bool = False,
    simulations: int = 2000,
    seed: int = 0,
) -> Calibration:
    """Say whether probabilities are true, and how much of the difference is chance.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 is bad, 0 is good.
    probability : array-like of shape (n,)
        Probability of bad, in [0, 1].
    bins : int
        Bins of about equal count; equal probabilities share a bin, so there may be fewer.
    in_sample : bool
        Whether the probabilities were fitted on these accounts; then Hosmer-Lemeshow has two
        degrees of freedom less than bins, else as many as bins.
    simulations : int
        Samples drawn for the noise band.
    seed : int
        Seed of these samples: the same input gives the same band.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        As `discrimination`, and ``DLQ-103`` for probabilities outside [0, 1].

    Notes
    -----
    Intercept (slope held at 1) and slope are those of a logistic regression of the outcome on the
    log-odds: Cox, Biometrika 45 (1958) 562-565; Van Calster et al., BMC Medicine 17 (2019) 230. For
    these and the log-loss, probabilities are held off 0 and 1 by 2.2e-16. The Brier score is
    decomposed with an isotonic fit, free of bins and exact: Dimitriadis, Gneiting and Jordan, PNAS
    118 (2021) e2016191118; being in-sample, its miscalibration is never below 0. Spiegelhalter,
    Statistics in Medicine 5 (1986) 421-433.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.beta(2, 6, size=5000)
    >>> result = calibration(rng.random(5000) < truth, truth)
    >>> result.within_noise
    True
    >>> result.table[["bin", "n", "bads", "expected", "observed"]].head(2).round(3)
       bin    n  bads  expected  observed
    0    1  500    32     0.053     0.064
    1    2  500    57     0.105     0.114
    """
    bins, simulations = whole_of(bins, "bins", 1), whole_of(simulations, "simulations", 1)
    labels, scores = outcomes_and_scores(y, probability)
    order = np.lexsort((labels, scores))  # sums must not depend on the order of rows
    labels, scores = labels[order], scores[order]
    table = _table(labels, scores, bins)
    rates, noise = _noise(scores, table["n"].to_numpy(), simulations, seed)
    table["noise_low"], table["noise_high"] = rates
    chi, chi_p = _hosmer_lemeshow(table, in_sample=in_sample)
    z = _spiegelhalter(labels, scores)
    return Calibration(
        n=len(labels),
        bads=int(labels.sum()),
        expected=float(scores.sum()),
        **_recalibration(labels, scores),
        **_brier(labels, scores),
        log_loss=_log_loss(labels, scores),
        ece=_ece(table["observed"].to_numpy(), table["expected"].to_numpy(), table["n"].to_numpy()),
        ece_noise_low=noise[0],
        ece_noise_high=noise[1],
        hosmer_lemeshow=chi,
        hosmer_lemeshow_p=chi_p,
        spiegelhalter=z,
        spiegelhalter_p=float(2 * ndtr(-abs(z))),
        table=table,
    )


def _table(y: np.ndarray, p: np.ndarray, bins: int) -> pd.DataFrame:
    """Count sorted accounts in bins of about equal size that never part equal probabilities."""
    wanted = np.ceil(np.arange(1, bins + 1) * len(p) / bins).astype("int64") - 1
    ends = np.unique(np.searchsorted(p, p[wanted], side="right"))
    starts = np.concatenate([[0], ends[:-1]])
    n, bads = ends - starts, np.add.reduceat(y, starts)
    low, high = jeffreys(bads, n)
    columns = {
        "bin": np.arange(1, len(n) + 1),
        "n": n,
        "bads": bads,
        "expected": np.add.reduceat(p, starts) / n,
        "observed": bads / n,
        "low": low,
        "high": high,
    }
    return pd.DataFrame(columns)


def _ece(observed: np.ndarray, expected: np.ndarray, n: np.ndarray) -> float:
    return float(np.abs(observed - expected) @ n / n.sum())


def _noise(
    p: np.ndarray, n: np.ndarray, simulations: int, seed: int
) -> tuple[np.ndarray, tuple[float, float]]:
    """Return 95% bands of each bin's rate and of the ECE when every probability is true.

    Bads of a bin are drawn exactly, account by account, in bins of up to 200 accounts; in larger
    ones up to 200 groups of neighbouring probabilities draw a binomial each, so the work does not
    grow with n.
    """
    rng = np.random.default_rng(seed)
    stops = np.cumsum(n)
    rates = np.empty((simulations, len(n)))
    expected = np.empty(len(n))
    for position, (stop, size) in enumerate(zip(stops, n, strict=True)):
        inside = p[stop - size : stop]
        cuts = np.linspace(0, size, min(size, _GROUPS_A_BIN) + 1).astype("int64")
        sizes = np.diff(cuts)
        means = np.clip(np.add.reduceat(inside, cuts[:-1]) / sizes, 0, 1)
        rates[:, position] = (
            rng.binomial(sizes, means, (simulations, len(sizes))).sum(axis=1) / size
        )
        expected[position] = inside.mean()
    errors = np.abs(rates - expected) @ n / n.sum()
    low, high = np.quantile(errors, [0.025, 0.975])
    return np.quantile(rates, [0.025, 0.975], axis=0), (float(low), float(high))


def _hosmer_lemeshow(table: pd.DataFrame, *, in_sample: bool) -> tuple[float, float]:
    n, expected = table["n"].to_numpy(), table["expected"].to_numpy()
    gap, spread = table["bads"].to_numpy() - n * expected, n * expected * (1 - expected)
    # a bin that promises 0 or 1 and keeps its word adds nothing
    kept = (spread == 0) & (gap == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        chi = float(np.where(kept, 0, gap**2 / spread).sum())
    freedom = len(n) - 2 * in_sample
    return chi, float(chdtrc(freedom, chi)) if freedom > 0 else math.nan


def _spiegelhalter(y: np.ndarray, p: np.ndarray) -> float:
    spread = float(((1 - 2 * p) ** 2) @ (p * (1 - p)))
    return float((y - p) @ (1 - 2 * p)) / math.sqrt(spread) if spread > 0 else math.nan


def _off_the_ends(p: np.ndarray) -> np.ndarray:
    edge = float(np.finfo("float64").eps)
    return np.clip(p, edge, 1 - edge)


def _log_loss(y: np.ndarray, p: np.ndarray) -> float:
    held = _off_the_ends(p)
    return float(-np.where(y == 1, np.log(held), np.log1p(-held)).mean())


def _brier(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    from sklearn.isotonic import isotonic_regression

    distinct, position = np.unique(p, return_inverse=True)
    n = np.bincount(position, minlength=len(distinct)).astype("float64")
    observed = np.bincount(position, weights=y, minlength=len(distinct)) / n
    fitted = isotonic_regression(observed, sample_weight=n)[position]
    brier, recalibrated = float(((y - p) ** 2).mean()), float(((y - fitted) ** 2).mean())
    uncertainty = float(y.mean() * (1 - y.mean()))
    return {
        "brier": brier,
        "miscalibration": brier - recalibrated,
        "resolution": uncertainty - recalibrated,
        "uncertainty": uncertainty,
    }


def _recalibration(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Return intercept (at slope 1) and slope on the log-odds, with 95% Wald intervals."""
    odds = logit(_off_the_ends(p))
    shift, shift_error = _newton(y, np.ones((len(y), 1)), odds)
    answer = _with_interval("intercept", float(shift[0]), float(shift_error[0]))
    if odds[0] == odds[-1]:
        return answer | _with_interval("slope", math.nan, math.nan)
    centred = odds - odds.mean()
    line, line_error = _newton(y, np.column_stack([np.ones(len(y)), centred]), np.zeros(len(y)))
    return answer | _with_interval("slope", float(line[1]), float(line_error[1]))


def _with_interval(name: str, value: float, error: float) -> dict[str, float]:
    reach = float(ndtri(0.975)) * error
    return {name: value, f"{name}_low": value - reach, f"{name}_high": value + reach}


def _newton(y: np.ndarray, x: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a logistic regression with an offset; return coefficients and standard errors.

    NaN where no finite fit exists, as when the log-odds part goods from bads without a miss.
    """
    beta = np.zeros(x.shape[1])
    missing = np.full(x.shape[1], np.nan)
    for _ in range(100):
        mean = expit(x @ beta + offset)
        information = (x * (mean * (1 - mean))[:, None]).T @ x
        if not np.linalg.cond(information) < 1e12:
            return missing, missing
        step = np.linalg.solve(information, x.T @ (y - mean))
        # a step of more than 5 log-odds overshoots where the curve is flat
        beta = beta + step * min(1.0, 5.0 / float(np.abs(step).max() or 1.0))
        if np.abs(step).max() < 1e-10:
            return beta, np.sqrt(np.diag(np.linalg.inv(information)))
    return missing, missing
