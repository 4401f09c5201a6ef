"""Each segment judged: within its limits, surely beyond one, or too small to say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from delinquency.evaluation import holm
from delinquency.monitoring._limits import Limits
from delinquency.monitoring._outcomes import completed

__all__ = ["judge_segments"]

_REACH = float(ndtri(0.975))
_EACH_BIN = 5  # Cochran's rule: fewer in a bin, and the chi-square is no guide
_EACH_KIND = 10  # bads, and goods; fewer, and log-odds and AUC are far from normal
_SURELY = 0.05
_COLUMNS = [
    *("segment", "question", "name", "n", "n_then", "bads", "promised"),
    *("figure", "low", "high", "noise", "limit", "p", "state"),
]


def judge_segments(
    shift: pd.DataFrame | None = None,
    outcomes: pd.DataFrame | None = None,
    then: pd.DataFrame | None = None,
    *,
    limits: Limits | None = None,
) -> pd.DataFrame:
    """Judge each segment by itself, and say which are too small to be judged.

    Parameters
    ----------
    shift : DataFrame, optional
        From `segment_stability`, of one snapshot date.
    outcomes : DataFrame, optional
        From `outcomes` with segments.
    then : DataFrame, optional
        The same of the snapshots of training, accounts that the scorer did not learn from. Without it
        rank order is not judged: inside a segment any score ranks less well than over all.
    limits : Limits, optional
        Those of the whole book.

    Returns
    -------
    DataFrame
        A row for each segment and ``question`` (``score_shift``, ``feature_shift``, ``calibration``,
        ``rank_order``): ``name`` (of the score or feature), ``n`` and ``n_then`` (accounts now, at
        training), ``bads`` and ``promised`` (where outcomes are judged), ``figure`` with its interval
        ``low`` to ``high``, ``noise`` (what chance alone gives or takes in 19 of 20 samples of this
        size), ``limit``, ``p`` (of chance, after Holm's correction over all segments of the question)
        and ``state``: ``"within"``, ``"beyond"`` or ``"too small"``.

    Notes
    -----
    A segment is ``beyond`` when it passes the limit and chance is ruled out. It is ``too small`` when it
    has fewer than five accounts a bin, or ten bads and ten goods, so that no approximation holds; and
    when its noise floor lies above the limit, so that nothing could clear it.

    Examples
    --------
    >>> table = pd.DataFrame({"segment": ["prime", "thin"], "n": [9000, 90], "bads": [460, 4]})
    >>> table = table.assign(expected=0.05, intercept=[0.02, -0.1], auc=0.8, auc_low=0.7)
    >>> table = table.assign(intercept_low=[-0.1, -1.1], intercept_high=[0.14, 0.9], auc_high=0.9)
    >>> judge_segments(outcomes=table)[["segment", "question", "noise", "limit", "state"]]
      segment     question  noise  limit      state
    0   prime  calibration   0.12   0.25     within
    1    thin  calibration   1.00   0.25  too small
    """
    limits = limits or Limits()
    parts = []
    if shift is not None and len(shift):
        parts += [_score(shift, limits), _features(shift, limits)]
    if outcomes is not None and len(outcomes):
        parts.append(_calibration(outcomes, limits))
        if then is not None and len(then):
            parts.append(_rank(outcomes, then, limits))
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=_COLUMNS)
    found = pd.concat([part.reindex(columns=_COLUMNS) for part in parts], ignore_index=True)
    return found.sort_values("segment", kind="stable", ignore_index=True)


def _score(shift: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    rows = shift[shift["kind"] == "score"]
    table = _of_index(rows, limits.score_psi).assign(question="score_shift")
    return _stated(table, table["low"] > limits.score_psi)


def _features(shift: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Judge each feature that the score leans on, and tell each segment by the worst of them."""
    rows = shift[(shift["kind"] == "feature") & ~(shift["use"] < limits.feature_use)]
    table = _of_index(rows, limits.feature_psi).assign(question="feature_shift")
    table = _stated(table, table["low"] > limits.feature_psi)
    # what is surely beyond comes first, then what is too small to be cleared
    rank = table["state"].map({"beyond": 0, "too small": 1, "within": 2})
    order = table.assign(rank=rank).sort_values(
        ["segment", "rank", "figure"], ascending=[True, True, False], kind="stable"
    )
    return order.drop_duplicates("segment").drop(columns="rank")


def _of_index(rows: pd.DataFrame, limit: float) -> pd.DataFrame:
    names = {"psi": "figure", "noise_95": "noise", "n_reference": "n_then"}
    table = rows.rename(columns={**names, "noise": "mean_noise"}).reset_index(drop=True)
    least = _EACH_BIN * table["bins"]
    return table.assign(limit=limit, enough=(table["n"] >= least) & (table["n_then"] >= least))


def _calibration(outcomes: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    table = (
        completed(outcomes)
        .reset_index(drop=True)
        .assign(question="calibration", limit=limits.log_odds)
    )
    table["promised"] = table["expected"] * table["n"]
    names = {"low": "intercept_low", "high": "intercept_high", "figure": "intercept"}
    table = table.assign(**{name: table[column] for name, column in names.items()})
    table["noise"] = (table["high"] - table["low"]) / 2
    table["p"] = 2 * ndtr(-(table["figure"] / table["noise"]).abs() * _REACH)
    table["enough"] = _both(table["promised"], table["n"])
    return _stated(table, table["figure"].abs() > limits.log_odds)


def _rank(outcomes: pd.DataFrame, then: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Hold the AUC of each segment against its own at training; both are known within chance only."""
    table = outcomes.merge(then, on="segment", how="left", suffixes=("", "_then"))
    table = table.assign(question="rank_order", promised=table["expected"] * table["n"])
    table = table.assign(figure=table["auc"], low=table["auc_low"], high=table["auc_high"])
    table["limit"] = table["auc_then"] - limits.auc_loss
    now, before = ((table[f"auc_high{of}"] - table[f"auc_low{of}"]) / 2 for of in ("", "_then"))
    table["noise"] = (now**2 + before**2) ** 0.5
    table["p"] = ndtr((table["figure"] - table["limit"]) / table["noise"] * _REACH)
    table["enough"] = _both(table["bads"], table["n"]) & _both(table["bads_then"], table["n_then"])
    return _stated(table, table["figure"] < table["limit"], floor=limits.auc_loss)


def _both(bads: pd.Series[Any], n: pd.Series[Any]) -> pd.Series[Any]:
    return (bads >= _EACH_KIND) & (n - bads >= _EACH_KIND)


def _stated(table: pd.DataFrame, far: Any, floor: float | None = None) -> pd.DataFrame:
    """Add ``state``: beyond the limit for sure, too small, or within; p-values are corrected."""
    p = table["p"].where(table["enough"]).to_numpy(dtype="float64")
    corrected = holm(p)
    limit = table["limit"] if floor is None else floor
    state = np.select(
        [
            ~table["enough"].to_numpy(dtype=bool),
            np.asarray(far, dtype=bool) & (corrected < _SURELY),
            (table["noise"] > limit).to_numpy(),
        ],
        ["too small", "beyond", "too small"],
        "within",
    )
    return table.assign(p=corrected, state=state)
