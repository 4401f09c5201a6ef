"""One pass over sorted dues and payments: what is open on each asked-for day (numba).

Two kernels give the same answer where both apply. `settle_in_order` is for the common case, every due
booked by its due date and payments that name no due: it walks each account once, forward in time.
`settle_by_group` weighs each day anew and handles everything else.
"""

from __future__ import annotations

import numpy as np

from delinquency.kernels import compiled

__all__ = ["count_material_days", "settle_by_group", "settle_in_order"]

NO_DAY = np.iinfo(np.int64).min


@compiled
def settle_in_order(
    due_start, due_day, due_amount, pay_start, pay_day, pay_amount, row_start, row_day, floor, share
):
    """Settle the oldest open due first.

    Parameters
    ----------
    due_start, pay_start, row_start : arrays of int64
        Where each account begins in the arrays that follow, and the length at the end.
    due_day, due_amount, pay_day, pay_amount : arrays
        Sorted by account and day.
    row_day : array of int64
        The days asked for, rising inside an account.
    floor, share : float
        A remainder of at most ``max(floor, share * amount)`` counts as settled.

    Returns
    -------
    oldest, arrears, fell_due, came_in : arrays, one value a row
        Day of the oldest open due (or no day), the sum of open remainders that were due before the
        day, and what fell due and came in since the row before.
    """
    n = len(row_day)
    oldest = np.full(n, NO_DAY, dtype=np.int64)
    arrears, fell_due, came_in = np.zeros(n), np.zeros(n), np.zeros(n)
    for account in range(len(due_start) - 1):
        first, last = due_start[account], due_start[account + 1]
        pay, pay_end = pay_start[account], pay_start[account + 1]
        fallen, front, settled, paid = first, first, 0.0, 0.0
        for row in range(row_start[account], row_start[account + 1]):
            day = row_day[row]
            while fallen < last and due_day[fallen] <= day:
                fell_due[row] += due_amount[fallen]
                fallen += 1
            while pay < pay_end and pay_day[pay] <= day:
                came_in[row] += pay_amount[pay]
                paid += pay_amount[pay]
                pay += 1
            # `settled` is the sum of the dues before `front`, all of them covered by what was paid
            while front > first and settled > paid:
                front -= 1
                settled -= due_amount[front]
            while front < last and settled + due_amount[front] <= paid:
                settled += due_amount[front]
                front += 1
            credit = max(paid - settled, 0.0)
            for due in range(front, last):
                if due_day[due] >= day:
                    break
                open_part = due_amount[due] - min(credit, due_amount[due])
                credit = 0.0
                if open_part > max(floor, share * due_amount[due]):
                    arrears[row] += open_part
                    if oldest[row] == NO_DAY:
                        oldest[row] = due_day[due]
    return oldest, arrears, fell_due, came_in


@compiled
def settle_by_group(
    due_start,
    due_day,
    due_amount,
    due_known,
    due_group,
    moved_to,
    moved_at,
    pay_start,
    pay_day,
    pay_amount,
    pay_group,
    row_start,
    row_day,
    floor,
    share,
):
    """Settle named dues first, then the oldest; dues count from the day they were booked.

    A payment with a group (0, 1, ... inside its account; -1 for none) settles the oldest due of that
    group first. What is left over, or missing after a reversal, joins the payments without a group,
    which settle the oldest due of all.

    Parameters
    ----------
    due_day : array of int64
        Contractual due days; the order of settlement.
    due_known : array of int64
        Day on which the due counts at the earliest.
    moved_to, moved_at : arrays of int64
        Where an extension moved the due, and from which day on that holds.

    Returns
    -------
    oldest, current, arrears, fell_due, came_in : arrays, one value a row
        As in `settle_in_order`, and in ``current`` the oldest open due by the moved dates.
    """
    n = len(row_day)
    oldest = np.full(n, NO_DAY, dtype=np.int64)
    current = np.full(n, NO_DAY, dtype=np.int64)
    arrears, fell_due, came_in = np.zeros(n), np.zeros(n), np.zeros(n)
    for account in range(len(due_start) - 1):
        first, last = due_start[account], due_start[account + 1]
        pay, pay_end = pay_start[account], pay_start[account + 1]
        groups = 0
        for due in range(first, last):
            groups = max(groups, due_group[due] + 1)
        named, left = np.zeros(groups), np.zeros(groups)
        open_part = np.zeros(last - first)
        unnamed, before = 0.0, NO_DAY
        for row in range(row_start[account], row_start[account + 1]):
            day = row_day[row]
            while pay < pay_end and pay_day[pay] <= day:
                came_in[row] += pay_amount[pay]
                if pay_group[pay] >= 0:
                    named[pay_group[pay]] += pay_amount[pay]
                else:
                    unnamed += pay_amount[pay]
                pay += 1
            for group in range(groups):
                left[group] = named[group]
            for due in range(first, last):
                open_part[due - first] = due_amount[due]
                if due_known[due] > day:
                    continue
                counted_from = max(due_known[due], due_day[due])
                if before < counted_from <= day:
                    fell_due[row] += due_amount[due]
                group = due_group[due]
                if group >= 0:
                    part = min(max(left[group], 0.0), due_amount[due])
                    open_part[due - first] -= part
                    left[group] -= part
            pool = unnamed
            for group in range(groups):
                pool += left[group]
            for due in range(first, last):
                if due_day[due] >= day:
                    break
                if due_known[due] > day:
                    continue
                part = min(max(pool, 0.0), open_part[due - first])
                pool -= part
                still_open = open_part[due - first] - part
                if still_open > max(floor, share * due_amount[due]):
                    arrears[row] += still_open
                    if oldest[row] == NO_DAY:
                        oldest[row] = due_day[due]
                    stands = moved_to[due] if moved_at[due] <= day else due_day[due]
                    if stands < day and (current[row] == NO_DAY or stands < current[row]):
                        current[row] = stands
            before = day
    return oldest, current, arrears, fell_due, came_in


@compiled
def count_material_days(row_start, row_day, arrears, exposure, absolute, share):
    """Count the days in a row on which arrears were material; each row lasts until the next one.

    Returns
    -------
    days : array of int64
        The counter at the end of each row's day: 0 where arrears are not material.
    """
    days = np.zeros(len(row_day), dtype=np.int64)
    for account in range(len(row_start) - 1):
        since = NO_DAY
        for row in range(row_start[account], row_start[account + 1]):
            if arrears[row] > absolute and arrears[row] > share * exposure[row]:
                if since == NO_DAY:
                    since = row_day[row]
                days[row] = row_day[row] - since + 1
            else:
                since = NO_DAY
    return days
