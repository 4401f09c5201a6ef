"""The catalogue: every feature, in the order of its column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from delinquency.features._blocks import CORE, whole
from delinquency.features._spec import WINDOWS, checked_windows

__all__ = ["catalogue"]

_COLUMNS = [
    "name",
    "family",
    "topic",
    "inputs",
    "window",
    "unit",
    "missing",
    "sign",
    "reason_en",
    "reason_zh",
    "definition",
    "core",
]


def catalogue(windows: Sequence[int] = WINDOWS) -> pd.DataFrame:
    """Return the catalogue of features as a table, one row a feature, in column order.

    Parameters
    ----------
    windows : sequence of int
        Months that each windowed feature looks back, the snapshot month included.

    Returns
    -------
    DataFrame
        ``name``; ``family``, by which a `FeatureSpec` may choose; ``topic``, what the feature speaks of
        (reasons of one topic tell one story); ``inputs``, the columns it needs, as a tuple: of the months
        table, and ``person_id`` of the accounts table; ``window`` in months, missing when there is none;
        ``unit``; ``missing``, when the value is missing; ``sign``, 1 when a larger value can only mean
        more risk, -1 less, 0 when the domain does not say; ``reason_en`` and ``reason_zh``, one fact with
        ``{value}`` for the customer's own figure; ``definition``; ``core``, whether it belongs to the core
        set, which `build_features` hands out when no spec is given.

    Raises
    ------
    InputError
        ``DLQ-205`` when the windows are not whole numbers of months above zero, each once.

    Examples
    --------
    >>> table = catalogue()
    >>> len(table), int(table["core"].sum())
    (298, 100)
    >>> row = table.set_index("name").loc["dpd30_count_12m"]
    >>> row["reason_en"].format(value=2)
    'Months 30 or more days late in the last 12 months: 2.'
    """
    lengths = checked_windows(windows)
    core = {feature.name for feature in CORE.entries(lengths)}
    rows = [{**asdict(f), "core": f.name in core} for f in whole(lengths)]
    return pd.DataFrame(rows, columns=_COLUMNS).astype({"window": "Int64", "sign": "int64"})
