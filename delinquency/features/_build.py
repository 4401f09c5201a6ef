"""The door: a months table and its snapshot dates go in, a table of features comes out."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.features._blocks import BLOCKS, CORE
from delinquency.features._catalogue import entries
from delinquency.features._compute import compute
from delinquency.features._feature import Feature
from delinquency.features._rows import Block, Cuts
from delinquency.features._spec import WINDOWS, FeatureSpec, checked_windows
from delinquency.schema import MONTHS, admit, as_date

__all__ = ["build_features"]

_LOG = logging.getLogger("delinquency")


def build_features(
    months: Any,
    as_of: Any = None,
    *,
    snapshots: Iterable[Any] | None = None,
    windows: Sequence[int] = WINDOWS,
    spec: FeatureSpec | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Return what was known of each account at a snapshot date, one column a feature.

    The snapshot month is the last month that had ended by the date. Rows of later months, rows booked
    later (``known_at``), and rows older than the longest window (24 months at least) are not read; an
    account with no row left is absent. A month without a row is skipped, not imputed. A row whose money
    is unknown still counts for `n_obs` and for days past due, and takes no part in what needs the
    unknown number. Features whose input columns the table lacks are left out, with one line in the log
    ``delinquency``; they are never filled.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`; anything with an Arrow stream.
    as_of : date
        The snapshot date. Give this or `snapshots`.
    snapshots : iterable of dates, optional
        Several snapshot dates, each once.
    windows : sequence of int
        Months that windowed features look back, the snapshot month included.
    spec : FeatureSpec, optional
        Which features of the catalogue; its windows are used instead of `windows`. Without one, the
        core set: 23 features a window and 8 told once. ``FeatureSpec()`` is the whole catalogue.
    threads : int, optional
        How many threads compute; as many as there are cores by default. The result does not depend on it.

    Returns
    -------
    DataFrame
        Index ``(account_id, snapshot_date)``, sorted; float64 columns in catalogue order. What a
        missing value means stands in `catalogue`.

    Raises
    ------
    InputError
        What `delinquency.schema.admit` finds; ``DLQ-100`` when no row is known at any snapshot;
        ``DLQ-103`` for dates that are no dates, given twice or not at all; ``DLQ-102`` when the spec
        names an unknown feature or one whose inputs the table lacks.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": "a",
    ...         "month": ["2026-01", "2026-02", "2026-03"],
    ...         "days_past_due": [0, 31, 62],
    ...         "amount_due": [100.0, 100.0, 100.0],
    ...         "amount_paid": [100.0, 50.0, 0.0],
    ...     }
    ... )
    >>> features = build_features(months, as_of="2026-02-28", windows=(3,))
    >>> features[["n_obs_3m", "dpd_max_3m", "paid_to_due_3m"]]
                              n_obs_3m  dpd_max_3m  paid_to_due_3m
    account_id snapshot_date
    a          2026-02-28          2.0        31.0            0.75
    """
    dates = _dates(as_of, snapshots)
    chosen_windows = _windows(windows, spec)
    table = admit(months, MONTHS)
    blocks = (CORE,) if spec is None else BLOCKS
    wanted = _wanted(entries(chosen_windows, blocks), spec, table)
    blocks = _running(blocks, chosen_windows, wanted)
    cores = threads or os.cpu_count() or 1
    cuts, values = compute(table, dates, chosen_windows, blocks, wanted, cores)
    return _framed(table, dates, cuts, values, wanted)


def _dates(as_of: Any, snapshots: Iterable[Any] | None) -> list[pd.Timestamp]:
    if (as_of is None) == (snapshots is None):
        fix = "give as_of=... or snapshots=[...]; the clock is never read"
        raise InputError(Problem("DLQ-103", "expected one kind of snapshot date", "as_of", fix=fix))
    if snapshots is None:
        return [as_date(as_of)]
    dates = sorted(as_date(date, "snapshots") for date in snapshots)
    if not dates or len(set(dates)) < len(dates):
        what = "expected one or more snapshot dates, each once"
        raise InputError(Problem("DLQ-103", what, "snapshots", len(dates), "drop the repeats"))
    return dates


def _windows(windows: Sequence[int], spec: FeatureSpec | None) -> tuple[int, ...]:
    given = checked_windows(windows)
    if spec is None:
        return given
    if given not in (WINDOWS, spec.windows):
        what = "windows differ from those of the spec"
        raise InputError(Problem("DLQ-204", what, "windows", fix="give them in the spec alone"))
    return spec.windows


def _wanted(
    features: Sequence[Feature], spec: FeatureSpec | None, table: pd.DataFrame
) -> list[Feature]:
    """Return the features to hand out: those chosen, less those whose inputs are not there."""
    chosen = _chosen(features, spec) if spec is not None else list(features)
    off = [feature for feature in chosen if not set(feature.inputs).issubset(table.columns)]
    if not off:
        return chosen
    lacking = sorted({name for feature in off for name in feature.inputs} - set(table.columns))
    columns = ", ".join(f'"{name}"' for name in lacking)
    if (spec is not None and spec.names is not None) or len(off) == len(chosen):
        what = f"{len(off)} of {len(chosen)} chosen features need {columns}"
        fix = "add the columns or choose other features"
        raise InputError(Problem("DLQ-102", what, "months", len(off), fix))
    _LOG.warning(
        "months lack %s: %d of %d features are off (%s)",
        columns,
        len(off),
        len(chosen),
        ", ".join(dict.fromkeys(feature.family for feature in off)),
    )
    return [feature for feature in chosen if feature not in off]


def _running(
    blocks: Sequence[Block], windows: tuple[int, ...], wanted: Sequence[Feature]
) -> list[Block]:
    """Return the blocks that hold a wanted feature; the others need not run."""
    names = {feature.name for feature in wanted}
    return [b for b in blocks if not names.isdisjoint(f.name for f in b.entries(windows))]


def _chosen(features: Sequence[Feature], spec: FeatureSpec) -> list[Feature]:
    by_name = {feature.name: feature for feature in features}
    families = {feature.family: None for feature in features}
    problems = [
        Problem("DLQ-102", f'unknown {kind} "{name}"', "spec", fix=did_you_mean(name, known))
        for kind, given, known in (
            ("family", spec.families, families),
            ("feature", spec.names, by_name),
        )
        for name in given or ()
        if name not in known
    ]
    if problems:
        raise InputError(*problems)
    chosen = [
        feature
        for feature in features
        if (spec.families is None or feature.family in spec.families)
        and (spec.names is None or feature.name in spec.names)
    ]
    if not chosen:
        what = "families and names have no feature in common"
        raise InputError(Problem("DLQ-102", what, "spec", 0, "loosen one of them"))
    return chosen


def _framed(
    table: pd.DataFrame,
    dates: Sequence[pd.Timestamp],
    cuts: Cuts,
    values: np.ndarray,
    wanted: Sequence[Feature],
) -> pd.DataFrame:
    index = _index(table, dates, cuts)
    columns = pd.Index([feature.name for feature in wanted])
    return pd.DataFrame(values, index, columns, copy=False)


def _index(table: pd.DataFrame, dates: Sequence[pd.Timestamp], cuts: Cuts) -> pd.MultiIndex:
    """Return the index from its codes: hashing a million ids again would cost more than the features."""
    first = np.concatenate(([True], cuts.accounts[1:] != cuts.accounts[:-1]))
    ids = pd.Index(table["account_id"].iloc[cuts.begins[first]])
    levels: Any = [ids, pd.DatetimeIndex(list(dates), dtype="datetime64[us]")]
    codes: Any = [np.cumsum(first) - 1, cuts.views]
    return pd.MultiIndex(
        levels=levels,
        codes=codes,
        names=["account_id", "snapshot_date"],
        verify_integrity=False,
    )
