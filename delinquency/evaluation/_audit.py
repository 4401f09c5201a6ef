"""One audit of a score and a decision over every audited attribute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema
from delinquency.errors import InputError, Problem
from delinquency.evaluation._door import whole_of
from delinquency.evaluation._fairness import by_group

__all__ = ["audit", "is_number"]


def audit(
    y: Any,
    probability: Any,
    people: Any,
    *,
    favoured: Any,
    least: int = 30,
    most: int = 12,
    simulations: int = 500,
) -> dict[str, pd.DataFrame]:
    """Audit a score and a decision by each attribute of a table of people.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 is bad, 0 is good.
    probability : array-like of shape (n,)
        Probability of bad.
    people : table of n rows
        Attributes with the role ``audit_only``, in the order of `y`. A missing value is a group of
        its own, ``unknown``. Numbers with more than `most` different values are cut into five
        groups of about equal count, named by their ends, both included.
    favoured : array-like of shape (n,)
        True where the decision favours the person.
    least : int
        Figures of smaller groups are left missing; see `impact_ratios`.
    most : int
        Different values up to which numbers count as groups.
    simulations : int
        Samples drawn for each group's noise band.

    Returns
    -------
    dict of str to DataFrame
        `by_group` of each attribute. An attribute none of whose groups has `least` accounts is left
        out.

    Raises
    ------
    InputError
        As `by_group`; ``DLQ-103`` when the table has not one row for each outcome.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [20 + k % 50 for k in range(200)], "sex": ["f", "m"] * 100})
    >>> y, p = [0, 0, 0, 1] * 50, [0.1, 0.2, 0.2, 0.5] * 50
    >>> tables = audit(y, p, people, favoured=[True, True, True, False] * 50)
    >>> tables["age"]["group"].tolist()
    ['20 to 29', '30 to 39', '40 to 49', '50 to 59', '60 to 69']
    >>> tables["sex"][["group", "impact_ratio"]]
      group  impact_ratio
    0     f           1.0
    1     m           0.5
    """
    frame = schema.to_frame(people, "people")
    least, most = whole_of(least, "least", 1), whole_of(most, "most", 1)
    if len(frame) != len(y):
        what = f"{len(frame):,} people for {len(y):,} outcomes"
        raise InputError(Problem("DLQ-103", what, "people", fix="pass one row for each outcome"))
    groups = {str(name): _named(frame[name], most) for name in frame.columns}
    return {
        name: by_group(
            y, probability, group, favoured=favoured, least=least, simulations=simulations
        )
        for name, group in groups.items()
        if group.value_counts().max() >= least
    }


def is_number(values: pd.Series) -> bool:
    """Return whether a column holds numbers; true and false are groups."""
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values)


def _named(values: pd.Series, most: int) -> pd.Series:
    """Return the name of each person's group, as an ordered categorical where numbers were cut."""
    values = values.reset_index(drop=True)
    if not is_number(values) or values.nunique() <= most:
        return values.astype("str").where(values.notna(), "unknown")
    known = values.dropna().astype("float64")
    edges = np.unique(np.quantile(known, [0.2, 0.4, 0.6, 0.8], method="lower"))
    # a value on an edge belongs below it, so equal values never part
    position = pd.Series(np.searchsorted(edges, known, side="left"), index=known.index)
    ends = known.groupby(position).agg(["min", "max"])
    names = [f"{low:g} to {high:g}" for low, high in ends.itertuples(index=False)]
    text = pd.Series("unknown", index=values.index, dtype="str")
    text[known.index] = position.map(dict(zip(ends.index, names, strict=True)))
    order = [*names, "unknown"] if len(known) < len(values) else names
    return pd.Series(pd.Categorical(text, categories=order, ordered=True))
