"""How the line is used and paid down: payment by delay grid, revolving use, instalment plans."""

from __future__ import annotations

import math

import numpy as np

from delinquency.features._compile import compiled
from delinquency.features._feature import Feature
from delinquency.features._rows import Block
from delinquency.features._words import LAST_24, NO_ROW_IS_0, USE

__all__ = ["BLOCK"]

LOOK = 24
YEAR = 12

_PAYMENT = (
    ("none", "no payment", "未还款", "amount_paid <= 0"),
    ("part", "less than half of the due paid", "还款不足应还一半", "0 < ratio < 0.5"),
    ("most", "at least half of the due paid", "还款达应还一半以上但未足额", "0.5 <= ratio < 1"),
    ("full", "the due paid in full", "足额还款", "ratio >= 1"),
)
_DELAY = (
    ("dpd0", "no arrears", "无逾期", "days_past_due < 1"),
    ("dpd1", "1 to 29 days late", "逾期1至29天", "1 <= days_past_due < 30"),
    ("dpd30", "30 or more days late", "逾期30天及以上", "days_past_due >= 30"),
)

_GRID = tuple(
    Feature(
        f"paid_{paid[0]}_{late[0]}_count",
        family="grids",
        topic="payments",
        inputs=("days_past_due", "amount_due", "amount_paid"),
        unit="months",
        missing=NO_ROW_IS_0,
        reason_en=f"Months of the last 12 with {paid[1]} and {late[1]}: {{value:.0f}}.",
        reason_zh=f"最近12个月中{paid[2]}且{late[2]}的月数:{{value:.0f}}个月。",
        definition=f"rows of the last 12 months with amount_due > 0, ratio = amount_paid / amount_due, "
        f"{paid[3]} and {late[3]}",
        window=YEAR,
    )
    for paid in _PAYMENT
    for late in _DELAY
)

_LINE = (
    Feature(
        "headroom_last",
        family="revolving",
        topic="utilisation",
        inputs=USE,
        unit="money",
        missing="unknown balance or limit in the last month on record",
        reason_en="Limit left unused in the last month on record: {value:,.0f}.",
        reason_zh="最近有记录月份的剩余可用额度:{value:,.0f}。",
        definition="credit_limit minus balance of the last row",
    ),
    Feature(
        "limit_change_share",
        family="revolving",
        topic="limit",
        inputs=("credit_limit",),
        unit="share",
        missing="unknown limit in the last month on record, or no first known limit above zero",
        reason_en="Change of the credit limit over the last 24 months: {value:+.0%}.",
        reason_zh="最近24个月信用额度变化幅度:{value:+.0%}。",
        definition=f"credit_limit of the last row / the first known credit_limit - 1{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "limit_rise_count",
        family="revolving",
        topic="limit",
        inputs=("credit_limit",),
        unit="months",
        missing=NO_ROW_IS_0,
        reason_en="Times the credit limit was raised in the last 24 months: {value:.0f}.",
        reason_zh="最近24个月额度上调次数:{value:.0f}次。",
        definition=f"rows whose credit_limit is above that of the row before{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "limit_cut_count",
        family="revolving",
        topic="limit",
        inputs=("credit_limit",),
        unit="months",
        missing=NO_ROW_IS_0,
        reason_en="Times the credit limit was cut in the last 24 months: {value:.0f}.",
        reason_zh="最近24个月额度下调次数:{value:.0f}次。",
        definition=f"rows whose credit_limit is below that of the row before{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "credit_balance_count",
        family="revolving",
        topic="balance",
        inputs=("balance",),
        unit="months",
        missing=NO_ROW_IS_0,
        reason_en="Months of the last 24 with a balance in the customer's favour: {value:.0f}.",
        reason_zh="最近24个月中余额为溢缴款的月数:{value:.0f}个月。",
        definition=f"rows with balance < 0{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "zero_balance_count",
        family="revolving",
        topic="balance",
        inputs=("balance",),
        unit="months",
        missing=NO_ROW_IS_0,
        reason_en="Months of the last 24 with nothing owed: {value:.0f}.",
        reason_zh="最近24个月中余额为零的月数:{value:.0f}个月。",
        definition=f"rows with balance = 0{LAST_24}",
        window=LOOK,
    ),
)

_INSTALMENTS = (
    Feature(
        "balance_last_over_first",
        family="instalments",
        topic="balance",
        inputs=("balance",),
        unit="ratio",
        missing="unknown balance in the last month on record, or no first known balance above zero",
        reason_en="Balance left as a share of that at the start of 24 months: {value:.0%}.",
        reason_zh="当前余额占近24个月初余额的比例:{value:.0%}。",
        definition=f"balance of the last row / the first known balance{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "balance_last_over_max",
        family="instalments",
        topic="balance",
        inputs=("balance",),
        unit="ratio",
        missing="unknown balance in the last month on record, or no balance above zero",
        reason_en="Balance left as a share of its peak of 24 months: {value:.0%}.",
        reason_zh="当前余额占近24个月最高余额的比例:{value:.0%}。",
        definition=f"balance of the last row / the largest balance{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "months_to_clear",
        family="instalments",
        topic="balance",
        inputs=("balance", "amount_paid"),
        unit="months",
        missing="unknown balance in the last month on record, or no payment above zero on average",
        reason_en="Months that the balance would take at the average payment of a year: {value:.1f}.",
        reason_zh="按近一年月均还款清偿余额所需月数:{value:.1f}个月。",
        definition="balance of the last row / mean amount_paid over the rows of the last 12 months",
        window=YEAR,
    ),
    Feature(
        "due_change_count",
        family="instalments",
        topic="payments",
        inputs=("amount_due",),
        unit="months",
        missing=NO_ROW_IS_0,
        reason_en="Times the amount due changed in the last 24 months: {value:.0f}.",
        reason_zh="最近24个月应还金额变动次数:{value:.0f}次。",
        definition=f"rows whose amount_due differs from that of the row before, both known{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "due_last_over_mean",
        family="instalments",
        topic="payments",
        inputs=("amount_due",),
        unit="ratio",
        missing="unknown due in the last month on record, or no mean above zero over 24 months",
        reason_en="Amount due now as a share of its average over 24 months: {value:.0%}.",
        reason_zh="当前应还金额与近24个月平均值之比:{value:.0%}。",
        definition=f"amount_due of the last row / its mean{LAST_24}",
        window=LOOK,
    ),
)

GRID = 12
HEADROOM_LAST, LIMIT_CHANGE_SHARE, LIMIT_RISE_COUNT, LIMIT_CUT_COUNT = range(12, 16)
CREDIT_BALANCE_COUNT, ZERO_BALANCE_COUNT = range(16, 18)
OVER_FIRST, OVER_MAX, MONTHS_TO_CLEAR, DUE_CHANGE_COUNT, DUE_OVER_MEAN = range(18, 23)
NAN = np.nan


@compiled
def cell_of(paid, ratio, days):
    """Return the place in the grid: payment class times three, plus delay class."""
    payment = 0 if paid <= 0 else 1 if ratio < 0.5 else 2 if ratio < 1 else 3
    delay = 0 if days < 1 else 1 if days < 30 else 2
    return 3 * payment + delay


@compiled
def line_features(cuts, rows, windows, out, at):
    """Write the features above."""
    month, since, days = rows.month, rows.since, rows.days
    due, paid, balance, limit = rows.due, rows.paid, rows.balance, rows.limit
    for r in range(len(cuts.begins)):
        last, view, now = cuts.ends[r] - 1, cuts.views[r], cuts.nows[r]
        in_time = now - month[last] < LOOK
        balance_last = balance[last] if in_time else NAN
        limit_last = limit[last] if in_time else NAN
        due_last = due[last] if in_time else NAN
        for slot in range(GRID):
            out[r, at + slot] = 0.0
        rises = cuts_ = credit = zero = due_changes = 0
        limit_first = balance_first = NAN
        balance_max = -math.inf
        n_paid = n_due = 0
        paid_sum = due_sum = 0.0
        later = -1
        for i in range(last, cuts.begins[r] - 1, -1):
            age = now - month[i]
            if age >= LOOK:
                break
            if since[i] > view:
                continue
            if age < YEAR:
                if due[i] > 0 and paid[i] == paid[i]:
                    out[r, at + cell_of(paid[i], paid[i] / due[i], days[i])] += 1
                if paid[i] == paid[i]:
                    n_paid += 1
                    paid_sum += paid[i]
            if limit[i] == limit[i]:
                limit_first = limit[i]
            if balance[i] == balance[i]:
                balance_first = balance[i]
                balance_max = max(balance_max, balance[i])
                credit += balance[i] < 0
                zero += balance[i] == 0
            if due[i] == due[i]:
                n_due += 1
                due_sum += due[i]
            if later >= 0:
                rises += limit[later] > limit[i]
                cuts_ += limit[later] < limit[i]
                due_changes += abs(due[later] - due[i]) > 0
            later = i
        out[r, at + HEADROOM_LAST] = limit[last] - balance[last]
        out[r, at + LIMIT_CHANGE_SHARE] = limit_last / limit_first - 1 if limit_first > 0 else NAN
        out[r, at + LIMIT_RISE_COUNT] = rises
        out[r, at + LIMIT_CUT_COUNT] = cuts_
        out[r, at + CREDIT_BALANCE_COUNT] = credit
        out[r, at + ZERO_BALANCE_COUNT] = zero
        out[r, at + OVER_FIRST] = balance_last / balance_first if balance_first > 0 else NAN
        out[r, at + OVER_MAX] = balance_last / balance_max if balance_max > 0 else NAN
        out[r, at + MONTHS_TO_CLEAR] = balance_last / (paid_sum / n_paid) if paid_sum > 0 else NAN
        out[r, at + DUE_CHANGE_COUNT] = due_changes
        out[r, at + DUE_OVER_MEAN] = due_last / (due_sum / n_due) if due_sum > 0 else NAN


BLOCK = Block(line_features, windowed=(), once=(*_GRID, *_LINE, *_INSTALMENTS))
