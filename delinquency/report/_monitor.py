"""What a monitoring page tells: whether the score is still true, and whether to train again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency import evaluation
from delinquency.monitoring import Limits, Reason
from delinquency.report._monitor_segments import BY_FAMILY, segment_section
from delinquency.report._sheet import Card, Grid, Picture, Section, Sheet

__all__ = ["draw_early", "draw_shift", "monitor_sheet"]

_TITLES = {
    "score_shift": "The score has shifted",
    "feature_shift": "Features have shifted",
    "missing_shift": "Missing values have changed",
    "calibration": "Promises are not kept",
    "rank_order": "The order is worse",
    "early_read": "Bads come in another number than expected",
    "segment_shift": "The score has shifted in a segment",
    "segment_feature_shift": "Features have shifted in a segment",
    "segment_calibration": "Promises to a segment are not kept",
    "segment_rank_order": "The order is worse in a segment",
}

_UNKNOWNS = (
    "Why something moved. A shift is a question for people who know what changed in products, policy, "
    "collections or data.",
    "What treatments did. Where collectors act on the score, an account that was helped never shows the "
    "outcome it was scored for.",
    "How the accounts that were refused, or have no outcome yet, would have looked.",
    "What the economy does next: the ranges here are those of chance alone, around today's promise.",
)


def draw_shift(table: pd.DataFrame, ax: Any, *, limit: float | None = None) -> Any:
    """Draw the index of the score by month, with its interval, the noise floor and the limit.

    Parameters
    ----------
    table : DataFrame
        ``snapshot_date, psi, low, high, noise_95``: the rows of one score.
    ax : matplotlib Axes
    limit : float, optional

    Returns
    -------
    matplotlib Axes
        The same ``ax``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame({"snapshot_date": ["2026-01-31"], "psi": 0.02, "low": 0.01})
    >>> table = table.assign(high=0.03, noise_95=0.004)
    >>> draw_shift(table, Figure().subplots()).get_xticklabels()[0].get_text()
    '2026-01'
    """
    place = np.arange(len(table))
    psi = table["psi"].to_numpy()
    reach = np.clip(np.array([psi - table["low"], table["high"] - psi]), 0, None)
    ax.errorbar(place, psi, reach, fmt="o", color="C0")
    ax.fill_between(
        [-0.5, len(table) - 0.5], 0, table["noise_95"].max(), color="C1", alpha=0.25, lw=0
    )
    if limit is not None:
        ax.axhline(limit, color="C1", ls=":", lw=1.4)
    top = max(float(table["high"].max()), limit or 0.0)
    ax.set(ylim=(0, top * 1.1 or 1), xlim=(-0.5, len(table) - 0.5), ylabel="stability index")
    return _months_below(ax, place, table["snapshot_date"])


def draw_early(table: pd.DataFrame, ax: Any) -> Any:
    """Draw the bads so far of young snapshots over the range in which they should lie.

    Parameters
    ----------
    table : DataFrame
        From `delinquency.monitoring.early_reads`.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same ``ax``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame(
    ...     {"snapshot_date": ["2026-05-31"], "bads": [12], "low": 4.0, "high": 11.0}
    ... )
    >>> draw_early(table, Figure().subplots()).get_xticklabels()[0].get_text()
    '2026-05'
    """
    place = np.arange(len(table))
    low, high = (table[name].to_numpy(dtype="float64") for name in ("low", "high"))
    ax.bar(place, high - low, bottom=low, width=0.5, color="C1", alpha=0.3)
    ax.plot(place, table["bads"], "o", color="C0")
    ax.set(ylim=(0, None), xlim=(-0.6, len(table) - 0.4), ylabel="bads so far")
    return _months_below(ax, place, table["snapshot_date"])


def _months_below(ax: Any, place: np.ndarray, dates: pd.Series[Any]) -> Any:
    step = max(-(-len(place) // 6), 1)
    names = [str(pd.Timestamp(day).date())[:7] for day in dates]
    ax.set_xticks(place[::step], names[::step])
    return ax


def monitor_sheet(
    *,
    as_of: str,
    reasons: Sequence[Reason],
    limits: Limits,
    stability: pd.DataFrame | None = None,
    drift: pd.DataFrame | None = None,
    outcomes: pd.DataFrame | None = None,
    segments: pd.DataFrame | None = None,
    early: pd.DataFrame | None = None,
    segment_stability: pd.DataFrame | None = None,
    segment_drift: pd.DataFrame | None = None,
    segment_verdicts: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
    manifest: Mapping[str, Any] | None = None,
) -> Sheet:
    """Return the page of a monitoring run.

    Parameters
    ----------
    as_of : str
    reasons, limits
        What was found, and against what.
    stability, drift, outcomes, segments, early, segment_... : DataFrame, optional
        Tables of `delinquency.monitoring`; parts that are None or empty are left out.
    notes : sequence of str
        What could not be judged, a sentence each.
    manifest : mapping, optional
    """
    sections = [_verdict(reasons)]
    if _some(stability) and _some(drift):
        sections.append(_shift(stability, drift, limits))
    if _some(outcomes):
        sections.append(_outcomes(outcomes))
    if _some(early):
        sections.append(_early(early))
    if _some(segments) or _some(segment_verdicts):
        tables = (segment_verdicts, segment_stability, segment_drift, segments)
        sections.append(segment_section(*tables, figures=_FIGURES))
    return Sheet(
        "Is the score still true?",
        as_of,
        sections,
        kicker="Monitoring",
        intro="Accounts of today against those of training, promises against what came.",
        numbers=_numbers(reasons, stability, outcomes),
        unknowns=[*notes, *_UNKNOWNS],
        manifest=manifest or {},
    )


def _some(table: pd.DataFrame | None) -> bool:
    return table is not None and len(table) > 0


def _verdict(reasons: Sequence[Reason]) -> Section:
    many = f"{len(reasons)} reasons" if len(reasons) > 1 else "One reason"
    answer = f"{many} to train again" if reasons else "No reason to train again was found"
    cards = [
        Card(_TITLES[r.code] + (f" (since {r.since})" if r.since else ""), r.en, r.zh)
        for r in reasons
    ]
    lead = (
        ()
        if reasons
        else ("Every figure that could be judged is within its limit or within chance.",)
    )
    return Section("verdict", "Train again?", answer, lead, cards)


def _numbers(
    reasons: Sequence[Reason], stability: pd.DataFrame | None, outcomes: pd.DataFrame | None
) -> list[tuple[str, str, str]]:
    found = [("Reasons to train again", str(len(reasons)), "an empty list means none")]
    if stability is not None and _some(stability):
        row = stability[stability["kind"] == "score"].iloc[-1]
        found.append(("Accounts", f"{row['n']:,}", f"{row['n_reference']:,} scores at training"))
        floor = f"by chance below {row['noise_95']:.4f}"
        found.append(("Shift of the score", f"{row['psi']:.3f}", floor))
    if outcomes is not None and _some(outcomes):
        row = outcomes.iloc[-1]
        month = f"{row['month']:%Y-%m}, the latest that matured"
        found.append(("AUC", f"{row['auc']:.3f}", month))
        promised = f"{row['expected'] * row['n']:,.0f} were promised"
        found.append(("Bads that came", f"{row['bads']:,}", promised))
    return found


_BY_FEATURE = {
    "name": ("Feature", "text"),
    "use": ("Use in the score", "share"),
    "psi": ("Index", "figure"),
    "low": ("from", "figure"),
    "high": ("to", "figure"),
    "noise_95": ("Chance below", "fine"),
    "missing_reference": ("Missing then", "share"),
    "missing": ("now", "share"),
}


def _shift(table: Any, drift: Any, limits: Limits) -> Section:
    scores = table[table["kind"] == "score"].reset_index(drop=True)
    latest = table["snapshot_date"] == table["snapshot_date"].max()
    now = table[latest & (table["kind"] == "feature")].sort_values("psi", ascending=False)
    families = drift[
        drift["snapshot_date"].isna() | (drift["snapshot_date"] == drift["snapshot_date"].max())
    ]
    last = scores.iloc[-1]
    beyond = (
        "more than chance gives" if last["psi"] > last["noise_95"] else "no more than chance gives"
    )
    picture = Picture(
        lambda ax: draw_shift(scores, ax, limit=limits.score_psi),
        "Shift of the score by month",
        "Stability index of the score against the training accounts, with 95% intervals. The shaded "
        "floor is what chance alone gives in 95 of 100 samples of this size; the dotted line is the limit.",
    )
    return Section(
        "shift",
        "Are the accounts the same?",
        f"The score has moved by {last['psi']:.3f}, {beyond}",
        pictures=[picture],
        grids=[
            Grid(families, BY_FAMILY, "By family of features, the latest snapshot"),
            Grid(now.head(12), _BY_FEATURE, "The features that moved most"),
        ],
    )


_FIGURES = {
    "n": ("Accounts", "count"),
    "bads": ("Bads", "count"),
    "bad_rate": ("Bad rate", "share"),
    "expected": ("Promised", "share"),
    "intercept": ("Log-odds off", "signed"),
    "intercept_low": ("from", "signed"),
    "intercept_high": ("to", "signed"),
    "auc": ("AUC", "figure"),
    "auc_low": ("from", "figure"),
    "auc_high": ("to", "figure"),
}


def _outcomes(table: Any) -> Section:
    missed = (table["intercept_low"] > 0) | (table["intercept_high"] < 0)
    held = len(table) - int(missed.sum())
    picture = Picture(
        lambda ax: evaluation.draw_months(table, ax),
        "Bad rate by month",
        "Bad rate by month of the snapshot, with 95% intervals, and the mean probability promised "
        "(dotted). Only snapshots whose time is over.",
    )
    answer = f"In {held} of {len(table)} matured months the promise was kept within chance"
    grid = Grid(table, {"month": ("Month", "month"), **_FIGURES})
    return Section("outcomes", "Were promises kept?", answer, pictures=[picture], grids=[grid])


def _early(table: Any) -> Section:
    outside = int(table["outside"].astype(bool).sum())
    answer = (
        "Young snapshots bring the bads that were to be expected by now"
        if not outside
        else f"{outside} of {len(table)} young snapshots lie outside what chance allows"
    )
    columns = {
        "snapshot_date": ("Snapshot", "day"),
        "age": ("Months old", "count"),
        "within": ("of", "count"),
        "n": ("Accounts", "count"),
        "expected": ("Promised in all", "count"),
        "share_expected": ("due by now", "share"),
        "expected_so_far": ("Expected so far", "count"),
        "low": ("from", "count"),
        "high": ("to", "count"),
        "bads": ("Came", "count"),
        "ratio": ("Times", "figure"),
    }
    picture = Picture(
        lambda ax: draw_early(table, ax),
        "Bads so far of young snapshots",
        "Bads so far (points) over the range in which chance would put them (bars), given the score's "
        "promise and the share of it that the roll rates let come by this age.",
    )
    return Section(
        "early",
        "What do young snapshots say?",
        answer,
        pictures=[picture],
        grids=[Grid(table, columns)],
    )
