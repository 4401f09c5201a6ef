"""Other counts of lateness: months by the mortgage conventions, and the European counter of default."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.history._calendar import as_days, as_stamps, whole_months
from delinquency.history._ledger import Settlement, asked_days, days_past_due, settle, told
from delinquency.history._ledger_kernel import count_material_days
from delinquency.history._ledger_tables import Ledger, admit_ledger

__all__ = ["material_days", "months_delinquent"]

_LEAD = {"mba": 1, "ots": 0}


def months_delinquent(
    dues: Any, payments: Any, at: Any, method: str, *, settlement: Settlement | None = None
) -> pd.DataFrame:
    """Return how many months late each account stood, by one of the mortgage conventions.

    The two differ by a month at most month ends: of a payment due on 1 April and not made, MBA says one
    month late on 30 April (the day before the next due date), OTS on 1 May (the next due date), so
    a report of 30 April calls it current. Months are not days: never put both in one column.

    Parameters
    ----------
    dues, payments, at, settlement
        See `days_past_due`.
    method : {"mba", "ots"}
        Convention of the Mortgage Bankers Association, or of the Office of Thrift Supervision.

    Returns
    -------
    DataFrame
        ``account_id``, ``date``, ``months_delinquent``, ``method``.

    Raises
    ------
    InputError
        As `days_past_due`; ``DLQ-215`` for another method.

    Examples
    --------
    >>> dues = pd.DataFrame({"account_id": [1], "due_date": ["2026-04-01"], "amount_due": [100.0]})
    >>> at = ["2026-04-30", "2026-05-31"]
    >>> months_delinquent(dues, None, at, "mba")["months_delinquent"].tolist()
    [1, 2]
    >>> months_delinquent(dues, None, at, "ots")["months_delinquent"].tolist()
    [0, 1]
    """
    if method not in _LEAD:
        fix = 'use "mba" or "ots"'
        raise InputError(Problem("DLQ-215", "method is not known", "method", fix=fix))
    table = days_past_due(dues, payments, at, settlement=settlement)
    days = as_days(table["date"])
    late = table["days_past_due"].to_numpy()
    months = np.where(late > 0, whole_months(days - late, days, _LEAD[method]), 0)
    return table[["account_id", "date"]].assign(months_delinquent=months, method=method)


def material_days(
    dues: Any,
    payments: Any,
    at: Any,
    exposure: Any,
    *,
    absolute: float = 100.0,
    share: float = 0.01,
    limit: int = 90,
    settlement: Settlement | None = None,
) -> pd.DataFrame:
    """Count the days in a row with material arrears, as the European definition of default does.

    The counter rises by one on each day whose arrears are above `absolute` **and** above `share` of the
    exposure, and falls to 0 on any other day; an account defaults when it passes `limit`. (EBA
    guidelines on the definition of default, EBA/GL/2016/07, and Regulation (EU) 2018/171: EUR 100 for
    retail, EUR 500 otherwise, 1 %.)

    Parameters
    ----------
    dues, payments, at, settlement
        See `days_past_due`.
    exposure : float, or Series indexed by account_id
        What the account owes on the books.
    absolute, share : float
        Both must be passed for arrears to be material.
    limit : int
        Days in a row after which the account is in default.

    Returns
    -------
    DataFrame
        ``account_id``, ``date``, ``material_days``, ``past_limit`` (the counter is above `limit` on the day).

    Raises
    ------
    InputError
        As `days_past_due`; ``DLQ-104`` when an account has no exposure.

    Examples
    --------
    >>> dues = pd.DataFrame({"account_id": [1], "due_date": ["2026-01-01"], "amount_due": [150.0]})
    >>> material_days(dues, None, ["2026-01-02", "2026-04-01", "2026-04-02"], exposure=5_000)
       account_id       date  material_days  past_limit
    0           1 2026-01-02              1       False
    1           1 2026-04-01             90       False
    2           1 2026-04-02             91        True
    """
    ledger = admit_ledger(dues, payments, settlement or Settlement())
    owed = _exposures(exposure, ledger)
    asked = asked_days(at)
    row_start, rows, is_asked = _change_rows(ledger, asked)
    arrears = settle(ledger, row_start, rows)[2]
    account = np.repeat(np.arange(len(ledger.ids)), np.diff(row_start))
    days = count_material_days(row_start, rows, arrears, owed[account], absolute, share)[is_asked]
    columns = {
        "account_id": ledger.ids.take(account[is_asked]).reset_index(drop=True),
        "date": as_stamps(rows[is_asked]),
        "material_days": days,
        "past_limit": days > limit,
    }
    return told(pd.DataFrame(columns), ledger)


def _exposures(exposure: Any, ledger: Ledger) -> np.ndarray:
    if isinstance(exposure, pd.Series):
        owed = exposure.reindex(ledger.ids).to_numpy(dtype="float64")
    else:
        owed = np.full(len(ledger.ids), float(exposure))
    lacking = int(np.isnan(owed).sum())
    if lacking:
        what = f"{lacking:,} of {len(owed):,} accounts have no exposure"
        fix = "give a number, or a Series indexed by account_id"
        raise InputError(Problem("DLQ-104", what, "exposure", lacking, fix))
    return owed


def _change_rows(ledger: Ledger, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the days on which arrears may change, with the asked days among them."""
    count = len(ledger.ids)
    due_account = np.repeat(np.arange(count), np.diff(ledger.due_start))
    pay_account = np.repeat(np.arange(count), np.diff(ledger.pay_start))
    booked = np.maximum(ledger.due_day + 1, ledger.due_known)
    account = np.concatenate([due_account, pay_account, np.repeat(np.arange(count), len(asked))])
    day = np.concatenate([booked, ledger.pay_day, np.tile(asked, count)])
    keys = np.unique(np.stack([account, day], axis=1), axis=0)
    row_start = np.searchsorted(keys[:, 0], np.arange(count + 1))
    rows = np.ascontiguousarray(keys[:, 1])
    return row_start, rows, np.isin(rows, asked)
