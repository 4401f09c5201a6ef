"""More of each window: severities, shortfalls, spreads, trends, and how a revolving line is used."""

from __future__ import annotations

import math

import numpy as np

from delinquency.features._compile import compiled
from delinquency.features._feature import Feature
from delinquency.features._rows import Block

__all__ = ["BLOCK"]

_DPD = ("days_past_due",)
_PAY = ("amount_due", "amount_paid")
_USE = ("balance", "credit_limit")
_NEVER = "never: an empty window counts as 0"
_NO_RATIO = "no month in the window with a due above zero and a known payment"


def _late(days: int) -> Feature:
    return Feature(
        f"dpd{days}_count",
        family="primitives",
        topic="arrears",
        inputs=_DPD,
        unit="months",
        missing=_NEVER,
        sign=1,
        reason_en=f"Months {days} or more days late in the last {{months}} months: {{value:.0f}}.",
        reason_zh=f"最近{{months}}个月中逾期{days}天及以上的月数:{{value:.0f}}个月。",
        definition=f"rows with days_past_due >= {days}",
    )


_ENTRIES = (
    _late(7),
    _late(60),
    _late(90),
    Feature(
        "dpd_std",
        family="aggregates",
        topic="arrears",
        inputs=_DPD,
        unit="days",
        missing="fewer than 2 months on record in the window",
        reason_en="Spread of days past due over {months} months: {value:.1f}.",
        reason_zh="最近{months}个月逾期天数的标准差:{value:.1f}天。",
        definition="standard deviation (ddof 1) of days_past_due",
    ),
    Feature(
        "dpd_slope",
        family="trends",
        topic="arrears",
        inputs=_DPD,
        unit="days per month",
        missing="fewer than 2 months on record in the window",
        reason_en="Change in days past due per month over {months} months: {value:+.1f}.",
        reason_zh="最近{months}个月逾期天数每月变化:{value:+.1f}天。",
        definition="least-squares slope of days_past_due on month",
    ),
    Feature(
        "dpd_due_weighted",
        family="primitives",
        topic="arrears",
        inputs=("days_past_due", "amount_due"),
        unit="days",
        missing="no month in the window with a due above zero",
        sign=1,
        reason_en="Days past due over {months} months, weighted by what was due: {value:.1f}.",
        reason_zh="最近{months}个月按应还金额加权的逾期天数:{value:.1f}天。",
        definition="sum of days_past_due x amount_due / sum of amount_due over rows with amount_due > 0",
    ),
    Feature(
        "short_count",
        family="primitives",
        topic="payments",
        inputs=_PAY,
        unit="months",
        missing=_NEVER,
        sign=1,
        reason_en="Months in which less than the due was paid, in {months} months: {value:.0f}.",
        reason_zh="最近{months}个月中未足额还款的月数:{value:.0f}个月。",
        definition="rows with amount_due > 0 and amount_paid < amount_due",
    ),
    Feature(
        "full_share",
        family="primitives",
        topic="payments",
        inputs=_PAY,
        unit="share",
        missing=_NO_RATIO,
        sign=-1,
        reason_en="Share of the last {months} months with a due in which it was paid in full: "
        "{value:.0%}.",
        reason_zh="最近{months}个月应还月份中足额还款的比例:{value:.0%}。",
        definition="share of rows with amount_paid >= amount_due among those with amount_due > 0",
    ),
    Feature(
        "shortfall_share",
        family="primitives",
        topic="payments",
        inputs=_PAY,
        unit="share",
        missing=_NO_RATIO,
        sign=1,
        reason_en="Share of what was due that stayed unpaid in its month, {months} months: {value:.0%}.",
        reason_zh="最近{months}个月当月未还金额占应还金额的比例:{value:.0%}。",
        definition="sum of max(amount_due - amount_paid, 0) / sum of amount_due over rows with "
        "amount_due > 0",
    ),
    Feature(
        "payment_ratio_max",
        family="aggregates",
        topic="payments",
        inputs=_PAY,
        unit="ratio",
        missing=_NO_RATIO,
        sign=-1,
        reason_en="Largest share of a monthly due paid in the last {months} months: {value:.0%}.",
        reason_zh="最近{months}个月单月还款比例最高值:{value:.0%}。",
        definition="largest amount_paid / amount_due over rows with amount_due > 0",
    ),
    Feature(
        "payment_ratio_slope",
        family="trends",
        topic="payments",
        inputs=_PAY,
        unit="ratio per month",
        missing="fewer than 2 months in the window with a due above zero and a known payment",
        reason_en="Change in the share of the due paid per month over {months} months: {value:+.1%}.",
        reason_zh="最近{months}个月单月还款比例每月变化:{value:+.1%}。",
        definition="least-squares slope of amount_paid / amount_due on month, over rows with "
        "amount_due > 0",
    ),
    Feature(
        "amount_paid_mean",
        family="aggregates",
        topic="payments",
        inputs=("amount_paid",),
        unit="money",
        missing="no month in the window with a known payment",
        reason_en="Average monthly payment over {months} months: {value:,.0f}.",
        reason_zh="最近{months}个月月均还款金额:{value:,.0f}。",
        definition="mean amount_paid",
    ),
    Feature(
        "balance_slope",
        family="trends",
        topic="balance",
        inputs=("balance",),
        unit="money per month",
        missing="fewer than 2 months in the window with a known balance",
        reason_en="Change in balance per month over {months} months: {value:+,.0f}.",
        reason_zh="最近{months}个月余额每月变化:{value:+,.0f}。",
        definition="least-squares slope of balance on month",
    ),
    Feature(
        "utilisation_std",
        family="aggregates",
        topic="utilisation",
        inputs=_USE,
        unit="share",
        missing="fewer than 2 months in the window with a known use of the limit",
        reason_en="Spread of the use of the limit over {months} months: {value:.1%}.",
        reason_zh="最近{months}个月额度使用率的标准差:{value:.1%}。",
        definition="standard deviation (ddof 1) of balance / credit_limit",
    ),
    Feature(
        "near_limit_count",
        family="revolving",
        topic="utilisation",
        inputs=_USE,
        unit="months",
        missing=_NEVER,
        reason_en="Months with 90% or more of the limit in use, in {months} months: {value:.0f}.",
        reason_zh="最近{months}个月中额度使用率达90%及以上的月数:{value:.0f}个月。",
        definition="rows with balance / credit_limit >= 0.9",
    ),
    Feature(
        "over_limit_count",
        family="revolving",
        topic="utilisation",
        inputs=_USE,
        unit="months",
        missing=_NEVER,
        reason_en="Months with a balance above the limit in the last {months} months: {value:.0f}.",
        reason_zh="最近{months}个月中余额超过额度的月数:{value:.0f}个月。",
        definition="rows with balance > credit_limit > 0",
    ),
    Feature(
        "spend_mean",
        family="revolving",
        topic="balance",
        inputs=("balance", "amount_paid"),
        unit="money",
        missing="no two months in a row in the window with known balances and payment",
        reason_en="Average implied spending per month over {months} months: {value:,.0f}.",
        reason_zh="最近{months}个月月均推算消费金额:{value:,.0f}。",
        definition="mean of balance - previous balance + amount_paid over rows whose previous month "
        "is in the window",
    ),
    Feature(
        "paid_to_balance",
        family="revolving",
        topic="payments",
        inputs=("balance", "amount_paid"),
        unit="ratio",
        missing="no two months in a row in the window with a balance above zero and a known payment",
        sign=-1,
        reason_en="Share of the balance paid off each month over {months} months: {value:.0%}.",
        reason_zh="最近{months}个月每月还款占上月余额的比例:{value:.0%}。",
        definition="sum of amount_paid / sum of previous balance over rows whose previous month is "
        "in the window with a balance above zero",
    ),
    Feature(
        "clean_streak_max",
        family="streaks",
        topic="arrears",
        inputs=_DPD,
        unit="months",
        missing=_NEVER,
        sign=-1,
        reason_en="Longest run of months without arrears within {months} months: {value:.0f}.",
        reason_zh="最近{months}个月内最长连续无逾期月数:{value:.0f}个月。",
        definition="longest run of rows with days_past_due < 1",
    ),
)

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
    """Write the features above; differences are taken from the newest known value, as in the core."""
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


BLOCK = Block(window_features, windowed=_ENTRIES, once=())
