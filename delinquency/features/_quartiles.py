"""Quartiles of each window: a middle that one bad month does not move, and how bad the bad months were."""

from __future__ import annotations

import numpy as np

from delinquency.features._compile import compiled
from delinquency.features._feature import Feature
from delinquency.features._rows import Block
from delinquency.features._words import DPD, NO_RATIO, NO_ROW, NO_USE, PAY, USE

__all__ = ["BLOCK"]


_ENTRIES = (
    Feature(
        "dpd_median",
        family="quartiles",
        topic="arrears",
        inputs=DPD,
        unit="days",
        missing=NO_ROW,
        sign=1,
        reason_en="Days past due in a usual month of the last {months}: {value:.0f}.",
        reason_zh="最近{months}个月逾期天数中位数:{value:.0f}天。",
        definition="median of days_past_due",
    ),
    Feature(
        "dpd_q3",
        family="quartiles",
        topic="arrears",
        inputs=DPD,
        unit="days",
        missing=NO_ROW,
        sign=1,
        reason_en="Days past due exceeded in a quarter of the last {months} months: {value:.0f}.",
        reason_zh="最近{months}个月逾期天数上四分位数:{value:.0f}天。",
        definition="upper quartile of days_past_due",
    ),
    Feature(
        "payment_ratio_q1",
        family="quartiles",
        topic="payments",
        inputs=PAY,
        unit="ratio",
        missing=NO_RATIO,
        sign=-1,
        reason_en="Share of the due paid in the weaker months of the last {months}: {value:.0%}.",
        reason_zh="最近{months}个月单月还款比例下四分位数:{value:.0%}。",
        definition="lower quartile of amount_paid / amount_due over rows with amount_due > 0",
    ),
    Feature(
        "payment_ratio_median",
        family="quartiles",
        topic="payments",
        inputs=PAY,
        unit="ratio",
        missing=NO_RATIO,
        sign=-1,
        reason_en="Share of the due paid in a usual month of the last {months}: {value:.0%}.",
        reason_zh="最近{months}个月单月还款比例中位数:{value:.0%}。",
        definition="median of amount_paid / amount_due over rows with amount_due > 0",
    ),
    Feature(
        "utilisation_median",
        family="quartiles",
        topic="utilisation",
        inputs=USE,
        unit="share",
        missing=NO_USE,
        reason_en="Use of the limit in a usual month of the last {months}: {value:.0%}.",
        reason_zh="最近{months}个月额度使用率中位数:{value:.0%}。",
        definition="median of balance / credit_limit",
    ),
    Feature(
        "utilisation_q3",
        family="quartiles",
        topic="utilisation",
        inputs=USE,
        unit="share",
        missing=NO_USE,
        reason_en="Use of the limit exceeded in a quarter of the last {months} months: {value:.0%}.",
        reason_zh="最近{months}个月额度使用率上四分位数:{value:.0%}。",
        definition="upper quartile of balance / credit_limit",
    ),
)

DPD_MEDIAN, DPD_Q3, PAYMENT_RATIO_Q1, PAYMENT_RATIO_MEDIAN, UTILISATION_MEDIAN, UTILISATION_Q3 = (
    range(6)
)
SLOTS = 6
NAN = np.nan


@compiled
def put(values, n, value):
    """Put a value in its place among the first n, which rise."""
    while n > 0 and values[n - 1] > value:
        values[n] = values[n - 1]
        n -= 1
    values[n] = value


@compiled
def quantile(values, n, share):
    """Return the quantile of n rising values, on the line between its two neighbours."""
    if n == 0:
        return NAN
    place = share * (n - 1)
    below = int(place)
    if below + 1 == n:
        return values[below]
    return values[below] + (place - below) * (values[below + 1] - values[below])


@compiled
def quartile_features(cuts, rows, windows, out, at):
    """Write the features above; windows are nested, so what is sorted stays sorted."""
    month, since, days = rows.month, rows.since, rows.days
    longest = windows[len(windows) - 1]  # a month has one row, so no window holds more
    lates, ratios, uses = np.empty(longest), np.empty(longest), np.empty(longest)
    for r in range(len(cuts.begins)):
        begin, view, now = cuts.begins[r], cuts.views[r], cuts.nows[r]
        i = cuts.ends[r] - 1
        n = n_ratio = n_use = 0
        for w in range(len(windows)):
            while i >= begin and now - month[i] < windows[w]:
                if since[i] <= view:
                    put(lates, n, days[i])
                    n += 1
                    if rows.due[i] > 0 and rows.paid[i] == rows.paid[i]:
                        put(ratios, n_ratio, rows.paid[i] / rows.due[i])
                        n_ratio += 1
                    if rows.limit[i] > 0 and rows.balance[i] == rows.balance[i]:
                        put(uses, n_use, rows.balance[i] / rows.limit[i])
                        n_use += 1
                i -= 1
            o = at + SLOTS * w
            out[r, o + DPD_MEDIAN] = quantile(lates, n, 0.5)
            out[r, o + DPD_Q3] = quantile(lates, n, 0.75)
            out[r, o + PAYMENT_RATIO_Q1] = quantile(ratios, n_ratio, 0.25)
            out[r, o + PAYMENT_RATIO_MEDIAN] = quantile(ratios, n_ratio, 0.5)
            out[r, o + UTILISATION_MEDIAN] = quantile(uses, n_use, 0.5)
            out[r, o + UTILISATION_Q3] = quantile(uses, n_use, 0.75)


BLOCK = Block(quartile_features, windowed=_ENTRIES, once=())
