"""One time against another: short over long, last against before, steps, and rank in one's own history.

All over the last 24 months. The rows of one account are laid out once, newest first, and every feature
is a small question about that list.
"""

from __future__ import annotations

import math

import numpy as np

from delinquency.features._compile import compiled
from delinquency.features._feature import Feature
from delinquency.features._rows import Block
from delinquency.features._words import DPD, LAST_24, PAY, USE

__all__ = ["BLOCK"]

LOOK = 24

# What is looked at: stem, topic, inputs, unit, format, English, Chinese, definition of the row value.
_DAYS = ("dpd", "arrears", DPD, "days", ".1f", "days past due", "逾期天数", "days_past_due")
_UTILISATION = (
    "utilisation",
    "utilisation",
    USE,
    "share",
    ".0%",
    "use of the limit",
    "额度使用率",
    "balance / credit_limit",
)
_BALANCE = ("balance", "balance", ("balance",), "money", ",.0f", "balance", "余额", "balance")
_PAID = (
    "amount_paid",
    "payments",
    ("amount_paid",),
    "money",
    ",.0f",
    "payment",
    "还款金额",
    "amount_paid",
)
_RATIO = (
    "payment_ratio",
    "payments",
    PAY,
    "ratio",
    ".0%",
    "share of the due paid",
    "单月还款比例",
    "amount_paid / amount_due with amount_due > 0",
)
_Value = tuple[str, str, tuple[str, ...], str, str, str, str, str]


def _short_over_long(value: _Value, short: int, long: int) -> Feature:
    stem, topic, inputs, _, _, english, chinese, definition = value
    return Feature(
        f"{stem}_mean_{short}m_over_{long}m",
        family="short_over_long",
        topic=topic,
        inputs=inputs,
        unit="ratio",
        missing=f"unknown in the last {short} months, or no mean above zero over {long} months",
        reason_en=f"Average {english} over {short} months, as a share of that over {long} months: "
        "{value:.0%}.",
        reason_zh=f"近{short}个月平均{chinese}与近{long}个月平均值之比:{{value:.0%}}。",
        definition=f"mean {definition} over {short} months / the same over {long} months",
        window=long,
    )


def _year_back(months: int) -> tuple[Feature, ...]:
    span = f"rows with S - 12 - {months} < month <= S - {months}"
    return (
        Feature(
            f"dpd_mean_12m_back{months}",
            family="short_over_long",
            topic="arrears",
            inputs=DPD,
            unit="days",
            missing="no month on record in that year",
            sign=1,
            reason_en=f"Average days past due in the year that ended {months} months ago: {{value:.1f}}.",
            reason_zh=f"截至{months}个月前的一年内平均逾期天数:{{value:.1f}}天。",
            definition=f"mean days_past_due; {span}",
            window=12,
        ),
        Feature(
            f"paid_to_due_12m_back{months}",
            family="short_over_long",
            topic="payments",
            inputs=PAY,
            unit="ratio",
            missing="no due above zero in that year, over months whose due and payment are both known",
            sign=-1,
            reason_en="Share of what was due that was paid in the year that ended "
            f"{months} months ago: {{value:.0%}}.",
            reason_zh=f"截至{months}个月前的一年内已还金额占应还金额的比例:{{value:.0%}}。",
            definition=f"sum of amount_paid / sum of amount_due where both are known; {span}",
            window=12,
        ),
    )


def _against(value: _Value, other: str, english: str, chinese: str) -> Feature:
    stem, topic, inputs, unit, form, name_en, name_zh, definition = value
    return Feature(
        f"{stem}_last_minus_{other}",
        family="last_versus",
        topic=topic,
        inputs=inputs,
        unit=unit,
        missing="unknown in either of the two months, or only one month on record",
        reason_en=f"Change in {name_en} from the {english} month on record to the last: {{value:+{form}}}.",
        reason_zh=f"{name_zh}较{chinese}有记录月份的变化:{{value:+{form}}}。",
        definition=f"{definition} of the last row minus that of the {english} row{LAST_24}",
        window=LOOK,
    )


def _over_mean(value: _Value) -> Feature:
    stem, topic, inputs, _, _, name_en, name_zh, definition = value
    return Feature(
        f"{stem}_last_over_mean",
        family="last_versus",
        topic=topic,
        inputs=inputs,
        unit="ratio",
        missing="unknown in the last month on record, or no mean above zero over 24 months",
        reason_en=f"Last {name_en} as a share of its average over 24 months: {{value:.0%}}.",
        reason_zh=f"最近一期{name_zh}与近24个月平均值之比:{{value:.0%}}。",
        definition=f"{definition} of the last row / its mean{LAST_24}",
        window=LOOK,
    )


def _steps(value: _Value) -> tuple[Feature, ...]:
    stem, topic, inputs, unit, form, name_en, name_zh, definition = value
    return (
        Feature(
            f"{stem}_step_max",
            family="differences",
            topic=topic,
            inputs=inputs,
            unit=unit,
            missing="no two rows in a row with known values in the last 24 months",
            reason_en=f"Largest rise of {name_en} from one month to the next, 24 months: {{value:+{form}}}.",
            reason_zh=f"近24个月{name_zh}单期最大升幅:{{value:+{form}}}。",
            definition=f"largest difference of {definition} from that of the row before{LAST_24}",
            window=LOOK,
        ),
        Feature(
            f"{stem}_step_std",
            family="differences",
            topic=topic,
            inputs=inputs,
            unit=unit,
            missing="fewer than 2 such steps in the last 24 months",
            reason_en=f"Spread of the monthly steps of {name_en} over 24 months: {{value:{form}}}.",
            reason_zh=f"近24个月{name_zh}逐期变化的标准差:{{value:{form}}}。",
            definition=f"standard deviation (ddof 1) of the differences of {definition} from that of "
            f"the row before{LAST_24}",
            window=LOOK,
        ),
    )


def _rank(value: _Value) -> Feature:
    stem, topic, inputs, _, _, name_en, name_zh, definition = value
    return Feature(
        f"{stem}_rank",
        family="ranks",
        topic=topic,
        inputs=inputs,
        unit="share",
        missing="unknown in the last month on record, or in all others of the last 24",
        reason_en=f"Share of the other 24 months in which {name_en} was lower than now: {{value:.0%}}.",
        reason_zh=f"近24个月中{name_zh}低于当前的月份比例:{{value:.0%}}。",
        definition=f"share of the other rows whose {definition} is below that of the last row, ties "
        f"counted half{LAST_24}",
        window=LOOK,
    )


VALUES = (_DAYS, _UTILISATION, _BALANCE, _PAID, _RATIO)
PAIRS = ((3, 12), (6, 24))
_ENTRIES = (
    *(_short_over_long(v, *pair) for v in VALUES[:4] for pair in PAIRS),
    *(feature for months in (1, 2, 3) for feature in _year_back(months)),
    *(_against(v, "previous", "previous", "上一个") for v in VALUES[:4]),
    *(_against(v, "first", "first", "首个") for v in VALUES[:3]),
    _over_mean(_BALANCE),
    _over_mean(_PAID),
    *(feature for v in VALUES[:3] for feature in _steps(v)),
    *(_rank(v) for v in VALUES),
)

DAYS, UTILISATION, BALANCE, PAID, RATIO = range(5)  # places in VALUES
SHORT_OVER_LONG, YEAR_BACK, PREVIOUS, FIRST, OVER_MEAN, STEPS, RANKS = 0, 8, 14, 18, 21, 23, 29
NAN = np.nan


@compiled
def lay_out(cuts, r, rows, ages, dues, values):
    """Copy the known rows of the last 24 months, newest first, and return how many there are."""
    n = 0
    for i in range(cuts.ends[r] - 1, cuts.begins[r] - 1, -1):
        age = cuts.nows[r] - rows.month[i]
        if age >= LOOK:
            break
        if rows.since[i] > cuts.views[r]:
            continue
        limit, due = rows.limit[i], rows.due[i]
        ages[n] = age
        dues[n] = due
        values[DAYS, n] = rows.days[i]
        values[UTILISATION, n] = rows.balance[i] / limit if limit > 0 else NAN
        values[BALANCE, n] = rows.balance[i]
        values[PAID, n] = rows.paid[i]
        values[RATIO, n] = rows.paid[i] / due if due > 0 else NAN
        n += 1
    return n


@compiled
def mean_between(values, ages, n, youngest, oldest):
    """Return the mean of the known values with ``youngest <= age < oldest``."""
    known, start, total = 0, 0.0, 0.0
    for j in range(n):
        if youngest <= ages[j] < oldest and values[j] == values[j]:
            if known == 0:
                start = values[j]
            known += 1
            total += values[j] - start
    return start + total / known if known > 0 else NAN


@compiled
def over(above, below):
    """Return a ratio, missing where its base is not above zero."""
    return above / below if below > 0 else NAN


@compiled
def paid_to_due_between(paid, dues, ages, n, youngest, oldest):
    """Return sum paid / sum due over the rows where both are known."""
    paid_sum = due_sum = 0.0
    for j in range(n):
        if youngest <= ages[j] < oldest and dues[j] == dues[j] and paid[j] == paid[j]:
            paid_sum += paid[j]
            due_sum += dues[j]
    return over(paid_sum, due_sum)


@compiled
def step_max_and_std(values, n):
    """Return the largest step between neighbours and the spread of the steps."""
    known, largest, start, total, squares = 0, -math.inf, 0.0, 0.0, 0.0
    for j in range(n - 1):
        step = values[j] - values[j + 1]
        if step == step:
            if known == 0:
                start = step
            known += 1
            largest = max(largest, step)
            total += step - start
            squares += (step - start) * (step - start)
    spread = NAN
    if known > 1:
        spread = math.sqrt(max(squares - total * total / known, 0.0) / (known - 1))
    return (largest if known > 0 else NAN), spread


@compiled
def rank_of_newest(values, n):
    """Return the share of the other known values below the newest one, ties counted half."""
    others, below = 0, 0.0
    for j in range(1, n):
        if values[j] == values[j]:
            others += 1
            below += 1.0 if values[j] < values[0] else 0.5 if values[j] == values[0] else 0.0
    return below / others if others > 0 and values[0] == values[0] else NAN


@compiled
def contrast_features(cuts, rows, windows, out, at):
    """Write the features above."""
    ages, dues = np.empty(LOOK, dtype=np.int64), np.empty(LOOK)
    table = np.empty((len(VALUES), LOOK))
    for r in range(len(cuts.begins)):
        n = lay_out(cuts, r, rows, ages, dues, table)
        for v in range(4):
            for p in range(len(PAIRS)):
                short = mean_between(table[v], ages, n, 0, PAIRS[p][0])
                long = mean_between(table[v], ages, n, 0, PAIRS[p][1])
                out[r, at + SHORT_OVER_LONG + 2 * v + p] = over(short, long)
        for back in range(1, 4):
            o = at + YEAR_BACK + 2 * (back - 1)
            out[r, o] = mean_between(table[DAYS], ages, n, back, back + 12)
            out[r, o + 1] = paid_to_due_between(table[PAID], dues, ages, n, back, back + 12)
        for v in range(4):
            out[r, at + PREVIOUS + v] = table[v, 0] - table[v, 1] if n > 1 else NAN
        for v in range(3):
            out[r, at + FIRST + v] = table[v, 0] - table[v, n - 1] if n > 1 else NAN
            largest, spread = step_max_and_std(table[v], n)
            out[r, at + STEPS + 2 * v] = largest
            out[r, at + STEPS + 2 * v + 1] = spread
        for v in range(BALANCE, PAID + 1):
            mean = mean_between(table[v], ages, n, 0, LOOK)
            out[r, at + OVER_MEAN + v - BALANCE] = over(table[v, 0], mean) if n > 0 else NAN
        for v in range(len(VALUES)):
            out[r, at + RANKS + v] = rank_of_newest(table[v], n)


BLOCK = Block(contrast_features, windowed=(), once=_ENTRIES)
