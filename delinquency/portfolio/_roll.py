"""Roll rates: where accounts stand, and where they stand some months later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from delinquency.buckets import BucketScheme
from delinquency.errors import InputError, Problem
from delinquency.portfolio._standing import Standing, ahead, grouped, standing_of
from delinquency.schema import as_date

__all__ = ["chain_check", "flow_rates", "roll_rates", "wide"]


def roll_rates(
    months: Any,
    by: str = "count",
    *,
    step: int = 1,
    buckets: str | Sequence[int] | BucketScheme = "generic",
    groups: str | Sequence[str] | None = None,
    cohort: str | None = None,
    accounts: Any = None,
    since: Any = None,
    until: Any = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Say which share of each bucket stands in each state some months later.

    Every account that is seen in both months counts, jumps over several buckets included. Exits
    (paid off, closed, sold, charged off) are states; an account that stops without a status goes to
    ``"left"`` and never vanishes from the denominator. A month that the book has not reached is not counted,
    nor is a hole in an account (how many: ``attrs["holes"]``).

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`.
    by : {"count", "balance"}
        Weight of an account: 1, or its balance at the start (0 where that is missing or negative).
    step : int
        Months between the two looks.
    buckets : {"generic", "cn_m", "cn_stage"}, sequence of int, or BucketScheme
        See `delinquency.buckets.scheme_of`.
    groups : str or sequence of str, optional
        Columns of months or accounts: one matrix for each combination.
    cohort : {"M", "Q", "Y"}, optional
        One matrix for each opening month, quarter or year; needs ``opened``.
    accounts : table, optional
        Where grouping columns come from when months lack them.
    since, until : date, optional
        First and last date of the earlier month, both included.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        Grouping columns, then ``from_bucket``, ``to_bucket`` (ordered categoricals), ``n`` (accounts),
        ``rate`` (share of the row's weight; missing when nobody stood there), ``low``, ``high``. The
        interval is that of a Dirichlet posterior with a prior of one account spread over the states
        (Perks); by balance, an account counts by the effective size ``(sum w)^2 / sum w^2``.
        ``attrs`` keep scheme, weight, step and holes.

    Raises
    ------
    InputError
        What `delinquency.schema.admit` finds; ``DLQ-217`` for settings that make no sense;
        ``DLQ-100`` when no account is seen twice.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 1, 2, 2],
    ...         "month": ["2026-01", "2026-02"] * 2,
    ...         "days_past_due": [0, 0, 0, 31],
    ...     }
    ... )
    >>> rates = roll_rates(months)
    >>> rates[rates["n"] > 0][["from_bucket", "to_bucket", "n", "rate"]]
      from_bucket to_bucket  n  rate
    0           0         0  1   0.5
    2           0     30-59  1   0.5
    """
    _check(by, step, level)
    standing = standing_of(months, buckets)
    rows, state, holes = ahead(standing, step)
    rows, state = _period(standing, rows, state, since, until)
    if not len(rows):
        fix = "the table needs two months at least, `step` apart"
        raise InputError(Problem("DLQ-100", "no account is seen in both months", "months", 0, fix))
    weight = _weights(standing, rows, by)
    keys = grouped(standing, groups, cohort, accounts).iloc[rows]
    table = _tabulated(standing, keys, rows, state, weight, level)
    table.attrs.update(scheme=standing.scheme.name, by=by, step=step, holes=holes)
    return table


def _check(by: str, step: int, level: float) -> None:
    problems = []
    if by not in ("count", "balance"):
        problems.append(Problem("DLQ-217", "by is not known", "by", fix='use "count" or "balance"'))
    if step < 1:
        problems.append(Problem("DLQ-217", "step is 1 at least", "step", fix="1 for each month"))
    if not 0 < level < 1:
        problems.append(
            Problem("DLQ-217", "level lies between 0 and 1", "level", fix="such as 0.95")
        )
    if problems:
        raise InputError(*problems)


def _period(
    standing: Standing, rows: np.ndarray, state: np.ndarray, since: Any, until: Any
) -> tuple[np.ndarray, np.ndarray]:
    month = standing.frame["month"].to_numpy()[rows]
    keep = np.ones(len(rows), dtype=bool)
    if since is not None:
        keep &= month >= np.datetime64(as_date(since, "since"))
    if until is not None:
        keep &= month <= np.datetime64(as_date(until, "until"))
    return rows[keep], state[keep]


def _weights(standing: Standing, rows: np.ndarray, by: str) -> np.ndarray:
    if by == "count":
        return np.ones(len(rows))
    if "balance" not in standing.frame:
        fix = 'add it, or use by="count"'
        raise InputError(Problem("DLQ-102", 'column "balance" is missing', "months", fix=fix))
    balance = standing.frame["balance"].to_numpy()[rows]
    return np.where(np.isnan(balance), 0.0, np.maximum(balance, 0.0))


def _tabulated(
    standing: Standing,
    keys: pd.DataFrame,
    rows: np.ndarray,
    state: np.ndarray,
    weight: np.ndarray,
    level: float,
) -> pd.DataFrame:
    """Return the long table: every group, every bucket, every state."""
    size, names = len(standing.scheme.labels), standing.names
    group, combos = _numbered(keys)
    shape = (len(combos), size, len(names))
    cell = (group * size + standing.state[rows]) * len(names) + state
    counts = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
    mass = np.bincount(cell, weight, minlength=counts.size).reshape(shape)
    squares = np.bincount(cell, weight**2, minlength=counts.size).reshape(shape)
    rate, low, high = _intervals(mass, squares, level)
    index = np.indices(shape).reshape(3, -1)
    columns: dict[Any, Any] = {name: combos[name].to_numpy()[index[0]] for name in combos}
    columns["from_bucket"] = _named(index[1], names[:size])
    columns["to_bucket"] = _named(index[2], names)
    columns |= {"n": counts.ravel(), "rate": rate.ravel(), "low": low.ravel(), "high": high.ravel()}
    return pd.DataFrame(columns)


def _numbered(keys: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    if keys.shape[1] == 0:
        return np.zeros(len(keys), dtype="int64"), pd.DataFrame(index=[0])
    grouper = keys.groupby(list(keys.columns), dropna=False, sort=True)
    combos = grouper.size().index.to_frame(index=False)
    return grouper.ngroup().to_numpy(), combos


def _named(codes: np.ndarray, names: list[str]) -> Any:
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(names, ordered=True))


def _intervals(
    mass: np.ndarray, squares: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rate and Dirichlet interval; with weights of 1 the effective size is the count."""
    total, spread = mass.sum(axis=-1, keepdims=True), squares.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = mass / total
        size = total**2 / spread
    prior = 1.0 / mass.shape[-1]
    inside, outside = rate * size + prior, (1 - rate) * size + 1 - prior
    low = np.where(mass == 0, 0.0, beta.ppf((1 - level) / 2, inside, outside))
    high = np.where(mass == total, 1.0, beta.ppf((1 + level) / 2, inside, outside))
    nobody = np.broadcast_to(total == 0, mass.shape)
    return rate, np.where(nobody, np.nan, low), np.where(nobody, np.nan, high)


def wide(rates: pd.DataFrame, values: str = "rate") -> pd.DataFrame:
    """Return a long table of roll rates as a matrix: a row for each bucket, a column for each state.

    Parameters
    ----------
    rates : DataFrame
        From `roll_rates`.
    values : str
        The column to show.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {"account_id": 1, "month": ["2026-01", "2026-02"], "days_past_due": [0, 31]}
    ... )
    >>> wide(roll_rates(months, buckets=(30,)))
    to_bucket    0-29  30+  paid_off  closed  sold  charged_off  left
    from_bucket
    0-29          0.0  1.0       0.0     0.0   0.0          0.0   0.0
    30+           NaN  NaN       NaN     NaN   NaN          NaN   NaN
    """
    place = list(rates.columns[: rates.columns.get_loc("from_bucket")])
    # pivot, because pivot_table would average cells that stand twice instead of refusing them
    matrix = rates.pivot(index=[*place, "from_bucket"], columns="to_bucket", values=values)  # noqa: PD010
    matrix.columns = pd.Index(list(matrix.columns), name="to_bucket")
    if not place:
        matrix.index = pd.Index(list(matrix.index), name="from_bucket")
    return matrix


def chain_check(
    months: Any,
    by: str = "count",
    *,
    step: int = 2,
    buckets: str | Sequence[int] | BucketScheme = "generic",
    level: float = 0.95,
) -> pd.DataFrame:
    """Hold the matrix of `step` months against the one-month matrix multiplied by itself.

    Where they part, the next month depends on more than today's bucket, and chaining one-month rates
    misleads.

    Returns
    -------
    DataFrame
        ``from_bucket``, ``to_bucket``, ``seen`` (over `step` months), ``low``, ``high``, ``chained`` (power
        of the one-month matrix), ``difference`` (seen - chained), ``outside`` (the chained rate lies
        outside the interval of the seen one).

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": 1,
    ...         "month": ["2026-01", "2026-02", "2026-03"],
    ...         "days_past_due": [0, 31, 0],
    ...     }
    ... )
    >>> chain_check(months, buckets=(30,))[["seen", "chained"]].head(1)
       seen  chained
    0   1.0      1.0
    """
    seen = roll_rates(months, by, step=step, buckets=buckets, level=level)
    single = wide(roll_rates(months, by, buckets=buckets)).fillna(0.0)
    square = np.eye(single.shape[1])
    square[: len(single)] = single.to_numpy()
    chained = np.linalg.matrix_power(square, step)[: len(single)]
    table = seen[["from_bucket", "to_bucket"]].assign(
        seen=seen["rate"], low=seen["low"], high=seen["high"], chained=chained.ravel()
    )
    table["difference"] = table["seen"] - table["chained"]
    table["outside"] = (table["chained"] < table["low"]) | (table["chained"] > table["high"])
    return table


def flow_rates(
    months: Any, *, buckets: str | Sequence[int] | BucketScheme = "generic"
) -> pd.DataFrame:
    """Return net flow rates: the balance of a bucket over the balance of the better one a month before.

    A net flow is not a share of anything, may pass 1, and must never be chained as if it were a
    matrix; `roll_rates` is that.

    Returns
    -------
    DataFrame
        ``month`` (the later one), ``from_bucket``, ``to_bucket``, ``rate``.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": 1,
    ...         "month": ["2026-01", "2026-02"],
    ...         "days_past_due": [0, 31],
    ...         "balance": [100.0, 110.0],
    ...     }
    ... )
    >>> flow_rates(months, buckets=(30,))
           month from_bucket to_bucket  rate
    0 2026-02-28        0-29       30+   1.1
    """
    standing = standing_of(months, buckets)
    size = len(standing.scheme.labels)
    rows = np.flatnonzero(standing.live)
    first = standing.number.min()
    span = standing.end - first + 1
    cell = (standing.number[rows] - first) * size + standing.state[rows]
    weight = _weights(standing, rows, "balance")
    balance = np.bincount(cell, weight, minlength=span * size).reshape(span, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(balance[:-1, :-1] > 0, balance[1:, 1:] / balance[:-1, :-1], np.nan)
    later, bucket = np.indices(rate.shape).reshape(2, -1)
    ends = (np.arange(first + 1, standing.end + 1) - 1970 * 12 + 1).astype("datetime64[M]")
    ends = ends.astype("datetime64[D]") - np.timedelta64(1, "D")
    names = list(standing.scheme.labels)
    columns = {
        "month": ends.astype("datetime64[us]")[later],
        "from_bucket": _named(bucket, names),
        "to_bucket": _named(bucket + 1, names),
        "rate": rate.ravel(),
    }
    return pd.DataFrame(columns)
