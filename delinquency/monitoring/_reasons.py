"""Whether to train again: a list of reasons, empty when there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from delinquency.monitoring import _words as words
from delinquency.monitoring._limits import Limits
from delinquency.monitoring._outcomes import completed
from delinquency.monitoring._words import day_of

__all__ = ["Reason", "retrain_reasons"]

_SHORT = {"score_shift": "shift"}


@dataclass(frozen=True)
class Reason:
    """One reason to train again.

    Parameters
    ----------
    code : str
        ``score_shift``, ``feature_shift``, ``missing_shift``, ``calibration``, ``rank_order``,
        ``early_read``; of one segment ``segment_shift``, ``segment_feature_shift``,
        ``segment_calibration`` or ``segment_rank_order``.
    figure, limit : float
        What was found, and what it may be.
    since : str
        First of the latest months that all say so, ``YYYY-MM-DD``; empty where months are taken together.
    en, zh : str
        In words.
    evidence : dict
        The figures behind it, as JSON content.
    """

    code: str
    figure: float
    limit: float
    since: str
    en: str
    zh: str
    evidence: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.en

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON content."""
        return asdict(self)


def retrain_reasons(
    *,
    stability: pd.DataFrame | None = None,
    outcomes: pd.DataFrame | None = None,
    segments: pd.DataFrame | None = None,
    early: pd.DataFrame | None = None,
    auc: float | None = None,
    limits: Limits | None = None,
) -> list[Reason]:
    """Return why to train again; an empty list says that no reason was found in what was given.

    Parameters
    ----------
    stability : DataFrame, optional
        From `stability`, of one snapshot date or several.
    outcomes : DataFrame, optional
        From `outcomes`, by month.
    segments : DataFrame, optional
        From `judge_segments`: what is surely beyond a limit is a reason, what is too small is none.
    early : DataFrame, optional
        From `early_reads`.
    auc : float, optional
        The AUC on accounts held out at training; without it rank order is no reason.
    limits : Limits, optional

    Returns
    -------
    list of Reason
        The latest month decides: what has passed is no reason any more.

    Examples
    --------
    >>> table = pd.DataFrame({"month": pd.to_datetime(["2026-01-31"]), "n": 900, "bads": 90})
    >>> table = table.assign(expected=0.06, intercept=0.46, intercept_low=0.3, intercept_high=0.6)
    >>> table = table.assign(auc=0.8, auc_low=0.75, auc_high=0.85)
    >>> reasons = retrain_reasons(outcomes=table)
    >>> reasons[0].code, reasons[0].since
    ('calibration', '2026-01-31')
    >>> print(reasons[0].zh)
    概率偏低：2026-01-31 快照实际坏户 90 个，预期 54.0 个（对数几率 +0.46，+0.30 至 +0.60；限值 ±0.25）。
    >>> retrain_reasons(outcomes=table.assign(intercept_low=-0.1))
    []
    """
    limits = limits or Limits()
    found: list[Reason] = []
    if stability is not None and len(stability):
        found += _shift_of_score(stability, limits)
        found += _shift_of_features(stability, limits)
        found += _shift_of_missing(stability, limits)
    if outcomes is not None and len(outcomes):
        found += _calibration(outcomes, limits)
        found += _rank_order(outcomes, auc, limits)
    if early is not None and len(early):
        found += _early(early, limits)
    if segments is not None and len(segments):
        found += _segments(segments)
    return found


def _since(
    table: pd.DataFrame, when: str, breach: Callable[[pd.DataFrame], Any], limits: Limits
) -> tuple[str, pd.Series[Any]] | None:
    """Return the start of the run of breaches that reaches the latest month, and that month's row."""
    rows = table.sort_values(when, kind="stable")
    flags = np.asarray(breach(rows), dtype=bool)
    run = len(flags) if flags.all() else int(np.argmin(flags[::-1]))
    if run < limits.in_a_row or not run:
        return None
    return day_of(rows[when].iloc[len(rows) - run]), rows.iloc[-1]


def _shift_of_score(table: pd.DataFrame, limits: Limits) -> list[Reason]:
    scores = table[table["kind"] == "score"]
    since = _since(scores, "snapshot_date", lambda t: t["low"] > limits.score_psi, limits)
    if since is None:
        return []
    row = since[1]
    said = words.score_shift(row, limits.score_psi)
    return [
        Reason("score_shift", float(row["psi"]), limits.score_psi, since[0], *said, _facts(row))
    ]


def _shift_of_features(table: pd.DataFrame, limits: Limits) -> list[Reason]:
    found = _moved(table, lambda t: t["low"] > limits.feature_psi, limits)
    if not found:
        return []
    row = max((row for _, row in found), key=lambda row: row["psi"])
    said = words.feature_shift(len(found), row, limits.feature_psi)
    figure, since = float(row["psi"]), min(start for start, _ in found)
    return [Reason("feature_shift", figure, limits.feature_psi, since, *said, _facts(row, found))]


def _shift_of_missing(table: pd.DataFrame, limits: Limits) -> list[Reason]:
    found = _moved(table, lambda t: _change(t) - _noise(t) > limits.missing, limits)
    if not found:
        return []
    row = max((row for _, row in found), key=_change)
    said = words.missing_shift(len(found), row, limits.missing)
    figure, since = float(_change(row)), min(start for start, _ in found)
    return [Reason("missing_shift", figure, limits.missing, since, *said, _facts(row, found))]


def _change(t: Any) -> Any:
    return abs(t["missing"] - t["missing_reference"])


def _noise(t: pd.DataFrame) -> Any:
    """Return three standard errors of the difference of two shares."""
    was, now = t["missing_reference"], t["missing"]
    return 3 * np.sqrt(was * (1 - was) / t["n_reference"] + now * (1 - now) / t["n"])


def _moved(
    table: pd.DataFrame, breach: Callable[[pd.DataFrame], Any], limits: Limits
) -> list[tuple[str, pd.Series[Any]]]:
    """Return the features in use whose latest months breach, each with its first such month."""
    used = table[(table["kind"] == "feature") & ~(table["use"] < limits.feature_use)]
    runs = [_since(part, "snapshot_date", breach, limits) for _, part in used.groupby("name")]
    return [run for run in runs if run is not None]


def _far(t: pd.DataFrame, limits: Limits) -> Any:
    """Return where probabilities are wrong by more than the limit, and surely wrong."""
    surely = (t["intercept_low"] > 0) | (t["intercept_high"] < 0)
    return (t["intercept"].abs() > limits.log_odds) & surely


def _calibration(table: pd.DataFrame, limits: Limits) -> list[Reason]:
    table = completed(table)
    since = _since(table, "month", lambda t: _far(t, limits), limits)
    if since is None:
        return []
    row = since[1]
    said = words.calibration(row, limits.log_odds)
    figure = float(row["intercept"])
    return [Reason("calibration", figure, limits.log_odds, since[0], *said, _facts(row))]


def _rank_order(table: pd.DataFrame, auc: float | None, limits: Limits) -> list[Reason]:
    if auc is None:
        return []
    least = auc - limits.auc_loss
    since = _since(table, "month", lambda t: t["auc_high"] < least, limits)
    if since is None:
        return []
    row = since[1]
    said = words.rank_order(row, auc, limits.auc_loss)
    facts = {**_facts(row), "auc_at_training": auc}
    return [Reason("rank_order", float(row["auc"]), least, since[0], *said, facts)]


def _early(table: pd.DataFrame, limits: Limits) -> list[Reason]:
    """Return a reason when immature snapshots part from their promise, told by the fullest of them."""
    ratio = table["ratio"].astype("float64")
    far = (ratio > limits.early_ratio) | (ratio < 1 / limits.early_ratio)
    found = table[far & table["outside"].astype(bool)]
    if len(found) < limits.in_a_row or not len(found):
        return []
    row = found.iloc[int(found["expected_so_far"].to_numpy(dtype="float64").argmax())]
    said = words.early_read(row, limits.early_ratio)
    since = day_of(found["snapshot_date"].min())
    figure = float(row["ratio"])
    return [Reason("early_read", figure, limits.early_ratio, since, *said, _facts(row))]


def _segments(table: pd.DataFrame) -> list[Reason]:
    """Return a reason for each question on a segment whose answer is surely beyond its limit."""
    return [
        Reason(
            f"segment_{_SHORT.get(row['question'], row['question'])}",
            float(row["figure"]),
            float(row["limit"]),
            "",
            *words.segment(row),
            _facts(row),
        )
        for _, row in table[table["state"] == "beyond"].iterrows()
    ]


def _facts(
    row: pd.Series[Any], found: list[tuple[str, pd.Series[Any]]] | None = None
) -> dict[str, Any]:
    """Return a row as JSON content, a missing number as None; and the features that moved with it."""
    facts = {str(name): _plain(value) for name, value in row.items()}
    if found is None:
        return facts
    return {**facts, "features": [str(entry["name"]) for _, entry in found][:20]}


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        return day_of(value)
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, (bool, int, float)) else str(value)
