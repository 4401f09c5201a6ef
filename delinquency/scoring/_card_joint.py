"""The card whose bins are weighed together: an additive logistic model of monotone steps.

A bin's weight of evidence says what the bin means alone. Beside nineteen other characteristics it means
something else, and one weight for all bins of a characteristic cannot say it. Here each bin has a log-odds
of its own, all are fitted at once, and those of a characteristic go one way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import isotonic_regression

from delinquency.scoring._card_woe import level_of

__all__ = ["Candidate", "forward_joint"]


@dataclass(frozen=True)
class Candidate:
    """A characteristic that may enter.

    Parameters
    ----------
    codes : ndarray (n,)
        Bin of each row, missing last.
    size : int
        Bins, missing included.
    rises : bool
        Whether risk rises from bin to bin.
    says_missing : bool
        Whether enough were missing for missing to mean anything.
    """

    codes: np.ndarray
    size: int
    rises: bool
    says_missing: bool

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of values in each bin."""
        return np.bincount(self.codes, values, self.size)

    def step(
        self, score: np.ndarray, residual: np.ndarray, spread: np.ndarray, ridge: float
    ) -> np.ndarray:
        """Return better log-odds of the bins: one Newton step, drawn to 0, made monotone."""
        wanted = (residual + spread * score) / (spread + ridge)
        known = isotonic_regression(
            wanted[:-1], sample_weight=spread[:-1] + ridge, increasing=self.rises
        )
        return np.append(known, wanted[-1] if self.says_missing else 0.0)


def forward_joint(
    candidates: list[Candidate],
    bad: np.ndarray,
    weight: np.ndarray,
    alike: np.ndarray,
    *,
    most: int,
    ridge: float,
    min_gain: float,
) -> tuple[list[int], list[np.ndarray], float]:
    """Take characteristics one by one, the one that would raise the likelihood most first.

    Parameters
    ----------
    candidates : list of Candidate
        What may enter.
    bad, weight : ndarray (n,)
        Outcome and sample weight.
    alike : bool array (candidates, candidates)
        Which ones are too alike to stand on one card.
    most : int
        Most characteristics.
    ridge : float
        Penalty on the squared log-odds of a bin, in cases of one bit of information each.
    min_gain : float
        Least gain in penalised log-likelihood at which one still enters.

    Returns
    -------
    order, scores, intercept
        Chosen candidates as they entered, the log-odds of their bins, and that of everybody.

    Notes
    -----
    Backfitting with Newton steps, pooled by isotonic regression (Hastie and Tibshirani, "Generalized
    Additive Models", 1990, chapter 6). The intercept takes up the mean.
    """
    z = np.full(len(bad), level_of(bad, weight))
    card: dict[int, np.ndarray] = {}
    while len(card) < most:
        gain, best = _most_wanted(candidates, card, z, bad, weight, alike, ridge)
        if gain < min_gain:
            break
        card[best] = np.zeros(candidates[best].size)
        z = _backfit(candidates, card, z, bad, weight, ridge, rounds=2)
    z = _backfit(candidates, card, z, bad, weight, ridge, rounds=10)
    spoken = {k: score for k, score in card.items() if np.ptp(score) > 0}
    intercept = float((z - sum(s[candidates[k].codes] for k, s in card.items())).mean())
    return list(spoken), list(spoken.values()), intercept


def _most_wanted(
    candidates: list[Candidate],
    card: dict[int, np.ndarray],
    z: np.ndarray,
    bad: np.ndarray,
    weight: np.ndarray,
    alike: np.ndarray,
    ridge: float,
) -> tuple[float, int]:
    """Return the greatest gain that one more characteristic promises, and which."""
    p = 1 / (1 + np.exp(-z))
    residual, spread = weight * (bad - p), weight * p * (1 - p)
    found = (-np.inf, -1)
    for number, candidate in enumerate(candidates):
        if number in card or alike[number, list(card)].any():
            continue
        g, h = candidate.sums(residual), candidate.sums(spread)
        score = candidate.step(np.zeros(candidate.size), g, h, ridge)
        gain = float(g @ score - (h + ridge) @ score**2 / 2)
        if gain > found[0]:
            found = (gain, number)
    return found


def _backfit(
    candidates: list[Candidate],
    card: dict[int, np.ndarray],
    z: np.ndarray,
    bad: np.ndarray,
    weight: np.ndarray,
    ridge: float,
    rounds: int,
) -> np.ndarray:
    """Improve the scores of a card in place, and return the log-odds of all rows."""
    for _ in range(rounds):
        for k in card:
            p = 1 / (1 + np.exp(-z))
            residual = candidates[k].sums(weight * (bad - p))
            spread = candidates[k].sums(weight * p * (1 - p))
            score = candidates[k].step(card[k], residual, spread, ridge)
            z = z + (score - card[k])[candidates[k].codes]
            card[k] = score
        p = 1 / (1 + np.exp(-z))
        z = z + (weight @ (bad - p)) / max(weight @ (p * (1 - p)), 1e-12)
    return z
