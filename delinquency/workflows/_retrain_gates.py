"""The gates of a candidate: each a figure, a limit, and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from delinquency.evaluation import Comparison, holm
from delinquency.workflows._retrain_settings import Gates

__all__ = ["Gate", "decide"]


@dataclass(frozen=True)
class Gate:
    """One gate of a candidate.

    Parameters
    ----------
    name : str
        Such as ``"rank order"``.
    figure, limit : float
        What was found, and what was asked; each gate has its own unit, and its words say which way.
    passed : bool
    words : str
        The same as a sentence, without a full stop.
    """

    name: str
    figure: float
    limit: float
    passed: bool
    words: str


def decide(
    limits: Gates,
    figures: pd.DataFrame,
    compared: Mapping[str, Comparison],
    shift: Mapping[str, float],
    fairness: pd.DataFrame,
    overlap: float | None,
) -> list[Gate]:
    """Return every gate; a candidate is promoted when it passes all of them.

    Parameters
    ----------
    limits : Gates
    figures, fairness : DataFrame
        From `_retrain_compare.figures` and `_retrain_compare.fairness`.
    compared : mapping of str to Comparison
        From `_retrain_compare.compared`; without a champion there is none against it.
    shift : mapping of str to float
        Of the candidate's score, from its training to today: ``psi, low, high, noise_95``.
    overlap : float or None
        Share of the reasons that champion and candidate both give; None without a champion.
    """
    gates = [
        _rank(limits, figures, compared),
        _calibration(limits, figures),
        _stable(limits, shift),
    ]
    if "auc against champion" in compared and limits.must_gain:
        gates.insert(1, _gain(limits, compared))
    if len(fairness):
        gates.append(_fair(limits, fairness))
    if overlap is not None:
        passed = overlap >= limits.min_reason_overlap
        words = f"champion and candidate share {overlap:.0%} of the reasons they give"
        gates.append(Gate("reasons", overlap, limits.min_reason_overlap, passed, words))
    return gates


def _rank(limits: Gates, figures: pd.DataFrame, compared: Mapping[str, Comparison]) -> Gate:
    found = compared.get("auc against champion")
    if found is None:
        low = float(figures["auc_low"].iloc[0])
        words = f"AUC {figures['auc'].iloc[0]:.3f}, surely above {low:.3f}"
        return Gate("rank order", low, 0.5, low > 0.5, words)
    # nothing varies: the two scores rank alike
    low = 0.0 if np.isnan(found.low) else found.low
    words = (
        f"AUC {found.first:.4f} against {found.second:.4f}: {found.difference:+.4f}"
        f" ({found.low:+.4f} to {found.high:+.4f}), p {found.p:.3g}"
    )
    return Gate("rank order", low, -limits.max_auc_loss, low >= -limits.max_auc_loss, words)


def _gain(limits: Gates, compared: Mapping[str, Comparison]) -> Gate:
    rank, loss = compared["auc against champion"], compared["log-loss against champion"]
    p = holm(np.array([rank.p, loss.p]))
    better = [rank.difference > 0, loss.difference < 0]
    sure = [bool(one and value < limits.significance) for one, value in zip(better, p, strict=True)]
    gains = [float(value) for value, one in zip(p, better, strict=True) if one and value == value]
    figure = min(gains, default=1.0)
    words = (
        f"log-loss {loss.first:.4f} against {loss.second:.4f}: {loss.difference:+.4f}"
        f" ({loss.low:+.4f} to {loss.high:+.4f}); corrected p of a gain {figure:.3g}"
    )
    return Gate("gain", figure, limits.significance, any(sure), words)


def _calibration(limits: Gates, figures: pd.DataFrame) -> Gate:
    """Pass when the probabilities are near enough, not surely off, or nearer than the champion's."""
    table = {row["model"]: row for row in figures.to_dict("records")}
    row, theirs = table["candidate"], table.get("champion")
    off = float(row["intercept"])
    unsure = bool(row["intercept_low"] <= 0 <= row["intercept_high"])
    nearer = theirs is not None and abs(off) < abs(float(theirs["intercept"]))
    passed = abs(off) <= limits.max_log_odds or unsure or bool(nearer)
    words = (
        f"{row['bads']:,.0f} bads came, {row['expected']:,.1f} were promised: log-odds {off:+.2f}"
        f" ({row['intercept_low']:+.2f} to {row['intercept_high']:+.2f})"
    )
    if theirs is not None:
        words += f", the champion's {theirs['intercept']:+.2f}"
    return Gate("calibration", abs(off), limits.max_log_odds, passed, words)


def _stable(limits: Gates, shift: Mapping[str, float]) -> Gate:
    words = (
        f"its score has moved by {shift['psi']:.3f} ({shift['low']:.3f} to {shift['high']:.3f}) from its"
        f" training accounts to today's; chance stays below {shift['noise_95']:.4f}"
    )
    passed = shift["low"] <= limits.max_score_psi
    return Gate("stability", shift["psi"], limits.max_score_psi, passed, words)


def _fair(limits: Gates, fairness: pd.DataFrame) -> Gate:
    """Hold each attribute's least favoured group against 0.8, or the champion's where that is lower."""
    table = fairness.pivot(index="attribute", columns="model", values="impact_ratio")  # noqa: PD010
    least = np.full(len(table), 0.8)
    if "champion" in table:
        least = np.fmin(table["champion"].to_numpy(dtype="float64"), 0.8)
    # where nobody is spared there is no ratio, and what cannot be figured out is no pass
    short = least - table["candidate"].fillna(0.0).to_numpy(dtype="float64")
    worst = int(short.argmax())
    figure = float(table["candidate"].fillna(0.0).iloc[worst])
    words = (
        f"{table.index[worst]}: the least favoured group is spared {figure:.2f} times as often as the"
        f" most favoured"
    )
    limit = float(least[worst]) - limits.max_impact_fall
    return Gate("fairness", figure, limit, figure >= limit, words)
