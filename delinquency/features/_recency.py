"""How long ago, and with fading memory: recency and decay over the last 24 months."""

from __future__ import annotations

import numpy as np

from delinquency.features._compile import compiled
from delinquency.features._feature import Feature
from delinquency.features._rows import Block
from delinquency.features._words import DPD, LAST_24, NO_ROW_IS_0, PAY, USE

__all__ = ["BLOCK"]

LOOK = 24


def _since(
    name: str,
    topic: str,
    inputs: tuple[str, ...],
    sign: int,
    reason_en: str,
    reason_zh: str,
    definition: str,
) -> Feature:
    return Feature(
        name,
        family="recency",
        topic=topic,
        inputs=inputs,
        unit="months",
        missing="no such month in the last 24",
        sign=sign,
        reason_en=f"Months since {reason_en}: {{value:.0f}}.",
        reason_zh=f"距{reason_zh}的月数:{{value:.0f}}个月。",
        definition=f"snapshot month minus the month of the last row {definition}{LAST_24}",
        window=LOOK,
    )


_RECENCY = (
    _since(
        "months_since_dpd1",
        "arrears",
        DPD,
        -1,
        "the account was last in arrears",
        "最近一次逾期",
        "with days_past_due >= 1",
    ),
    _since(
        "months_since_dpd60",
        "arrears",
        DPD,
        -1,
        "the account was last 60 or more days late",
        "最近一次逾期60天及以上",
        "with days_past_due >= 60",
    ),
    _since(
        "months_since_dpd90",
        "arrears",
        DPD,
        -1,
        "the account was last 90 or more days late",
        "最近一次逾期90天及以上",
        "with days_past_due >= 90",
    ),
    _since(
        "months_since_missed",
        "payments",
        PAY,
        -1,
        "a due last went without any payment",
        "最近一次应还而未还款",
        "with amount_due > 0 and amount_paid <= 0",
    ),
    _since(
        "months_since_short",
        "payments",
        PAY,
        -1,
        "less than the due was last paid",
        "最近一次未足额还款",
        "with amount_due > 0 and amount_paid < amount_due",
    ),
    _since(
        "months_since_full",
        "payments",
        PAY,
        1,
        "the due was last paid in full",
        "最近一次足额还款",
        "with amount_due > 0 and amount_paid >= amount_due",
    ),
    _since(
        "months_since_paid",
        "payments",
        ("amount_paid",),
        1,
        "the last payment of any size",
        "最近一次任意还款",
        "with amount_paid > 0",
    ),
    _since(
        "months_since_worst",
        "arrears",
        DPD,
        0,
        "the worst arrears of the last 24 months",
        "最近24个月最严重逾期",
        "that holds the largest days_past_due, where that is above zero",
    ),
    _since(
        "months_since_limit_change",
        "limit",
        ("credit_limit",),
        0,
        "the credit limit last changed",
        "最近一次额度调整",
        "whose credit_limit differs from that of the row before",
    ),
    Feature(
        "clean_streak",
        family="recency",
        topic="arrears",
        inputs=DPD,
        unit="months",
        missing=NO_ROW_IS_0,
        sign=-1,
        reason_en="Months without arrears in a row up to now: {value:.0f}.",
        reason_zh="截至目前连续无逾期月数:{value:.0f}个月。",
        definition="length of the run of rows with days_past_due < 1 that ends at the account's last "
        f"row{LAST_24}",
        window=LOOK,
    ),
)


# What fades: name (with the half-life), topic, inputs, unit, sign, missing, English, Chinese, format,
# definition.
_FADING = (
    (
        "dpd_decay{}_sum",
        "arrears",
        DPD,
        "days",
        1,
        "no month on record in the last 24",
        "Sum of days past due",
        "逾期天数加权合计",
        ".1f",
        "weighted sum of days_past_due",
    ),
    (
        "dpd_decay{}_mean",
        "arrears",
        DPD,
        "days",
        1,
        "no month on record in the last 24",
        "Average days past due",
        "逾期天数加权平均",
        ".1f",
        "weighted mean of days_past_due",
    ),
    (
        "missed_decay{}_share",
        "payments",
        PAY,
        "share",
        1,
        "no month of the last 24 with a due above zero and a known payment",
        "Share of dues without any payment",
        "应还而未还款的加权比例",
        ".0%",
        "weighted share of rows with amount_paid <= 0 among those with amount_due > 0",
    ),
    (
        "paid_to_due_decay{}",
        "payments",
        PAY,
        "ratio",
        -1,
        "no due above zero in the last 24 months",
        "Share of what was due that was paid",
        "已还金额占应还金额的加权比例",
        ".0%",
        "weighted sum of amount_paid / weighted sum of amount_due, where both are known",
    ),
    (
        "utilisation_decay{}_mean",
        "utilisation",
        USE,
        "share",
        0,
        "no month of the last 24 with a known use of the limit",
        "Average use of the limit",
        "额度使用率加权平均",
        ".0%",
        "weighted mean of balance / credit_limit",
    ),
)


def _fading(half_life: int) -> tuple[Feature, ...]:
    weight = f"weight 0.5 ** (age / {half_life}), age in months before the snapshot month{LAST_24}"
    return tuple(
        Feature(
            name.format(half_life),
            family="decay",
            topic=topic,
            inputs=inputs,
            unit=unit,
            missing=missing,
            sign=sign,
            reason_en=f"{english}, with half the weight every {half_life} months: {{value:{form}}}.",
            reason_zh=f"{chinese}(每{half_life}个月权重减半):{{value:{form}}}。",
            definition=f"{definition}; {weight}",
            window=LOOK,
        )
        for name, topic, inputs, unit, sign, missing, english, chinese, form, definition in _FADING
    )


HALF_LIVES = (3, 12)
_DECAY = tuple(feature for months in HALF_LIVES for feature in _fading(months))

SINCE_DPD1, SINCE_DPD60, SINCE_DPD90, SINCE_MISSED, SINCE_SHORT, SINCE_FULL = range(6)
SINCE_PAID, SINCE_WORST, SINCE_LIMIT_CHANGE, CLEAN_STREAK = range(6, 10)
DECAY = 10  # first slot of the decay, five a half-life
NAN = np.nan

# A table, so that a power is rounded once and the same way whether the loops are compiled or not.
WEIGHTS = np.array([[0.5 ** (age / months) for age in range(LOOK)] for months in HALF_LIVES])


@compiled
def recency_features(cuts, rows, windows, out, at):
    """Write the features above."""
    month, since, days = rows.month, rows.since, rows.days
    due, paid, balance, limit = rows.due, rows.paid, rows.balance, rows.limit
    for r in range(len(cuts.begins)):
        view, now = cuts.views[r], cuts.nows[r]
        for slot in range(CLEAN_STREAK):
            out[r, at + slot] = NAN
        clean, running = 0, True
        worst = 0.0
        later = -1
        for i in range(cuts.ends[r] - 1, cuts.begins[r] - 1, -1):
            age = now - month[i]
            if age >= LOOK:
                break
            if since[i] > view:
                continue
            running = running and days[i] < 1
            clean += running
            if days[i] > worst:
                worst = days[i]
                out[r, at + SINCE_WORST] = age
            # A slot that is still missing takes the first age that fits: the walk goes back in time.
            fits = (
                (SINCE_DPD1, days[i] >= 1),
                (SINCE_DPD60, days[i] >= 60),
                (SINCE_DPD90, days[i] >= 90),
                (SINCE_MISSED, due[i] > 0 and paid[i] <= 0),
                (SINCE_SHORT, due[i] > 0 and paid[i] < due[i]),
                (SINCE_FULL, due[i] > 0 and paid[i] >= due[i]),
                (SINCE_PAID, paid[i] > 0),
            )
            for slot, fit in fits:
                if fit and np.isnan(out[r, at + slot]):
                    out[r, at + slot] = age
            changed = later >= 0 and abs(limit[later] - limit[i]) > 0
            if changed and np.isnan(out[r, at + SINCE_LIMIT_CHANGE]):
                out[r, at + SINCE_LIMIT_CHANGE] = now - month[later]
            later = i
        out[r, at + CLEAN_STREAK] = clean

        for h in range(len(HALF_LIVES)):
            seen = missed = with_due = use_seen = 0.0
            days_sum = due_sum = paid_sum = use_sum = 0.0
            for i in range(cuts.ends[r] - 1, cuts.begins[r] - 1, -1):
                age = now - month[i]
                if age >= LOOK:
                    break
                if since[i] > view:
                    continue
                weight = WEIGHTS[h, age]
                seen += weight
                days_sum += weight * days[i]
                if due[i] == due[i] and paid[i] == paid[i]:
                    due_sum += weight * due[i]
                    paid_sum += weight * paid[i]
                    if due[i] > 0:
                        with_due += weight
                        missed += weight if paid[i] <= 0 else 0.0
                use = balance[i] / limit[i] if limit[i] > 0 else NAN
                if use == use:
                    use_seen += weight
                    use_sum += weight * use
            o = at + DECAY + 5 * h
            out[r, o] = days_sum if seen > 0 else NAN
            out[r, o + 1] = days_sum / seen if seen > 0 else NAN
            out[r, o + 2] = missed / with_due if with_due > 0 else NAN
            out[r, o + 3] = paid_sum / due_sum if due_sum > 0 else NAN
            out[r, o + 4] = use_sum / use_seen if use_seen > 0 else NAN


BLOCK = Block(recency_features, windowed=(), once=(*_RECENCY, *_DECAY))
