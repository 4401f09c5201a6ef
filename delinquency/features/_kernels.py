"""The loops: one walk back in time per account, each window written on the way.

Rows stand sorted by account and month. A *cut* is what one account looks like from one snapshot: the rows
``begin <= i < end`` and the snapshot month. Windows are nested, so the walk takes in rows until it comes
to the edge of a window, writes that window, and walks on. Sums therefore have one order, newest row
first, whatever the chunk or the thread.

To add a windowed feature: give it a slot below, take it in beside its likes, write it beside its
likes, and enter it in `_core_windowed` at the same place. A missing number is NaN, and ``x == x`` asks
whether it is known.
"""

from __future__ import annotations

import math

import numpy as np

from delinquency.features._compile import compiled

__all__ = ["core_features", "find_cuts"]

# Slots of one window, in the order of `_core_windowed.WINDOWED`.
N_OBS, DPD_MAX, DPD_MEAN, DPD1_COUNT, DPD30_COUNT, MONTHS_SINCE_DPD30 = range(6)
CURRENT_STREAK, WORST_STREAK = range(6, 8)
UTILISATION_MEAN, UTILISATION_MAX, UTILISATION_MIN, UTILISATION_SLOPE = range(8, 12)
PAID_TO_DUE, PAYMENT_RATIO_MIN, PAYMENT_RATIO_MEAN, PAYMENT_RATIO_STD, MISSED_COUNT = range(12, 17)
UTILISATION_LAST_MINUS_MEAN, DPD_LAST_MINUS_MEAN = range(17, 19)
BALANCE_MEAN, BALANCE_LAST_MINUS_MEAN, ROLL_FORWARD_COUNT, ROLL_BACK_COUNT = range(19, 23)
WINDOW_SLOTS = 23

# Slots told once, counted from the end of the last window, in the order of `_core_once.ONCE`.
DPD_LAST, UTILISATION_LAST, BALANCE_LAST, AMOUNT_DUE_LAST, AMOUNT_PAID_LAST = range(5)
CREDIT_LIMIT_LAST, MONTHS_SINCE_LAST_OBS, MONTHS_OBSERVED_24M = range(5, 8)

NAN = np.nan

# An index that went through this mask is seen not to be negative, so the compiler need not ask, at each
# access, whether it counts from the end. The loops run a quarter faster for it.
PLAIN = (1 << 62) - 1


@compiled
def bucket_of(dpd):
    """Return 0 when current, else the months late, 1 to 7."""
    return 0.0 if dpd <= 0 else min(1.0 + np.floor(dpd / 30), 7.0)


@compiled
def find_cuts(starts, month, since, nows, horizon, begins, ends):
    """Write the rows that each account shows to each snapshot; none where begin equals end.

    Row i is known from snapshot ``since[i]`` on; rows at or beyond `horizon` months back are not read.
    Snapshots rise, so the edges of their spans move one way and each row is passed once.
    """
    for account in range(len(starts) - 1):
        begin, stop = starts[account], starts[account + 1]
        end = begin
        for k in range(len(nows)):
            while end < stop and month[end] <= nows[k]:
                end += 1
            while begin < end and month[begin] <= nows[k] - horizon:
                begin += 1
            first, last = begin, end
            while first < last and since[last - 1] > k:
                last -= 1
            while first < last and since[first] > k:
                first += 1
            begins[account, k] = first
            ends[account, k] = last


@compiled
def core_features(cuts, rows, windows, out, at):
    """Write the core features of each cut into its row of `out`, from column `at` on.

    Means, spreads and slopes are summed as differences from the newest known value: no digits are lost
    when all values are far from zero, and a customer who never changes has exactly no spread.
    """
    month, since, dpd, due, paid = rows.month, rows.since, rows.days, rows.due, rows.paid
    balance, limit = rows.balance, rows.limit
    once = (at + WINDOW_SLOTS * len(windows)) & PLAIN
    for r in range(len(cuts.begins)):
        begin, last = cuts.begins[r], cuts.ends[r] - 1
        view, now = cuts.views[r], cuts.nows[r]
        use_last = balance[last] / limit[last] if limit[last] > 0 else NAN

        n = dpd1 = dpd30 = since30 = missed = forward = back = 0
        dpd_max = dpd_sum = bucket = later_bucket = 0.0
        current = run = worst = 0
        n_use = use_x = use_xx = 0
        use0 = use_d = use_xd = 0.0
        use_max, use_min = -math.inf, math.inf
        n_ratio = 0
        ratio0 = ratio_d = ratio_dd = due_sum = paid_sum = 0.0
        ratio_min = math.inf
        n_balance = 0
        balance0 = balance_d = 0.0
        oldest = -1

        i = last
        for w in range(len(windows)):
            o = (at + WINDOW_SLOTS * w) & PLAIN
            while i >= begin and now - month[i & PLAIN] < windows[w]:
                i &= PLAIN
                if since[i] > view:
                    i -= 1
                    continue
                age = now - month[i]
                n += 1
                if age < 24:
                    oldest = age

                days = dpd[i]
                dpd_max = max(dpd_max, days)
                dpd_sum += days
                if days >= 30:
                    if dpd30 == 0:
                        since30 = age
                    dpd30 += 1
                if days >= 1:
                    dpd1 += 1
                    run += 1
                    worst = max(worst, run)
                    if run == n:
                        current = n
                else:
                    run = 0
                bucket = bucket_of(days)
                if n > 1:
                    forward += later_bucket > bucket
                    back += later_bucket < bucket
                later_bucket = bucket

                use = balance[i] / limit[i] if limit[i] > 0 else NAN
                if use == use:
                    if n_use == 0:
                        use0 = use
                    n_use += 1
                    use_x += age
                    use_xx += age * age
                    use_d += use - use0
                    use_xd += age * (use - use0)
                    use_max = max(use_max, use)
                    use_min = min(use_min, use)

                if due[i] == due[i] and paid[i] == paid[i]:
                    due_sum += due[i]
                    paid_sum += paid[i]
                    if due[i] > 0:
                        ratio = paid[i] / due[i]
                        if n_ratio == 0:
                            ratio0 = ratio
                        n_ratio += 1
                        ratio_d += ratio - ratio0
                        ratio_dd += (ratio - ratio0) * (ratio - ratio0)
                        ratio_min = min(ratio_min, ratio)
                        missed += paid[i] <= 0

                if balance[i] == balance[i]:
                    if n_balance == 0:
                        balance0 = balance[i]
                    n_balance += 1
                    balance_d += balance[i] - balance0
                i -= 1

            out[r, o + N_OBS] = n
            out[r, o + DPD_MAX] = dpd_max if n > 0 else NAN
            out[r, o + DPD_MEAN] = dpd_sum / n if n > 0 else NAN
            out[r, o + DPD1_COUNT] = dpd1
            out[r, o + DPD30_COUNT] = dpd30
            out[r, o + MONTHS_SINCE_DPD30] = since30 if dpd30 > 0 else NAN
            out[r, o + CURRENT_STREAK] = current
            out[r, o + WORST_STREAK] = worst
            out[r, o + UTILISATION_MEAN] = use0 + use_d / n_use if n_use > 0 else NAN
            out[r, o + UTILISATION_MAX] = use_max if n_use > 0 else NAN
            out[r, o + UTILISATION_MIN] = use_min if n_use > 0 else NAN
            out[r, o + UTILISATION_SLOPE] = (
                (use_x * use_d - n_use * use_xd) / (n_use * use_xx - use_x * use_x)
                if n_use > 1
                else NAN
            )
            out[r, o + PAID_TO_DUE] = paid_sum / due_sum if due_sum > 0 else NAN
            out[r, o + PAYMENT_RATIO_MIN] = ratio_min if n_ratio > 0 else NAN
            out[r, o + PAYMENT_RATIO_MEAN] = ratio0 + ratio_d / n_ratio if n_ratio > 0 else NAN
            out[r, o + PAYMENT_RATIO_STD] = (
                math.sqrt(max(ratio_dd - ratio_d * ratio_d / n_ratio, 0.0) / (n_ratio - 1))
                if n_ratio > 1
                else NAN
            )
            out[r, o + MISSED_COUNT] = missed
            out[r, o + UTILISATION_LAST_MINUS_MEAN] = (
                0.0 - use_d / n_use if n_use > 0 and use_last == use_last else NAN
            )
            out[r, o + DPD_LAST_MINUS_MEAN] = dpd[last] - dpd_sum / n if n > 0 else NAN
            out[r, o + BALANCE_MEAN] = balance0 + balance_d / n_balance if n_balance > 0 else NAN
            out[r, o + BALANCE_LAST_MINUS_MEAN] = (
                0.0 - balance_d / n_balance
                if n_balance > 0 and balance[last] == balance[last]
                else NAN
            )
            out[r, o + ROLL_FORWARD_COUNT] = forward
            out[r, o + ROLL_BACK_COUNT] = back

        for j in range(i, begin - 1, -1):  # windows may be shorter than what is told once
            if since[j] <= view and now - month[j] < 24:
                oldest = now - month[j]
        out[r, once + DPD_LAST] = dpd[last]
        out[r, once + UTILISATION_LAST] = use_last
        out[r, once + BALANCE_LAST] = balance[last]
        out[r, once + AMOUNT_DUE_LAST] = due[last]
        out[r, once + AMOUNT_PAID_LAST] = paid[last]
        out[r, once + CREDIT_LIMIT_LAST] = limit[last]
        out[r, once + MONTHS_SINCE_LAST_OBS] = now - month[last]
        out[r, once + MONTHS_OBSERVED_24M] = oldest + 1 if oldest >= 0 else NAN
