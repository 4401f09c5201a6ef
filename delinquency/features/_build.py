"""The door: a months table and its snapshot dates go in, a table of features comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency.features._blocks import BLOCKS, entries
from delinquency.features._compute import compute, nothing_known
from delinquency.features._person import BASE, BASE_WINDOWS, PERSON, person_values, persons_of
from delinquency.features._plan import Plan, plan_features
from delinquency.features._rows import Cuts
from delinquency.features._source import whole_table
from delinquency.features._spec import WINDOWS, FeatureSpec
from delinquency.schema import MONTHS, admit, to_frame

__all__ = ["build_features", "framed"]


def build_features(
    months: Any,
    as_of: Any = None,
    *,
    snapshots: Iterable[Any] | None = None,
    windows: Sequence[int] = WINDOWS,
    spec: FeatureSpec | None = None,
    accounts: Any = None,
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
    months : table, path, or iterator of tables
        See `delinquency.schema.MONTHS`; anything with an Arrow stream, a file that
        `delinquency.storage.read_table` reads, or batches that together are the table.
    as_of : date
        The snapshot date. Give this or `snapshots`.
    snapshots : iterable of dates, optional
        Several snapshot dates, each once.
    windows : sequence of int
        Months that windowed features look back, the snapshot month included.
    spec : FeatureSpec, optional
        Which features of the catalogue; its windows are used instead of `windows`. Without one, the
        core set: 23 features a window and 8 told once. ``FeatureSpec()`` is the whole catalogue.
    accounts : table, optional
        Whose the accounts are, ``account_id, person_id``: the families ``person`` and ``latest_loan`` need
        it. An account that it does not name has no value there.
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
        ``DLQ-103`` for dates that are no dates, given twice or not at all; ``DLQ-205`` for windows
        that are none; ``DLQ-206`` when the spec names an unknown feature; ``DLQ-102`` when it names
        one whose inputs the table lacks.

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
    table = admit(whole_table(months), MONTHS)
    people = None if accounts is None else to_frame(accounts, "accounts")
    columns = {*table.columns} - {"person_id"}
    if people is not None and "person_id" in people:
        columns.add("person_id")
    plan = plan_features(columns, as_of, snapshots, windows, spec, threads)
    cuts, values, _ = compute(table, plan)
    if not len(cuts.begins):
        raise nothing_known("months", table["month"])
    if not plan.person:
        return framed(table, plan, cuts, values)
    seen = _across_accounts(table, plan, people)
    names = [feature.name for feature in (*plan.wanted, *plan.person)]
    return pd.DataFrame(np.hstack([values, seen]), _index(table, plan, cuts), names)


def _across_accounts(table: pd.DataFrame, plan: Plan, people: Any) -> np.ndarray:
    """Return the views across a person's accounts that the plan wants."""
    made = entries(BASE_WINDOWS)
    base = tuple(next(feature for feature in made if feature.name == name) for name in BASE)
    blocks = tuple(
        b for b in BLOCKS if not {*BASE}.isdisjoint(f.name for f in b.entries(BASE_WINDOWS))
    )
    cuts, values, _ = compute(table, Plan(plan.dates, BASE_WINDOWS, blocks, base, plan.threads))
    person = persons_of(people, table["account_id"].iloc[cuts.begins])
    seen = person_values(person, cuts.views, dict(zip(BASE, values.T, strict=True)))
    return seen[:, [PERSON.index(feature) for feature in plan.person]]


def framed(table: pd.DataFrame, plan: Plan, cuts: Cuts, values: np.ndarray) -> pd.DataFrame:
    """Return a computed matrix as the table that goes out."""
    columns = pd.Index([feature.name for feature in plan.wanted])
    return pd.DataFrame(values, _index(table, plan, cuts), columns, copy=False)


def _index(table: pd.DataFrame, plan: Plan, cuts: Cuts) -> pd.MultiIndex:
    """Return the index from its codes: hashing a million ids again would cost more than the features."""
    first = np.concatenate(([True], cuts.accounts[1:] != cuts.accounts[:-1]))[: len(cuts.accounts)]
    ids = pd.Index(table["account_id"].iloc[cuts.begins[first]])
    levels: Any = [ids, pd.DatetimeIndex(list(plan.dates), dtype="datetime64[us]")]
    codes: Any = [np.cumsum(first) - 1, cuts.views]
    return pd.MultiIndex(
        levels=levels,
        codes=codes,
        names=["account_id", "snapshot_date"],
        verify_integrity=False,
    )
