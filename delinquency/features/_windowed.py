"""More of each window: severities, shortfalls, spreads, trends, and how a revolving line is used."""

from __future__ import annotations

import math

import numpy as np

from delinquency.features._compile import compiled
from delinquency.features._rows import Block
from delinquency.features._windowed_entries import WINDOWED

__all__ = ["BLOCK"]

# Slots of one window, in the order of the entries.
DPD7_COUNT, DPD60_COUNT, DPD90_COUNT, DPD_STD, DPD_SLOPE, DPD_DUE_WEIGHTED = range(6)
SHORT_COUNT, FULL_SHARE, SHORTFALL_SHARE, PAYMENT_RATIO_MAX, PAYMENT_RATIO_SLOPE = range(6, 11)
AMOUNT_PAID_MEAN, BALANCE_SLOPE, UTILISATION_STD, NEAR_LIMIT_COUNT, OVER_LIMIT_COUNT = range(11, 16)
SPEND_MEAN, PAID_TO_BALANCE, CLEAN_STREAK_MAX = range(16, 19)
SLOTS = 19
NAN = np.nan


@compiled
def spread(n, d, dd):
    """Return the standard deviation (ddof 1) from the sums of differences and of their squares."""
    return math.sqrt(max(dd - d * d / n, 0.0) / (n - 1)) if n > 1 else NAN


@compiled
def fall(n, x, xx, d, xd):
    """Return the slope on the calendar from sums over ages, which run the other way."""
    return (x * d - n * xd) / (n * xx - x * x) if n > 1 else NAN


@compiled
def window_features(cuts, rows, windows, out, at):
    """Write the features; differences are taken from the newest known value, as in the core."""
    month, since, days = rows.month, rows.since, rows.days
    due, paid, balance, limit = rows.due, rows.paid, rows.balance, rows.limit
    for r in range(len(cuts.begins)):
        begin, view, now = cuts.begins[r], cuts.views[r], cuts.nows[r]
        i = later = cuts.ends[r] - 1
        newest_days = days[i]
        n = n_x = n_xx = dpd7 = dpd60 = dpd90 = clean = clean_max = 0
        days_d = days_dd = days_xd = days_due = due_weight = 0.0
        n_ratio = ratio_x = ratio_xx = short = full = 0
        ratio0 = ratio_d = ratio_xd = shortfall = due_sum = 0.0
        ratio_max = -math.inf
        n_paid = n_balance = balance_x = balance_xx = 0
        paid0 = paid_d = balance0 = balance_d = balance_xd = 0.0
        n_use = near = over = n_spend = 0
        use0 = use_d = use_dd = spend = pair_paid = pair_balance = 0.0

        for w in range(len(windows)):
            while i >= begin and now - month[i] < windows[w]:
                if since[i] > view:
                    i -= 1
                    continue
                age = now - month[i]
                n += 1
                n_x += age
                n_xx += age * age
                dpd7 += days[i] >= 7
                dpd60 += days[i] >= 60
                dpd90 += days[i] >= 90
                step = days[i] - newest_days
                days_d += step
                days_dd += step * step
                days_xd += age * step
                clean = clean + 1 if days[i] < 1 else 0
                clean_max = max(clean_max, clean)

                if due[i] > 0:
                    days_due += days[i] * due[i]
                    due_weight += due[i]
                    ratio = paid[i] / due[i]
                    if ratio == ratio:
                        if n_ratio == 0:
                            ratio0 = ratio
                        n_ratio += 1
                        ratio_x += age
                        ratio_xx += age * age
                        ratio_d += ratio - ratio0
                        ratio_xd += age * (ratio - ratio0)
                        ratio_max = max(ratio_max, ratio)
                        short += paid[i] < due[i]
                        full += paid[i] >= due[i]
                        shortfall += max(due[i] - paid[i], 0.0)
                        due_sum += due[i]

                if paid[i] == paid[i]:
                    if n_paid == 0:
                        paid0 = paid[i]
                    n_paid += 1
                    paid_d += paid[i] - paid0

                if balance[i] == balance[i]:
                    if n_balance == 0:
                        balance0 = balance[i]
                    n_balance += 1
                    balance_x += age
                    balance_xx += age * age
                    balance_d += balance[i] - balance0
                    balance_xd += age * (balance[i] - balance0)

                use = balance[i] / limit[i] if limit[i] > 0 else NAN
                if use == use:
                    if n_use == 0:
                        use0 = use
                    n_use += 1
                    use_d += use - use0
                    use_dd += (use - use0) * (use - use0)
                    near += use >= 0.9
                    over += balance[i] > limit[i]

                if month[later] - month[i] == 1 and paid[later] == paid[later]:
                    spent = balance[later] - balance[i] + paid[later]
                    if spent == spent:
                        n_spend += 1
                        spend += spent
                    if balance[i] > 0:
                        pair_paid += paid[later]
                        pair_balance += balance[i]
                later = i
                i -= 1

            o = at + SLOTS * w
            out[r, o + DPD7_COUNT] = dpd7
            out[r, o + DPD60_COUNT] = dpd60
            out[r, o + DPD90_COUNT] = dpd90
            out[r, o + DPD_STD] = spread(n, days_d, days_dd)
            out[r, o + DPD_SLOPE] = fall(n, n_x, n_xx, days_d, days_xd)
            out[r, o + DPD_DUE_WEIGHTED] = days_due / due_weight if due_weight > 0 else NAN
            out[r, o + SHORT_COUNT] = short
            out[r, o + FULL_SHARE] = full / n_ratio if n_ratio > 0 else NAN
            out[r, o + SHORTFALL_SHARE] = shortfall / due_sum if n_ratio > 0 else NAN
            out[r, o + PAYMENT_RATIO_MAX] = ratio_max if n_ratio > 0 else NAN
            out[r, o + PAYMENT_RATIO_SLOPE] = fall(n_ratio, ratio_x, ratio_xx, ratio_d, ratio_xd)
            out[r, o + AMOUNT_PAID_MEAN] = paid0 + paid_d / n_paid if n_paid > 0 else NAN
            out[r, o + BALANCE_SLOPE] = fall(
                n_balance, balance_x, balance_xx, balance_d, balance_xd
            )
            out[r, o + UTILISATION_STD] = spread(n_use, use_d, use_dd)
            out[r, o + NEAR_LIMIT_COUNT] = near
            out[r, o + OVER_LIMIT_COUNT] = over
            out[r, o + SPEND_MEAN] = spend / n_spend if n_spend > 0 else NAN
            out[r, o + PAID_TO_BALANCE] = pair_paid / pair_balance if pair_balance > 0 else NAN
            out[r, o + CLEAN_STREAK_MAX] = clean_max


BLOCK = Block(window_features, windowed=WINDOWED, once=())
