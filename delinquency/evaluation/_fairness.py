"""Whether a decision falls harder on some people than on others: an audit, never a feature.

Groups come from columns with the role ``audit_only``: they are joined to scores here, after the
fact. What the figures show needs a person's judgement; a ratio below a threshold is a question, not
a verdict.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.evaluation._door import flags, level_of, outcomes_and_scores, whole_of
from delinquency.evaluation._groups import groups_of, rate
from delinquency.evaluation._segments import by_segment

__all__ = ["by_group", "impact_ratios"]


def impact_ratios(
    favoured: Any, group: Any, *, reference: Any = None, least: int = 30, level: float = 0.95
) -> pd.DataFrame:
    """Return how often each group gets the favourable decision, against the most favoured one.

    Parameters
    ----------
    favoured : array-like of shape (n,)
        True where the decision favours the person: not called, not referred, offered a plan.
    group : array-like of shape (n,)
        Group of each account.
    reference : optional
        The group to hold others against; by default the one favoured most often, among groups with
        at least `least` accounts and 2% of all. A smaller group may then have a ratio above 1.
    least : int
        In smaller groups rates are left missing: they would be noise, and could point at a person.
    level : float
        Level of the interval of the ratio.

    Returns
    -------
    DataFrame
        ``group, n, favoured, favoured_rate, impact_ratio, impact_low, impact_high,
        below_four_fifths``. The last says that the ratio lies below 0.8, and is missing with it.

    Raises
    ------
    InputError
        ``DLQ-103`` when decisions are not true or false or the reference is unknown, ``DLQ-104``
        when values are missing, ``DLQ-108`` when no group has `least` accounts.

    Notes
    -----
    The four-fifths rule and the two per cent are those of the US "Uniform Guidelines on Employee
    Selection Procedures", 29 CFR 1607.4(D) and 1607.15(A)(2), widely borrowed for credit. The
    interval is that of a ratio of two shares on the log scale: Katz et al., Biometrics 34 (1978)
    469-474.

    Examples
    --------
    >>> favoured = [True] * 48 + [False] * 12 + [True] * 40 + [False] * 40
    >>> group = ["north"] * 60 + ["south"] * 80
    >>> impact_ratios(favoured, group).round(3)[["group", "favoured_rate", "impact_ratio"]]
       group  favoured_rate  impact_ratio
    0  north            0.8         1.000
    1  south            0.5         0.625
    """
    level, least = level_of(level), whole_of(least, "least", 1)
    chosen = flags(favoured, "favoured")
    names, codes = groups_of(group, len(chosen), "group")
    n = np.bincount(codes, minlength=len(names))
    lucky = np.bincount(codes, weights=chosen, minlength=len(names))
    share = np.where(n >= least, rate(lucky, n), np.nan)
    large = np.where(n >= 0.02 * len(chosen), share, np.nan)
    large = share if np.isnan(large).all() else large
    against = _reference(names, share, large, reference, least)
    ratio, low, high = _ratio(lucky, n, share, against, level)
    columns = {
        "group": names,
        "n": n,
        "favoured": lucky.astype("int64"),
        "favoured_rate": share,
        "impact_ratio": ratio,
        "impact_low": low,
        "impact_high": high,
        "below_four_fifths": pd.array(ratio < 0.8, dtype="boolean"),
    }
    table = pd.DataFrame(columns)
    table["below_four_fifths"] = table["below_four_fifths"].mask(np.isnan(ratio))
    return table


def _reference(
    names: pd.Index, share: np.ndarray, large: np.ndarray, reference: Any, least: int
) -> int:
    if np.isnan(share).all():
        what = f"no group has {least:,} accounts"
        raise InputError(Problem("DLQ-108", what, "group", fix="join groups, or lower least"))
    if reference is None:
        return int(np.nanargmax(large))
    position = names.get_indexer(pd.Index([reference]))[0]
    if position < 0 or np.isnan(share[position]):
        fix = did_you_mean(str(reference), map(str, names)) or "name a group with enough accounts"
        what = f"no group of at least {least:,} accounts has this name"
        raise InputError(Problem("DLQ-103", what, "reference", fix=fix))
    return int(position)


def _ratio(
    lucky: np.ndarray, n: np.ndarray, share: np.ndarray, against: int, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each group's ratio to the reference, with Katz's interval; the reference has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = share / share[against]
        spread = 1 / lucky - 1 / n + 1 / lucky[against] - 1 / n[against]
        reach = float(ndtri(0.5 + level / 2)) * np.sqrt(spread)
        low, high = ratio * np.exp(-reach), ratio * np.exp(reach)
    # nobody favoured: the ratio is 0 and the log scale says nothing of its upper end
    none = lucky == 0
    low, high = np.where(none, 0.0, low), np.where(none, np.nan, high)
    low[against] = high[against] = np.nan
    small = np.isnan(ratio)
    return ratio, np.where(small, np.nan, low), np.where(small, np.nan, high)


def by_group(
    y: Any,
    probability: Any,
    group: Any,
    *,
    favoured: Any,
    reference: Any = None,
    least: int = 30,
    simulations: int = 500,
) -> pd.DataFrame:
    """Audit a score and a decision by group: impact, mistakes and calibration, side by side.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 is bad, 0 is good.
    probability : array-like of shape (n,)
        Probability of bad.
    group : array-like of shape (n,)
        Group of each account, from an ``audit_only`` column.
    favoured : array-like of shape (n,)
        True where the decision favours the person.
    reference, least
        See `impact_ratios`.
    simulations : int
        Samples drawn for each group's noise band.

    Returns
    -------
    DataFrame
        The columns of `impact_ratios`; ``burdened_goods``, the share of the group's goods that were
        not favoured, and ``burdened_bads``; then those of `by_segment` but for ``segment, n``.
        Figures of groups with fewer than `least` accounts are missing.

    Raises
    ------
    InputError
        As `impact_ratios` and `by_segment`.

    Examples
    --------
    >>> y, p = [0, 1] * 50, [0.2, 0.6] * 50
    >>> audit = by_group(y, p, ["x"] * 50 + ["y"] * 50, favoured=[True, False] * 50)
    >>> audit[["group", "impact_ratio", "burdened_goods", "expected", "bad_rate"]].round(2)
      group  impact_ratio  burdened_goods  expected  bad_rate
    0     x           1.0             0.0       0.4       0.5
    1     y           1.0             0.0       0.4       0.5
    """
    labels, scores = outcomes_and_scores(y, probability, both=False)
    chosen = flags(favoured, "favoured")
    if len(chosen) != len(labels):
        what = f"{len(chosen):,} decisions for {len(labels):,} outcomes"
        raise InputError(Problem("DLQ-103", what, "favoured", fix="pass one for each outcome"))
    table = impact_ratios(chosen, group, reference=reference, least=least)
    _, codes = groups_of(group, len(labels), "group")
    for name, outcome in (("burdened_goods", 0), ("burdened_bads", 1)):
        n = np.bincount(codes[labels == outcome], minlength=len(table))
        burdened = np.bincount(codes[(labels == outcome) & ~chosen], minlength=len(table))
        table[name] = rate(burdened, n)
    figures = by_segment(labels, scores, group, simulations=simulations)
    table = table.join(figures.drop(columns=["segment", "n"]))
    table.loc[table["n"] < least, table.columns[8:]] = np.nan
    return table
