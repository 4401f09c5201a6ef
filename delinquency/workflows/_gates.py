"""Gates: what a batch must pass before it is committed.

A gate holds a summary of the run (`Tally.summary`) against fixed limits, the run before, and what the bundle
says of the training sample. A gate that cannot be judged says so and does not pass silently for a check.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from delinquency import scoring
from delinquency.workflows._gate import GATES, Gate, GateLimits, failed, override, told
from delinquency.workflows._shift import psi, psi_noise, quantile, side_by_side, tenths

__all__ = [
    "GATES",
    "Gate",
    "GateLimits",
    "failed",
    "judge",
    "override",
    "told",
    "wrongly_refused",
]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def judge(
    run: Mapping[str, Any],
    scorer: scoring.Scorer,
    *,
    rows_written: Mapping[str, int],
    last: Mapping[str, Any] | None = None,
    limits: GateLimits | None = None,
) -> list[Gate]:
    """Return what each gate finds, in the order of `GATES`.

    Parameters
    ----------
    run : mapping
        Summary of the run.
    scorer : Scorer
        Says how the training sample lay.
    rows_written : mapping of str to int
        Rows of each table of the output, counted in the files.
    last : mapping, optional
        Manifest of the run before.
    limits : GateLimits, optional
        The default ones when not given.
    """
    limits = limits or GateLimits()
    # a run that scored nobody, let pass by an override, is nothing to compare with
    before = last if last and last.get("distribution", {}).get("points") else None
    return [
        _reconciled(run, rows_written),
        _refused(run, limits),
        _ranked(run, scorer, limits),
        _levels(run, limits),
        _against_training(run, scorer, limits),
        _against_last(run, before, limits),
        _quantiles(run, before, scorer, limits),
        _missing(run, _training_missing(scorer), "training", limits),
        _missing(run, None if before is None else _missing_of(before), "last", limits),
    ]


def _gate(name: str, value: float, limit: float, what: str) -> Gate:
    if not math.isfinite(value):  # what cannot be figured out is no pass
        return Gate(name, "failed", what, None, limit)
    return Gate(name, "failed" if value > limit else "passed", what, round(value, 6), limit)


def _not_judged(name: str, why: str) -> Gate:
    return Gate(name, "not judged", why)


def _reconciled(run: Mapping[str, Any], rows: Mapping[str, int]) -> Gate:
    counts = run["reconciliation"]
    off = abs(counts["read"] - counts["scored"] - counts["refused"])
    off += abs(rows["scores"] - counts["scored"]) + abs(rows["refused"] - counts["refused"])
    what = (
        f"{counts['read']:,} accounts read = {counts['scored']:,} scored + {counts['refused']:,} "
        f"refused; rows in the files: {rows['scores']:,} and {rows['refused']:,}"
    )
    if not counts["scored"]:
        return _gate("reconciliation", 1, 0, f"nobody was scored: {what}")
    return _gate("reconciliation", off, 0, what)


def wrongly_refused(why: Mapping[Any, int]) -> dict[str, int]:
    """Return the counts of refusals that something is wrong with: all but those of ended accounts."""
    return {str(name): n for name, n in why.items() if not str(name).startswith(scoring.ENDED)}


def _refused(run: Mapping[str, Any], limits: GateLimits) -> Gate:
    counts, why = run["reconciliation"], wrongly_refused(run["refused"])
    most = f", most often {max(why, key=lambda name: why[name])}" if why else ""
    ended = sum(run["refused"].values()) - sum(why.values())
    refused = counts["refused"] - ended
    what = f"{refused:,} of {counts['read']:,} accounts were refused{most}"
    return _gate("refused", refused / max(counts["read"], 1), limits.refused, what)


def _ranked(run: Mapping[str, Any], scorer: scoring.Scorer, limits: GateLimits) -> Gate:
    """A score that does not put those a month late above those up to date is upside down."""
    mean = [run["distribution"]["probability"].get(band) for band in scorer.bands.names]
    filled = [value for value in mean if value is not None]
    if filled != sorted(filled):
        return _gate("rank_order", 1, 0, "the mean probability does not rise from band to band")
    accounts = run["distribution"]["standing_accounts"]
    if min(accounts.get("current", 0), accounts.get("late", 0)) < limits.least:
        return _not_judged("rank_order", "too few accounts are late, or up to date")
    risk = run["distribution"]["standing"]
    what = f"mean probability {risk['late']:.1%} of the late, {risk['current']:.1%} of the others"
    return _gate("rank_order", float(risk["late"] <= risk["current"]), 0, what)


def _levels(run: Mapping[str, Any], limits: GateLimits) -> Gate:
    status = run["levels"]["status"]
    if not status["rows"]:
        return _not_judged("levels", "the months have no status")
    what = f"{status['unknown']:,} of {status['rows']:,} rows have a status that is not known"
    return _gate("levels", status["unknown"] / status["rows"], limits.unknown_levels, what)


def _against_training(run: Mapping[str, Any], scorer: scoring.Scorer, limits: GateLimits) -> Gate:
    name, counted = "shift_training", run["distribution"]["reference_points"]
    if scorer.reference is not None and counted:
        before = scorer.reference.points.counts.tolist()
        now = [counted.get(str(cell), 0) for cell in range(len(before))]
        filled = [cell for cell in range(len(before)) if now[cell] or before[cell]]
        pairs = [now[cell] for cell in filled], [before[cell] for cell in filled]
        return _shift(name, *pairs, limits.psi_training, limits)
    if not scorer.bands.counts:
        return _not_judged(name, "the bundle does not say how its training sample was spread")
    now = [run["distribution"]["bands"].get(band, 0) for band in scorer.bands.names]
    return _shift(name, now, scorer.bands.counts, limits.psi_training, limits)


def _against_last(
    run: Mapping[str, Any], last: Mapping[str, Any] | None, limits: GateLimits
) -> Gate:
    if last is None:
        return _not_judged("shift_last", "there is no run to compare with")
    now, before = side_by_side(run, last)
    return _shift("shift_last", *tenths(now, before), limits.psi_last, limits)


def _shift(
    name: str, now: Sequence[float], before: Sequence[float], limit: float, limits: GateLimits
) -> Gate:
    value, noise = psi(now, before), psi_noise(sum(now), sum(before), len(now), limits.noise)
    what = f"PSI {value:.3f} of the scores; sampling alone may bring {noise:.3f}"
    return _gate(name, value, round(max(limit, noise), 6), what)


def _quantiles(
    run: Mapping[str, Any],
    last: Mapping[str, Any] | None,
    scorer: scoring.Scorer,
    limits: GateLimits,
) -> Gate:
    if last is None:
        return _not_judged("quantiles_last", "there is no run to compare with")
    now, before = side_by_side(run, last)
    if min(sum(now.values()), sum(before.values())) < limits.least:
        return _not_judged("quantiles_last", "too few accounts")
    step = run["distribution"]["points_step"]
    moves = [quantile(now, q) - quantile(before, q) for q in QUANTILES]
    farthest = max(moves, key=abs)
    at = QUANTILES[moves.index(farthest)]
    # known to a cell of the histogram, so one cell is no move
    moved = max(abs(farthest) - step, 0) / scorer.scale.pdo
    what = f"the {at:.0%} point of the scores moved by {farthest:+d} points"
    return _gate("quantiles_last", moved, limits.quantile_pdo, what)


def _missing_of(run: Mapping[str, Any]) -> dict[str, float]:
    """Return the shares missing among the accounts that still ran."""
    why = run.get("refused", {})
    ended = sum(why.values()) - sum(wrongly_refused(why).values())
    accounts = max(run["reconciliation"]["read"] - ended, 1)
    return {name: n / accounts for name, n in run["distribution"]["missing"].items()}


def _training_missing(scorer: scoring.Scorer) -> dict[str, float] | None:
    """Return the shares missing in training where the bundle keeps them."""
    if scorer.reference is None:
        return None
    kept = scorer.reference.features.items()
    return {name: float(one.counts[-1] / max(one.n, 1)) for name, one in kept}


def _missing(
    run: Mapping[str, Any], before: Mapping[str, float] | None, against: str, limits: GateLimits
) -> Gate:
    name = f"missing_{against}"
    if before is None:
        return _not_judged(name, f"no shares of missing values to compare with ({against})")
    now = _missing_of(run)
    rises = {feature: now[feature] - before[feature] for feature in now if feature in before}
    if not rises:
        return _not_judged(name, "no feature stands in both")
    worst = max(rises, key=lambda feature: rises[feature])
    what = f'"{worst}" is missing for {now[worst]:.1%} of accounts, {before[worst]:.1%} before'
    return _gate(name, max(rises[worst], 0.0), limits.missing, what)
