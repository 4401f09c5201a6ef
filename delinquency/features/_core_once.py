"""The core's features that are told once, whatever the windows, as data: 8.

The order of the entries is the order of the slots that the kernel writes (`_kernels`); a test holds the
two together.
"""

from __future__ import annotations

from delinquency.features._feature import Feature
from delinquency.features._words import DPD, USE

__all__ = ["ONCE"]

ONCE: tuple[Feature, ...] = (
    Feature(
        "dpd_last",
        family="arrears",
        topic="arrears",
        inputs=DPD,
        unit="days",
        missing="never: an account in the result has a row",
        sign=1,
        reason_en="Days past due in the last month on record: {value:.0f}.",
        reason_zh="最近有记录月份的逾期天数:{value:.0f}天。",
        definition="days_past_due of the last row",
    ),
    Feature(
        "utilisation_last",
        family="utilisation",
        topic="utilisation",
        inputs=USE,
        unit="share",
        missing="unknown balance, or no limit above zero, in the last month on record",
        reason_en="Use of the limit in the last month on record: {value:.0%}.",
        reason_zh="最近有记录月份的额度使用率:{value:.0%}。",
        definition="balance / credit_limit of the last row",
    ),
    Feature(
        "balance_last",
        family="balance",
        topic="balance",
        inputs=("balance",),
        unit="money",
        missing="unknown balance in the last month on record",
        reason_en="Balance in the last month on record: {value:,.0f}.",
        reason_zh="最近有记录月份的余额:{value:,.0f}。",
        definition="balance of the last row",
    ),
    Feature(
        "amount_due_last",
        family="payments",
        topic="payments",
        inputs=("amount_due",),
        unit="money",
        missing="unknown due in the last month on record",
        reason_en="Amount due in the last month on record: {value:,.0f}.",
        reason_zh="最近有记录月份的应还金额:{value:,.0f}。",
        definition="amount_due of the last row",
    ),
    Feature(
        "amount_paid_last",
        family="payments",
        topic="payments",
        inputs=("amount_paid",),
        unit="money",
        missing="unknown payment in the last month on record",
        reason_en="Amount paid in the last month on record: {value:,.0f}.",
        reason_zh="最近有记录月份的还款金额:{value:,.0f}。",
        definition="amount_paid of the last row",
    ),
    Feature(
        "credit_limit_last",
        family="balance",
        topic="limit",
        inputs=("credit_limit",),
        unit="money",
        missing="unknown limit in the last month on record",
        reason_en="Credit limit in the last month on record: {value:,.0f}.",
        reason_zh="最近有记录月份的信用额度:{value:,.0f}。",
        definition="credit_limit of the last row",
    ),
    Feature(
        "months_since_last_obs",
        family="history",
        topic="history",
        inputs=(),
        unit="months",
        missing="never: an account in the result has a row",
        reason_en="Months since the last month on record: {value:.0f}.",
        reason_zh="距最近有记录月份的月数:{value:.0f}个月。",
        definition="snapshot month minus the month of the last row",
    ),
    Feature(
        "months_observed_24m",
        family="history",
        topic="history",
        inputs=(),
        unit="months",
        missing="no month on record in the last 24 months",
        reason_en="Months since the first record of the last 24 months, this one included: "
        "{value:.0f}.",
        reason_zh="最近24个月内自首个有记录月份起的月数(含当月):{value:.0f}个月。",
        definition="snapshot month minus the month of the first row of the last 24 months, plus 1",
    ),
)
