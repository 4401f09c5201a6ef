"""Scores and refused accounts as tables of one type, whatever a part of them holds."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from delinquency import features, scoring

__all__ = ["column", "nobody", "refused_table"]

_DATES = pa.timestamp("us")


def column(name: str, values: pd.Series) -> pa.Array:
    """Return a column in its one type, also where a part holds no value of it."""
    if name == "snapshot_date":
        return pa.array(values.astype("datetime64[us]"), _DATES, from_pandas=True)
    if name in ("probability", "points"):
        return pa.array(values, pa.float64())
    if name == "account_id" and pd.api.types.is_integer_dtype(values.dtype):
        return pa.array(values, pa.int64())
    # pyarrow 16 keeps the large strings of pandas whatever type is asked for
    texts: Any = pa.array(values, pa.string(), from_pandas=True)
    return texts.cast(pa.string())


def refused_table(scored: scoring.Scored, batch: features.FeatureBatch) -> pa.Table:
    refused = scored.refused
    if not len(refused):  # an empty frame forgets what its ids were
        types = {"account_id": _id_type(batch), "snapshot_date": _DATES, "why": pa.string()}
        return pa.schema(list(types.items())).empty_table()
    return pa.table({name: column(name, refused[name]) for name in refused.columns})


def _id_type(batch: features.FeatureBatch) -> pa.DataType:
    return column("account_id", batch.months["account_id"].iloc[:0]).type


def nobody() -> scoring.Scored:
    none = pd.DataFrame({"account_id": [], "snapshot_date": [], "why": []}, dtype=object)
    return scoring.Scored(none, none)
