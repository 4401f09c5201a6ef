"""The ledger at the door: dues and payments as sorted arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.history._calendar import NO_DAY, as_days
from delinquency.history._rows import changes, starts_of
from delinquency.schema import DUES, PAYMENTS, Table, admit, id_problems, to_frame

if TYPE_CHECKING:
    from delinquency.history._ledger import Settlement

__all__ = ["Ledger", "admit_ledger"]


@dataclass(frozen=True)
class Ledger:
    """Dues and payments, sorted by account and day; days since 1970, accounts in order of their id.

    ``plain`` says that the quick kernel applies: dues were booked by their due date, none was moved, and
    payments name no due.
    """

    ids: pd.Series
    due_start: np.ndarray
    due_day: np.ndarray
    due_amount: np.ndarray
    due_known: np.ndarray
    due_group: np.ndarray
    moved_to: np.ndarray
    moved_at: np.ndarray
    pay_start: np.ndarray
    pay_day: np.ndarray
    pay_amount: np.ndarray
    pay_group: np.ndarray
    first_day: np.ndarray
    plain: bool
    left_out: int
    settlement: Settlement


def admit_ledger(dues: Any, payments: Any, settlement: Settlement) -> Ledger:
    """Check both tables, all problems together, and return them as arrays."""
    due, paid = _checked(dues, payments)
    starts = starts_of(changes(due["account_id"]).cumsum(dtype="int64"))
    ids = due["account_id"].take(starts).reset_index(drop=True)
    due_start = np.append(starts, len(due))
    due_day, due_known, moved_to, moved_at, due = _due_days(due, due_start, settlement)
    account, pay_day, paid, left_out = _payment_days(paid, ids, settlement)
    pay_start = np.searchsorted(account, np.arange(len(ids) + 1))
    due_group, pay_group = _groups(due, due_start, paid, account, settlement.order)
    late_booked = bool((due_known > due_day).any())
    moved = bool((moved_to != due_day).any())
    return Ledger(
        ids=ids,
        due_start=due_start,
        due_day=due_day,
        due_amount=due["amount_due"].to_numpy(),
        due_known=due_known,
        due_group=due_group,
        moved_to=moved_to,
        moved_at=moved_at,
        pay_start=pay_start,
        pay_day=pay_day,
        pay_amount=paid["amount_paid"].to_numpy(),
        pay_group=pay_group,
        first_day=_first_days(due_start, np.maximum(due_day, due_known), pay_start, pay_day),
        plain=not late_booked and not moved and not (pay_group >= 0).any(),
        left_out=left_out,
        settlement=settlement,
    )


def _checked(dues: Any, payments: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    due = admit(dues, DUES)
    paid = _admit_payments(payments, due)
    problems = [
        *_missing(due, DUES),
        *_missing(paid, PAYMENTS),
        *_negative_dues(due),
        *_repeated_dues(due),
        *_currencies(due, paid),
        *id_problems(due["account_id"], paid["account_id"], "dues, payments"),
    ]
    if problems:
        raise InputError(*problems)
    return due, paid


def _admit_payments(payments: Any, due: pd.DataFrame) -> pd.DataFrame:
    """Return the payments; a book in which nobody has paid yet is a book all the same."""
    frame = None if payments is None else to_frame(payments, PAYMENTS.name)
    if frame is not None and len(frame):
        return admit(frame, PAYMENTS)
    columns = {
        "account_id": due["account_id"].iloc[:0],
        "paid_date": due["due_date"].iloc[:0],
        "amount_paid": due["amount_due"].iloc[:0],
    }
    return pd.DataFrame(columns)


def _missing(frame: pd.DataFrame, spec: Table) -> list[Problem]:
    problems = []
    for name, column in spec.columns.items():
        count = int(frame[name].isna().sum()) if column.required else 0
        if count:
            what = f"{count:,} of {len(frame):,} values are missing"
            problems.append(Problem("DLQ-104", what, f"{spec.name}.{name}", count, "fill or drop"))
    return problems


def _negative_dues(due: pd.DataFrame) -> list[Problem]:
    count = int((due["amount_due"] < 0).sum())
    if not count:
        return []
    what = f"{count:,} of {len(due):,} dues are negative"
    return [Problem("DLQ-106", what, "dues.amount_due", count, "book a credit as a payment")]


def _repeated_dues(due: pd.DataFrame) -> list[Problem]:
    """Refuse a due that stands twice; parts of one day are told apart by instalment or booking."""
    key = ["account_id", "due_date"]
    key += [name for name in ("instalment", "component", "known_at") if name in due]
    near = changes(due["account_id"])[1:] == 0
    near &= due["due_date"].to_numpy()[1:] == due["due_date"].to_numpy()[:-1]
    if not near.any():
        return []
    count = int(due.duplicated(key, keep=False).sum())
    if not count:
        return []
    what = f"{count:,} of {len(due):,} rows repeat ({', '.join(key)})"
    fix = "add up the dues of one day, or name their instalment"
    return [Problem("DLQ-101", what, "dues", count, fix)]


def _currencies(*frames: pd.DataFrame) -> list[Problem]:
    found = {word for frame in frames if "currency" in frame for word in frame["currency"].unique()}
    if len(found) < 2:
        return []
    what = f"{len(found)} currencies in one ledger"
    return [Problem("DLQ-111", what, "currency", len(found), "one ledger a currency, or convert")]


def _dates(values: pd.Series, where: str) -> pd.Series:
    try:
        return pd.to_datetime(values, format=None if values.dtype.kind == "M" else "ISO8601")
    except (TypeError, ValueError, OverflowError):
        fix = "write dates as YYYY-MM-DD"
        raise InputError(Problem("DLQ-103", "expected dates", where, fix=fix)) from None


def _day_column(frame: pd.DataFrame, name: str, table: str) -> np.ndarray | None:
    """Return a further date column as days, or None when the table has none."""
    return as_days(_dates(frame[name], f"{table}.{name}")) if name in frame else None


def _same(value: int, count: int) -> np.ndarray:
    """Return one number many times, without the memory."""
    return np.broadcast_to(np.int64(value), count)


def _due_days(
    due: pd.DataFrame, due_start: np.ndarray, settlement: Settlement
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, pd.DataFrame]:
    """Return contractual day, booking day, moved day and day of moving, in the order of settlement."""
    stands = as_days(due["due_date"])
    agreed = _day_column(due, "contractual_date", "dues")
    agreed = stands if agreed is None else np.where(agreed == NO_DAY, stands, agreed)
    known = _day_column(due, "known_at", "dues") if settlement.known == "then" else None
    moved_at = _day_column(due, "moved_at", "dues") if settlement.known == "then" else None
    columns = [
        agreed,
        _same(NO_DAY, len(due)) if known is None else known,
        stands,
        _same(NO_DAY, len(due)) if moved_at is None else moved_at,
    ]
    if agreed is not stands:
        account = np.repeat(np.arange(len(due_start) - 1), np.diff(due_start))
        order = np.lexsort((stands, agreed, account))
        columns, due = [values[order] for values in columns], due.take(order)
    return columns[0], columns[1], columns[2], columns[3], due


def _payment_days(
    paid: pd.DataFrame, ids: pd.Series, settlement: Settlement
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, int]:
    """Return account number and effective day of each payment of a known account, sorted by both."""
    account = _account_numbers(paid["account_id"], ids)
    day = as_days(paid["paid_date"])
    known = _day_column(paid, "known_at", "payments") if settlement.known == "then" else None
    if known is not None:
        day = np.maximum(day, known)
    left_out = int((account < 0).sum())
    in_order = (account[1:] > account[:-1]) | (
        (account[1:] == account[:-1]) & (day[1:] >= day[:-1])
    )
    if left_out or not in_order.all():
        order = np.lexsort((day, account))[left_out:]
        account, day, paid = account[order], day[order], paid.take(order)
    return account, day, paid, left_out


def _account_numbers(of: pd.Series, ids: pd.Series) -> np.ndarray:
    """Return the place of each id among the sorted ids, or -1."""
    # each run of equal ids is looked up once
    starts = starts_of(changes(of).cumsum(dtype="int64"))
    place = pd.Index(ids).get_indexer(pd.Index(of.take(starts))).astype("int64")
    return np.repeat(place, np.diff(np.append(starts, len(of))))


def _groups(
    due: pd.DataFrame, due_start: np.ndarray, paid: pd.DataFrame, account: np.ndarray, order: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each due and payment inside its account; -1 for none."""
    nowhere = _same(-1, len(due)), _same(-1, len(paid))
    if order == "fifo" or not len(paid):
        return nowhere
    due_name, pay_name = ("due_date", "for_due") if order == "designated" else ("instalment",) * 2
    wanted_columns = [("dues", due, due_name), ("payments", paid, pay_name)]
    lacking = [f"{table}.{name}" for table, frame, name in wanted_columns if name not in frame]
    if lacking:
        what = f'order="{order}" needs the column {", ".join(lacking)}'
        raise InputError(Problem("DLQ-102", what, "ledger", len(lacking), "add it, or use fifo"))
    due_value, pay_value = _named(due, paid, due_name, pay_name)
    owner = np.repeat(np.arange(len(due_start) - 1), np.diff(due_start))
    keys = pd.MultiIndex.from_arrays([owner, due_value])
    unique = keys.unique()
    code = unique.get_indexer(keys)
    # group numbers begin at 0 in each account; the first due of an account has its smallest code
    smallest = np.minimum.reduceat(code, due_start[:-1])
    wanted = unique.get_indexer(pd.MultiIndex.from_arrays([account, pay_value]))
    named = (wanted >= 0) & (pay_value != NO_DAY)
    due_group = np.where(due_value == NO_DAY, -1, code - smallest[owner])
    return due_group, np.where(named, wanted - smallest[account], -1)


def _named(
    due: pd.DataFrame, paid: pd.DataFrame, due_name: str, pay_name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return what dues are called and what payments call for, as numbers; no day for nothing."""
    if due_name != pay_name:
        return as_days(due[due_name]), as_days(_dates(paid[pay_name], f"payments.{pay_name}"))
    codes = pd.factorize(pd.concat([due[due_name], paid[pay_name]]))[0]
    codes = np.where(codes < 0, NO_DAY, codes)
    return codes[: len(due)], codes[len(due) :]


def _first_days(
    due_start: np.ndarray, due_day: np.ndarray, pay_start: np.ndarray, pay_day: np.ndarray
) -> np.ndarray:
    """Return the day on which each account is first heard of."""
    first = np.minimum.reduceat(due_day, due_start[:-1])
    has_paid = pay_start[1:] > pay_start[:-1]
    first[has_paid] = np.minimum(first[has_paid], pay_day[pay_start[:-1][has_paid]])
    return first
