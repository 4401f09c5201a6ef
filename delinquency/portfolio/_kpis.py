"""Key figures, each with its definition beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.portfolio._standing import Standing, ahead, standing_of
from delinquency.schema import MONTHS, as_date, known_as_of, month_number, to_frame

__all__ = ["kpis"]

_Row = tuple[str, float, float, str, str, str]
COLUMNS = ["kpi", "value", "numerator", "denominator", "unit", "period", "definition"]


def kpis(
    months: Any,
    *,
    as_of: Any = None,
    period: int = 1,
    contacts: Any = None,
    plan: Any = None,
    cost: float | None = None,
) -> pd.DataFrame:
    """Return the key figures that the tables at hand allow, each with its definition.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`.
    as_of : date, optional
        The day on which the figures are of, with what was known then; the end of the book by default.
    period : int
        Months that the flows (rolls, cures, cash, contacts) are taken over; stocks are of the last
        month.
    contacts : table, optional
        ``account_id``, ``at``, ``channel``, ``outcome``.
    plan : table, optional
        ``account_id``, ``snapshot_date``, ``arm``: self-cure is counted in the arm ``"control"`` alone.
    cost : float, optional
        What collecting cost in the period.

    Returns
    -------
    DataFrame
        ``kpi``, ``value`` (missing where the denominator is 0), ``numerator``, ``denominator``, ``unit``
        (``"accounts"``, ``"money"``, ``"contacts"``), ``period``, ``definition`` (population, what is
        counted, when it has matured). A figure whose columns are missing is left out.

    Raises
    ------
    InputError
        What `delinquency.schema.admit` finds.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 1, 2, 2],
    ...         "month": ["2026-01", "2026-02"] * 2,
    ...         "days_past_due": [31, 0, 0, 31],
    ...     }
    ... )
    >>> table = kpis(months).set_index("kpi")
    >>> table.loc[["delinquency_rate_30", "cure_rate"], "value"].tolist()
    [0.5, 1.0]
    """
    frame = to_frame(months, MONTHS.name)
    standing = standing_of(frame, "generic")
    if as_of is not None:
        known = standing.frame[known_as_of(standing.frame, as_date(as_of))]
        standing = standing_of(known, "generic")
    span = _Span(standing, period)
    rows: list[_Row] = [*_stocks(span), *_rolls(span), *_cash(span, cost)]
    if contacts is not None:
        rows += list(_contacts(contacts, span))
    if plan is not None:
        rows += list(_self_cure(plan, span))
    return _table(rows)


class _Span:
    """The last month, and the rows whose flows fall into the period."""

    def __init__(self, standing: Standing, period: int) -> None:
        if period < 1:
            raise InputError(
                Problem("DLQ-217", "period is 1 month at least", "period", fix="12 is a year")
            )
        self.standing, self.period = standing, period
        self.frame = standing.frame
        self.end, self.first = standing.end, standing.end - period + 1
        self.now = standing.live & (standing.number == standing.end)
        self.within = standing.number >= self.first
        self.words = (
            f"{_month(self.first)} to {_month(self.end)}" if period > 1 else _month(self.end)
        )

    def money(self, name: str) -> np.ndarray | None:
        return np.nan_to_num(self.frame[name].to_numpy()) if name in self.frame else None


def _month(number: int) -> str:
    return f"{number // 12}-{number % 12 + 1:02d}"


def _table(rows: list[_Row]) -> pd.DataFrame:
    table = [
        (kpi, top / bottom if bottom else np.nan, top, bottom, unit, period, definition)
        for kpi, top, bottom, unit, period, definition in rows
    ]
    return pd.DataFrame(table, columns=COLUMNS)


def _stocks(span: _Span) -> Iterator[_Row]:
    late = span.frame["days_past_due"].to_numpy()
    balance = span.money("balance")
    month = _month(span.end)
    for days in (1, 30, 60, 90):
        bad = span.now & (late >= days)
        text = f"open accounts {days} or more days past due / open accounts, at the month's end"
        yield f"delinquency_rate_{days}", bad.sum(), span.now.sum(), "accounts", month, text
        if balance is not None:
            held = np.maximum(balance, 0.0)
            text = f"balance of open accounts {days}+ days past due / balance of open accounts"
            name = f"delinquency_rate_{days}_balance"
            yield name, held[bad].sum(), held[span.now].sum(), "money", month, text


def _rolls(span: _Span) -> Iterator[_Row]:
    standing = span.standing
    rows, state, _ = ahead(standing, 1)
    inside = standing.number[rows] + 1 >= span.first
    rows, state = rows[inside], state[inside]
    was = standing.state[rows]
    size = len(standing.scheme.labels)
    written_off = standing.names.index("charged_off")
    worse = ((state > was) & (state < size)) | (state == written_off)
    for bucket, label in enumerate(standing.scheme.labels[:4]):
        here = was == bucket
        text = (
            f"accounts in bucket {label} a month before that stand in a worse bucket or are charged off"
            " / accounts that stood there"
        )
        yield f"roll_rate_{label}", (here & worse).sum(), here.sum(), "accounts", span.words, text
    late = was > 0
    text = "accounts past due a month before that owe nothing late or are paid off / accounts past due then"
    cured = late & ((state == 0) | (state == standing.names.index("paid_off")))
    yield "cure_rate", cured.sum(), late.sum(), "accounts", span.words, text


def _cash(span: _Span, cost: float | None) -> Iterator[_Row]:
    standing, frame = span.standing, span.frame
    paid, back = span.money("amount_paid"), span.money("recovered")
    lost, arrears, balance = span.money("written_off"), span.money("arrears"), span.money("balance")
    rows = np.flatnonzero(standing.live & (standing.number + 1 >= span.first))
    rows = rows[(rows + 1 < len(frame)) & (standing.number[rows] < span.end)]
    rows = rows[standing.account[rows + 1] == standing.account[rows]]
    late = rows[frame["days_past_due"].to_numpy()[rows] > 0]
    if paid is not None:
        for name, base, what in (
            ("recovery_rate_arrears", arrears, "opening arrears"),
            ("liquidation_rate", balance, "opening balance"),
        ):
            if base is not None:
                text = f"paid in the month by accounts past due at its start / their {what}"
                yield name, paid[late + 1].sum(), base[late].sum(), "money", span.words, text
    if lost is not None:
        gone = lost[span.within].sum()
        if balance is not None:
            opening = np.maximum(balance[rows], 0.0).sum()
            text = "written off in the period / balance at the start of each month"
            yield "write_off_rate", gone, opening, "money", span.words, text
        if back is not None:
            text = (
                "recovered in the period / all that had been written off by then (not yet matured)"
            )
            yield (
                "recovery_rate_written_off",
                back[span.within].sum(),
                lost.sum(),
                "money",
                span.words,
                text,
            )
            text = "written off less recovered, in the period / written off in the period"
            net = gone - back[span.within].sum()
            yield "net_write_off_share", net, gone, "money", span.words, text
    if cost is not None and paid is not None:
        collected = paid[late + 1].sum() + (0.0 if back is None else back[span.within].sum())
        text = "cost of collecting / paid by accounts past due, and recovered, in the period"
        yield "cost_to_collect", cost, collected, "money", span.words, text


def _contacts(contacts: Any, span: _Span) -> Iterator[_Row]:
    table = to_frame(contacts, "contacts")
    lacking = [name for name in ("account_id", "at", "outcome") if name not in table]
    if lacking:
        what = f'column "{lacking[0]}" is missing'
        raise InputError(Problem("DLQ-102", what, "contacts", len(lacking), "add it or rename"))
    at = pd.to_datetime(table["at"], format="ISO8601" if table["at"].dtype.kind != "M" else None)
    number = month_number(at.dt.tz_localize(None) if at.dt.tz is not None else at)
    outcome = table["outcome"][(number >= span.first) & (number <= span.end)]
    spoke = outcome.isin(_SPOKE).sum()
    count: Callable[[str], int] = lambda word: int((outcome == word).sum())  # noqa: E731
    unit, words = "contacts", span.words
    text = "attempts that reached the debtor / attempts"
    yield "right_party_contact_rate", spoke, len(outcome), unit, words, text
    for kpi, word in (
        ("promise_rate", "promise"),
        ("refusal_rate", "refusal"),
        ("dispute_rate", "dispute"),
        ("hardship_rate", "hardship"),
        ("cease_rate", "cease"),
    ):
        yield kpi, count(word), spoke, unit, words, f"{word} / attempts that reached the debtor"
    if "complaint" in set(outcome):
        text = "complaints / attempts"
        yield "complaint_rate", count("complaint"), len(outcome), unit, words, text
    yield from _kept(table, at, span)


_SPOKE = ("right_party", "promise", "refusal", "dispute", "hardship", "cease", "complaint")


def _kept(table: pd.DataFrame, at: pd.Series, span: _Span) -> Iterator[_Row]:
    """Promises of the month before the last, kept when the account paid by the end of the next month."""
    paid = span.money("amount_paid")
    if paid is None:
        return
    made = month_number(at.dt.tz_localize(None) if at.dt.tz is not None else at)
    promised = table["account_id"][
        (table["outcome"] == "promise") & (made == span.end - 1)
    ].unique()
    recent = span.standing.number >= span.end - 1
    payers = span.frame["account_id"][recent & (paid > 0)].unique()
    kept = np.isin(promised, payers).sum()
    text = (
        "accounts that promised in the month before and paid anything by the end of this month / accounts"
        " that promised then (matured promises alone)"
    )
    yield "promise_kept_rate", kept, len(promised), "accounts", _month(span.end - 1), text


def _self_cure(plan: Any, span: _Span) -> Iterator[_Row]:
    table = to_frame(plan, "plan")
    if "arm" not in table:
        raise InputError(Problem("DLQ-102", 'column "arm" is missing', "plan", fix="add it"))
    control = table.loc[table["arm"] == "control", "account_id"].unique()
    standing = span.standing
    rows, state, _ = ahead(standing, 1)
    inside = (standing.number[rows] + 1 >= span.first) & (standing.state[rows] > 0)
    inside &= span.frame["account_id"].isin(control).to_numpy()[rows]
    text = "accounts of the control arm past due a month before that owe nothing late / those past due then"
    cured = (state[inside] == 0) | (state[inside] == standing.names.index("paid_off"))
    yield "self_cure_rate", cured.sum(), inside.sum(), "accounts", span.words, text
