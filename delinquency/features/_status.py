"""What the books say and what the calendar says: status, write-offs, age of the account, season."""

from __future__ import annotations

import math

import numpy as np

from delinquency.features._compile import compiled
from delinquency.features._feature import Feature
from delinquency.features._rows import Block
from delinquency.features._words import LAST_24, NO_ROW_IS_0

__all__ = ["BLOCK"]

LOOK = 24
_STATUS = ("status",)

_ENTRIES = (
    Feature(
        "status_open_share",
        family="status",
        topic="status",
        inputs=_STATUS,
        unit="share",
        missing="no month of the last 24 with a known status",
        reason_en="Share of the last 24 months in which the account was open: {value:.0%}.",
        reason_zh="最近24个月中账户处于正常开立状态的比例:{value:.0%}。",
        definition=f'share of rows with status "open" among those with a known status{LAST_24}',
        window=LOOK,
    ),
    Feature(
        "status_is_open",
        family="status",
        topic="status",
        inputs=_STATUS,
        unit="flag",
        missing="unknown status in the last month on record",
        reason_en="The account is open in the last month on record (1 yes, 0 no): {value:.0f}.",
        reason_zh="最近有记录月份账户是否处于开立状态(1是,0否):{value:.0f}。",
        definition='1 when the status of the last row is "open", else 0',
    ),
    Feature(
        "status_change_count",
        family="status",
        topic="status",
        inputs=_STATUS,
        unit="months",
        missing=NO_ROW_IS_0,
        reason_en="Times the status of the account changed in the last 24 months: {value:.0f}.",
        reason_zh="最近24个月账户状态变更次数:{value:.0f}次。",
        definition=f"rows whose status differs from that of the row before, both known{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "written_off_sum",
        family="status",
        topic="losses",
        inputs=("written_off",),
        unit="money",
        missing="no month of the last 24 with a known amount",
        sign=1,
        reason_en="Written off in the last 24 months: {value:,.0f}.",
        reason_zh="最近24个月核销金额:{value:,.0f}。",
        definition=f"sum of written_off{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "recovered_sum",
        family="status",
        topic="losses",
        inputs=("recovered",),
        unit="money",
        missing="no month of the last 24 with a known amount",
        reason_en="Recovered after write-off in the last 24 months: {value:,.0f}.",
        reason_zh="最近24个月核销后回收金额:{value:,.0f}。",
        definition=f"sum of recovered{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "months_on_book",
        family="time",
        topic="history",
        inputs=("opened",),
        unit="months",
        missing="unknown opening date in the last month on record",
        reason_en="Months since the account was opened: {value:.0f}.",
        reason_zh="账龄:{value:.0f}个月。",
        definition="snapshot month minus the month of opened in the last row",
    ),
    Feature(
        "gap_count",
        family="time",
        topic="history",
        inputs=(),
        unit="months",
        missing=NO_ROW_IS_0,
        reason_en="Months without a record between the first and the last of 24 months: {value:.0f}.",
        reason_zh="最近24个月首末记录之间缺失的月数:{value:.0f}个月。",
        definition=f"months between the first and the last row that have no row{LAST_24}",
        window=LOOK,
    ),
    Feature(
        "season_sin",
        family="time",
        topic="season",
        inputs=(),
        unit="number",
        missing="never",
        reason_en="Season of the snapshot, January to December on a circle (sine): {value:.2f}.",
        reason_zh="观察月份的季节位置(正弦):{value:.2f}。",
        definition="sin(2 pi m / 12), m = 0 in January; month of the snapshot",
    ),
    Feature(
        "season_cos",
        family="time",
        topic="season",
        inputs=(),
        unit="number",
        missing="never",
        reason_en="Season of the snapshot, January to December on a circle (cosine): {value:.2f}.",
        reason_zh="观察月份的季节位置(余弦):{value:.2f}。",
        definition="cos(2 pi m / 12), m = 0 in January; month of the snapshot",
    ),
)

OPEN_SHARE, IS_OPEN, CHANGE_COUNT, WRITTEN_OFF_SUM, RECOVERED_SUM = range(5)
MONTHS_ON_BOOK, GAP_COUNT, SEASON_SIN, SEASON_COS = range(5, 9)
NAN = np.nan

# A table, so that a sine is rounded once and the same way whether the loops are compiled or not.
SINES = np.array([math.sin(2 * math.pi * month / 12) for month in range(12)])
COSINES = np.array([math.cos(2 * math.pi * month / 12) for month in range(12)])


@compiled
def status_features(cuts, rows, windows, out, at):
    """Write the features above."""
    month, since, status = rows.month, rows.since, rows.status
    for r in range(len(cuts.begins)):
        last, view, now = cuts.ends[r] - 1, cuts.views[r], cuts.nows[r]
        n = first = 0
        n_status = n_open = changes = 0
        later = -1
        n_lost = n_back = 0
        lost = back = 0.0
        for i in range(last, cuts.begins[r] - 1, -1):
            age = now - month[i]
            if age >= LOOK:
                break
            if since[i] > view:
                continue
            n += 1
            first = age
            if status[i] >= 0:
                n_status += 1
                n_open += status[i] == 0
                changes += later >= 0 and status[later] >= 0 and status[later] != status[i]
            later = i
            if rows.written_off[i] == rows.written_off[i]:
                n_lost += 1
                lost += rows.written_off[i]
            if rows.recovered[i] == rows.recovered[i]:
                n_back += 1
                back += rows.recovered[i]
        out[r, at + OPEN_SHARE] = n_open / n_status if n_status > 0 else NAN
        is_open = 1.0 if status[last] == 0 else 0.0
        out[r, at + IS_OPEN] = is_open if status[last] >= 0 else NAN
        out[r, at + CHANGE_COUNT] = changes
        out[r, at + WRITTEN_OFF_SUM] = lost if n_lost > 0 else NAN
        out[r, at + RECOVERED_SUM] = back if n_back > 0 else NAN
        out[r, at + MONTHS_ON_BOOK] = now - rows.opened[last]
        out[r, at + GAP_COUNT] = first - (now - month[last]) + 1 - n if n > 0 else 0
        out[r, at + SEASON_SIN] = SINES[now % 12]
        out[r, at + SEASON_COS] = COSINES[now % 12]


BLOCK = Block(status_features, windowed=(), once=_ENTRIES)
