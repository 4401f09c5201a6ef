"""One pass over sorted months, all row rules at once (numba)."""

from __future__ import annotations

import numpy as np

from delinquency.kernels import compiled

__all__ = ["MISSING", "RULES", "SHOWN", "scan"]

SHOWN = 5

# In the order of the counters below.
RULES = (
    "repeated",
    "gap",
    "rising_fast",
    "paid_but_late",
    "never_due",
    "nothing_owed",
    "above_limit",
    "after_end",
    "recovered_early",
    "fell_unpaid",
    "negative_due",
    "negative_limit",
    "negative_written_off",
    "negative_recovered",
    "bad_days",
    "infinite",
    "month_missing",
    "negative_paid",
)
(
    REPEATED,
    GAP,
    RISING_FAST,
    PAID_BUT_LATE,
    NEVER_DUE,
    NOTHING_OWED,
    ABOVE_LIMIT,
    AFTER_END,
    RECOVERED_EARLY,
    FELL_UNPAID,
    NEGATIVE_DUE,
    NEGATIVE_LIMIT,
    NEGATIVE_WRITTEN_OFF,
    NEGATIVE_RECOVERED,
    BAD_DAYS,
    INFINITE,
    MONTHMISSING,
    NEGATIVE_PAID,
) = range(len(RULES))

OPEN, PAID_OFF, CHARGED_OFF, SOLD, CLOSED, OTHER = range(6)
MISSING = np.iinfo(np.int64).min
_LARGEST = np.finfo(np.float64).max
_DAY_US = 86_400_000_000


@compiled
def _mark(counts, first, rule, row):
    if counts[rule] < first.shape[1]:
        first[rule, counts[rule]] = row
    counts[rule] += 1


@compiled
def scan(
    begin,
    stop,
    new,
    stamp,
    first_day,
    month_of,
    end_of,
    dpd,
    due,
    paid,
    balance,
    limit,
    status,
    lost,
    back,
    arrears,
):
    """Count broken rules in the rows from `begin` to `stop` and keep the first rows of each.

    Parameters
    ----------
    begin, stop : int
        Whole accounts: both are where an account begins, or the end of the table.
    new : array of int8
        1 where an account begins.
    stamp : array of int64
        Month as microseconds since 1970; the smallest integer when missing.
    first_day, month_of, end_of : int and arrays of int32
        Month number, and last day of the month, of the day ``first_day + i``.
    dpd, due, paid, balance, limit, lost, back, arrears : arrays of float64
        Columns; one of length 0 when the table has none.
    status : array of int8
        See the constants above; length 0 when the table has none.

    Returns
    -------
    counts, first : arrays
        Per rule how many rows, and the positions of the first.
    """
    n = len(stamp)
    counts = np.zeros(18, dtype=np.int64)
    first = np.full((18, 5), -1, dtype=np.int64)
    has_dpd, has_due, has_paid = len(dpd) == n, len(due) == n, len(paid) == n
    has_balance, has_limit, has_status = len(balance) == n, len(limit) == n, len(status) == n
    has_lost, has_back, has_arrears = len(lost) == n, len(back) == n, len(arrears) == n
    ever_due, ever_lost, ended = False, False, -1
    day, month, before = 0, 0, np.nan
    dated = False
    for i in range(begin, stop):
        fresh = i == begin or new[i] == 1
        if fresh:
            ever_due, ever_lost, ended = False, False, -1
            before = np.nan
        late = dpd[i] if has_dpd else 0.0
        owed = due[i] if has_due else np.nan
        given = paid[i] if has_paid else np.nan
        held = balance[i] if has_balance else np.nan
        cap = limit[i] if has_limit else np.nan
        state = status[i] if has_status else OPEN
        # ---- months
        passed = 0
        if stamp[i] == MISSING:
            _mark(counts, first, MONTHMISSING, i)
            dated = False
        else:
            at = stamp[i] // _DAY_US - first_day
            if not fresh and dated:
                step = month_of[at] - month
                passed = end_of[at] - day
                if step == 0:
                    _mark(counts, first, REPEATED, i)
                elif step > 1:
                    _mark(counts, first, GAP, i)
                # a repeated month is one mistake, not two
                if step > 0 and late - before > passed:
                    _mark(counts, first, RISING_FAST, i)
            day, month, dated = end_of[at], month_of[at], True
        # ---- days past due
        if has_dpd and not (late >= 0 and late == np.floor(late)):
            _mark(counts, first, BAD_DAYS, i)
        # a due that is missing is not known to be nothing
        ever_due = ever_due or not owed <= 0
        if late > 0:
            settled = owed > 0 and given >= owed
            if settled and has_arrears:
                # arrears leave out what fell due on the last day itself
                settled = not fresh and given >= owed + arrears[i - 1] and late != passed
            if settled and late >= before:
                _mark(counts, first, PAID_BUT_LATE, i)
            if not ever_due:
                _mark(counts, first, NEVER_DUE, i)
            # a written-off or sold claim is late without standing on the books
            if held <= 0 and state not in (CHARGED_OFF, SOLD):
                _mark(counts, first, NOTHING_OWED, i)
        elif late < before and late == 0 and given <= 0:
            _mark(counts, first, FELL_UNPAID, i)
        before = late if has_dpd else np.nan
        # ---- amounts
        if cap < 0:
            _mark(counts, first, NEGATIVE_LIMIT, i)
        elif cap > 0 and held > cap:
            _mark(counts, first, ABOVE_LIMIT, i)
        if owed < 0:
            _mark(counts, first, NEGATIVE_DUE, i)
        if given < 0:
            _mark(counts, first, NEGATIVE_PAID, i)
        if (
            abs(late) > _LARGEST
            or abs(owed) > _LARGEST
            or abs(given) > _LARGEST
            or abs(held) > _LARGEST
            or abs(cap) > _LARGEST
        ):
            _mark(counts, first, INFINITE, i)
        # ---- the end of an account, and what came after
        if has_lost:
            ever_lost = ever_lost or lost[i] > 0
            if lost[i] < 0:
                _mark(counts, first, NEGATIVE_WRITTEN_OFF, i)
        ever_lost = ever_lost or state == CHARGED_OFF
        if has_back:
            if back[i] > 0 and not ever_lost:
                _mark(counts, first, RECOVERED_EARLY, i)
            if back[i] < 0:
                _mark(counts, first, NEGATIVE_RECOVERED, i)
        if ended >= 0 and _lives(ended, state, owed, held, late):
            _mark(counts, first, AFTER_END, i)
        if state in (PAID_OFF, CHARGED_OFF, SOLD):
            ended = state
    return counts, first


@compiled
def _lives(ended, state, owed, held, late):
    """Say whether a row goes on as if its account had not ended before."""
    if state in (OPEN, OTHER):
        return True
    if ended == CHARGED_OFF:
        # a written-off account may still be collected, sold or settled, but nothing new falls due
        return owed > 0
    if ended == SOLD and state != SOLD:
        return True
    return owed > 0 or held > 0 or late > 0
