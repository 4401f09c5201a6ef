"""Did the challenger do better? Arms compared as they were assigned, by person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from delinquency import schema
from delinquency.errors import GateError, InputError, Problem, did_you_mean
from delinquency.evaluation._door import finite_of, level_of, whole_of

__all__ = ["compare_arms"]

_TOO_FEW = "wait for more outcomes, or check the column that names the arm"


def compare_arms(
    outcomes: Any,
    metric: str,
    *,
    arm: str = "arm",
    person: str = "person_id",
    control: str | None = None,
    guardrails: Mapping[str, float] | Sequence[str] = (),
    shares: Mapping[str, float] | None = None,
    planned: int = 10_000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare the arms of an experiment by intention to treat.

    Everybody counts on the arm they were assigned to, whether or not the treatment reached them, and
    with all their accounts: the unit is the person. Two intervals stand beside each difference.
    ``low`` and ``high`` hold at every look at once, so that one may look every day and stop when they
    leave zero; ``low_once`` and ``high_once`` are the usual ones, true only for a single look at a size
    fixed in advance.

    The first are the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas
    (Annals of Statistics 52, 2024), ``se * sqrt((n r + 1) / (n r) * log((n r + 1) / alpha^2))``, with r
    chosen so that they are narrowest at the planned number of persons.

    Parameters
    ----------
    outcomes : table
        One row an account or person: `arm`, `person`, the metric and the guardrails. Amounts of a
        person's accounts are added up. Nothing may be missing: who paid nothing has paid 0.
    metric : str
        Column of the money, or whatever is to rise.
    control : str, optional
        The arm compared with; the largest by default.
    guardrails : mapping of column to float, or sequence of columns
        What must not rise (complaints, contacts, breaches) and by how much it may at most; 0 if only
        named.
    shares : mapping, optional
        Shares as designed; then the sample ratio is tested first.
    planned : int
        Persons that the experiment is meant to have; fixed before it starts.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        One row a challenger and column: ``arm, column, role, n, mean, control_n, control_mean,
        difference, low, high, low_once, high_once, verdict``. The verdict on the metric is "better",
        "worse" or "open", on a guardrail "held", "broken" or "open", all from the interval that holds
        at every look.

    Raises
    ------
    InputError
        ``DLQ-102`` missing columns, ``DLQ-103`` a level or a planned size that is none, ``DLQ-186`` a
        limit that is no number, ``DLQ-104`` missing or infinite values, ``DLQ-175`` persons on two
        arms, ``DLQ-176`` fewer than two arms with two persons each.
    GateError
        ``DLQ-330`` arms that are not as large as designed (chi-square, p below 0.001): who is missing
        is not missing by chance, and no read-out is given.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "person_id": range(2000),
    ...         "arm": ["champion", "challenger"] * 1000,
    ...         "paid": [10.0, 12.0, 20.0, 25.0] * 500,
    ...         "complaints": [0, 0, 0, 1] * 500,
    ...     }
    ... )
    >>> read = compare_arms(log, "paid", control="champion", guardrails=["complaints"])
    >>> read[["column", "difference", "verdict"]].round(2).values.tolist()
    [['paid', 3.5, 'better'], ['complaints', 0.5, 'broken']]
    """
    level, planned = level_of(level), whole_of(planned, "planned", 1)
    limits = dict(guardrails) if isinstance(guardrails, Mapping) else dict.fromkeys(guardrails, 0.0)
    for name, limit in limits.items():
        finite_of(limit, f"guardrails.{name}", "a limit")
    columns = [metric, *limits]
    people = _by_person(schema.to_frame(outcomes, "outcomes"), columns, arm, person)
    sizes = people["arm"].value_counts()
    if len(sizes) < 2 or sizes.min() < 2:
        what = "expected at least two arms with at least two persons each"
        raise InputError(Problem("DLQ-176", what, f"outcomes.{arm}", len(sizes), _TOO_FEW))
    if shares is not None:
        _gate_ratio(sizes, shares)
    if control is None:  # of arms of one size the first by name, whichever row comes first
        control = min(map(str, sizes.index), key=lambda name: (-sizes[name], name))
    if control not in sizes.index:
        raise InputError(
            Problem("DLQ-176", "nobody is on the control arm", f"outcomes.{arm}", 0, "check names")
        )
    rows = [
        _row(people, control, challenger, column, limits.get(column), planned, level)
        for challenger in sorted(set(sizes.index) - {control})
        for column in columns
    ]
    return pd.DataFrame(rows)


def _by_person(table: pd.DataFrame, columns: list[str], arm: str, person: str) -> pd.DataFrame:
    problems = []
    for name in [arm, person, *columns]:
        if name not in table:
            fix = did_you_mean(name, map(str, table.columns)) or "add it or rename"
            problems.append(Problem("DLQ-102", f'column "{name}" is missing', "outcomes", 1, fix))
            continue
        values = table[name]
        wrong = values.isna().to_numpy()
        if name in columns:
            numbers = pd.to_numeric(values, errors="coerce").to_numpy("float64", na_value=np.nan)
            wrong = ~np.isfinite(numbers)
        if wrong.any():
            what = (
                f"values are missing or no numbers in {int(wrong.sum()):,} of {len(wrong):,} rows"
            )
            fix = "nobody may be left out: who paid nothing has paid 0"
            problems.append(Problem("DLQ-104", what, f"outcomes.{name}", int(wrong.sum()), fix))
    if problems:
        raise InputError(*problems)
    frame = pd.DataFrame({name: table[name].to_numpy("float64") for name in columns})
    frame["person"], frame["arm"] = table[person].to_numpy(), table[arm].astype(str).to_numpy()
    people = frame.groupby(["person", "arm"], sort=False, as_index=False).sum()
    twice = int(people["person"].duplicated().sum())
    if twice:
        what = f"{twice:,} persons are on two arms"
        fix = "assign by person, not by account"
        raise InputError(Problem("DLQ-175", what, f"outcomes.{arm}", twice, fix))
    return people


def _gate_ratio(sizes: pd.Series, shares: Mapping[str, float]) -> None:
    seen = np.array([float(sizes.get(arm, 0)) for arm in shares])
    due = np.array(list(shares.values())) / sum(shares.values()) * seen.sum()
    p = chi2.sf(((seen - due) ** 2 / due).sum(), len(seen) - 1)
    if p < 0.001 or set(sizes.index) - set(shares):
        what = f"the arms are not as large as designed (chi-square p = {p:.2g})"
        fix = "find out who is missing, or on which arm nobody knew of, before reading anything"
        raise GateError(Problem("DLQ-330", what, "outcomes", int(seen.sum()), fix))


def _row(
    people: pd.DataFrame,
    control: str,
    challenger: str,
    column: str,
    limit: float | None,
    planned: int,
    level: float,
) -> dict[str, Any]:
    one = people.loc[people["arm"] == challenger, column].to_numpy()
    two = people.loc[people["arm"] == control, column].to_numpy()
    difference = float(one.mean() - two.mean())
    error = float(np.sqrt(one.var(ddof=1) / len(one) + two.var(ddof=1) / len(two)))
    always = error * _stretch(len(one) + len(two), planned, 1 - level)
    once = error * float(norm.ppf(1 - (1 - level) / 2))
    low, high = difference - always, difference + always
    if limit is None:
        verdict = "better" if low > 0 else "worse" if high < 0 else "open"
    else:
        verdict = "broken" if low > limit else "held" if high <= limit else "open"
    return {
        "arm": challenger,
        "column": column,
        "role": "metric" if limit is None else "guardrail",
        "n": len(one),
        "mean": float(one.mean()),
        "control_n": len(two),
        "control_mean": float(two.mean()),
        "difference": difference,
        "low": low,
        "high": high,
        "low_once": difference - once,
        "high_once": difference + once,
        "verdict": verdict,
    }


def _stretch(n: int, planned: int, alpha: float) -> float:
    """Return how many standard errors wide the interval is that holds at every look.

    At the planned size it is narrowest: 2.9 where a single look takes 1.96.
    """
    rate = (-2 * np.log(alpha) + np.log(1 - 2 * np.log(alpha))) / planned
    seen = n * rate
    return float(np.sqrt((seen + 1) / seen * np.log((seen + 1) / alpha**2)))
