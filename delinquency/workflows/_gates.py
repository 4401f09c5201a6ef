"""Gates: what a batch must pass before it is committed.

A gate holds a summary of the run (`Tally.summary`) against fixed limits, the run before, and what the bundle
says of the training sample. A gate that cannot be judged says so and does not pass silently for a check.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from delinquency import scoring
from delinquency.errors import GateError, InputError, Problem, did_you_mean

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

GATES = (
    "reconciliation",
    "refused",
    "rank_order",
    "levels",
    "shift_training",
    "shift_last",
    "quantiles_last",
    "missing_training",
    "missing_last",
)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class GateLimits:
    """How far a run may be from what was expected of it.

    Parameters
    ----------
    refused : float
        Greatest share of accounts refused, those that ended apart. A judgement: one in a hundred is a
        broken feed, not noise.
    psi_training : float
        Greatest population stability index of the bands against the training sample. 0.25 is where N.
        Siddiqi, "Credit Risk Scorecards", 2006, ch. 9, speaks of a shift that calls for action.
    psi_last : float
        The same, of the points against the last run: 0.10, his mark of a small shift, because a book
        moves little from run to run.
    noise : float
        Chance with which mere sampling may reach the limit. Of two samples of one population, PSI times
        ``n m / (n + m)`` follows a chi-square with one degree less than cells (B. Yurdakul and J.
        Naranjo, "Statistical properties of the population stability index", 2020); limits are never set
        below that quantile.
    quantile_pdo : float
        Farthest that the 5, 25, 50, 75 or 95 per cent point may move against the last run, in points
        to double the odds. A judgement: a half is a change of the odds by 41 per cent for everybody.
    missing : float
        Greatest rise of the share of accounts that miss a feature. A judgement.
    unknown_levels : float
        Greatest share of rows whose status is not one we know. A judgement.
    least : int
        Fewest accounts from which quantiles and ranks are judged.
    """

    refused: float = 0.01
    psi_training: float = 0.25
    psi_last: float = 0.10
    noise: float = 1e-4
    quantile_pdo: float = 0.5
    missing: float = 0.05
    unknown_levels: float = 0.001
    least: int = 100


@dataclass(frozen=True)
class Gate:
    """What one gate found: ``state`` is ``passed``, ``failed``, ``overridden`` or ``not judged``."""

    gate: str
    state: str
    what: str
    value: float | None = None
    limit: float | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for manifest and report."""
        return asdict(self)


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
    before = last if last and "distribution" in last else None
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
    now, before = _side_by_side(run, last)
    return _shift("shift_last", *_tenths(now, before), limits.psi_last, limits)


def _shift(
    name: str, now: Sequence[float], before: Sequence[float], limit: float, limits: GateLimits
) -> Gate:
    value, noise = psi(now, before), psi_noise(sum(now), sum(before), len(now), limits.noise)
    what = f"PSI {value:.3f} of the scores; sampling alone may bring {noise:.3f}"
    return _gate(name, value, round(max(limit, noise), 6), what)


def psi(now: Sequence[float], before: Sequence[float]) -> float:
    """Return the population stability index of two lists of counts; half a count fills an empty cell.

    Examples
    --------
    >>> round(psi([40, 60], [50, 50]), 4)
    0.0405
    """
    p, q = (np.maximum(np.asarray(c, dtype=float), 0.5) for c in (now, before))
    p, q = p / p.sum(), q / q.sum()
    return float(((p - q) * np.log(p / q)).sum())


def psi_noise(n: float, m: float, cells: int, chance: float) -> float:
    """Return the PSI that two samples of one population exceed with this chance.

    Examples
    --------
    >>> round(psi_noise(1000, 1000, 10, 0.05), 4)
    0.0338
    """
    from scipy.special import chdtri  # the inverse of the chi-square's upper tail

    return float(chdtri(max(cells - 1, 1), chance)) * (1 / max(n, 1) + 1 / max(m, 1))


def _side_by_side(
    run: Mapping[str, Any], last: Mapping[str, Any]
) -> tuple[dict[int, int], dict[int, int]]:
    cells = [entry["distribution"]["points"] for entry in (run, last)]
    now, before = ({int(cell): n for cell, n in part.items()} for part in cells)
    return now, before


def _tenths(now: dict[int, int], before: dict[int, int]) -> tuple[list[int], list[int]]:
    """Return both counts in about ten cells that hold equal shares of the run before."""
    edges = sorted({_quantile(before, k / 10) for k in range(1, 10)})
    counts = []
    for cells in (now, before):
        places = np.searchsorted(edges, np.array(list(cells)), side="right")
        counts.append(np.bincount(places, list(cells.values()), len(edges) + 1).tolist())
    return counts[0], counts[1]


def _quantile(cells: Mapping[int, int], share: float) -> int:
    places = sorted(cells)
    reached = np.cumsum([cells[place] for place in places])
    return places[int(np.searchsorted(reached, share * reached[-1]))]


def _quantiles(
    run: Mapping[str, Any],
    last: Mapping[str, Any] | None,
    scorer: scoring.Scorer,
    limits: GateLimits,
) -> Gate:
    if last is None:
        return _not_judged("quantiles_last", "there is no run to compare with")
    now, before = _side_by_side(run, last)
    if min(sum(now.values()), sum(before.values())) < limits.least:
        return _not_judged("quantiles_last", "too few accounts")
    step = run["distribution"]["points_step"]
    moves = [_quantile(now, q) - _quantile(before, q) for q in QUANTILES]
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


def override(gates: Iterable[Gate], reasons: Mapping[str, str]) -> list[Gate]:
    """Return the gates, those that failed and have a written reason as overridden.

    Raises
    ------
    InputError
        ``DLQ-219`` for a gate that does not exist or a reason that says nothing.
    """
    for name, reason in reasons.items():
        if name not in GATES:
            fix = did_you_mean(name, GATES) or f"one of {', '.join(GATES)}"
            raise InputError(Problem("DLQ-219", "no such gate", f"override.{name}", fix=fix))
        if not reason.strip():
            fix = f'write --override {name}="why, and who decided"'
            raise InputError(Problem("DLQ-219", "no reason given", f"override.{name}", fix=fix))
    return [
        Gate(**{**gate.as_dict(), "state": "overridden", "reason": reasons[gate.gate]})
        if gate.state == "failed" and gate.gate in reasons
        else gate
        for gate in gates
    ]


def failed(gates: Iterable[Gate], where: str) -> GateError | None:
    """Return the error of the gates that failed, None when none did.

    Raises
    ------
    GateError
        ``DLQ-307`` when no gate was there to pass: a run that nothing checked is not committed.
    """
    gates = list(gates)
    if not any(gate.state in ("passed", "overridden", "failed") for gate in gates):
        what = "no gate could be judged"
        raise GateError(Problem("DLQ-307", what, where, 0, "zero checks are a failure"))
    fix = "mend the input; or write down why it is right: --override {}=REASON"
    problems = [
        Problem(
            "DLQ-303" if gate.gate == "refused" else "DLQ-306",
            f"gate {gate.gate} failed: {gate.what}",
            where,
            fix=fix.format(gate.gate),
        )
        for gate in gates
        if gate.state == "failed"
    ]
    return GateError(*problems) if problems else None


def told(gates: Iterable[Gate]) -> str:
    """Return the gates as lines for people."""
    return "".join(
        f"{gate.state:<11} {gate.gate:<17} {gate.what}"
        + (f" ({gate.value:g}, at most {gate.limit:g})" if gate.value is not None else "")
        + (f" - {gate.reason}" if gate.reason else "")
        + "\n"
        for gate in gates
    )
