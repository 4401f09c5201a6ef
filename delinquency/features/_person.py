"""Views across a person's accounts: the others they hold, and the loan they took last.

An account is seen beside the other accounts of its person that have a known row at the same snapshot date.
What is told of each account is a feature of the loops, so nothing from after the date can enter here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.features._feature import Feature
from delinquency.schema import ACCOUNTS, admit, refuse_other_ids

__all__ = ["BASE", "BASE_WINDOWS", "PERSON", "person_values", "persons_of"]

# What the views are made of, computed for each account.
BASE_WINDOWS = (3, 12)
BASE = (
    "dpd_last",
    "dpd_max_12m",
    "missed_count_3m",
    "missed_count_12m",
    "balance_last",
    "credit_limit_last",
    "months_on_book",
)

_DPD = ("person_id", "days_past_due")
_PAY = ("person_id", "amount_due", "amount_paid")
_USE = ("person_id", "balance", "credit_limit")
_OPENED = ("person_id", "opened")
_UNKNOWN = "unknown person"
_ALONE = "unknown person, or no other account on record"
_NO_OPENING = "unknown person, or no account with a known opening date"


def _person(name: str, **entry: Any) -> Feature:
    return Feature(name, **{"family": "person", "topic": "other accounts", **entry})


def _latest(name: str, **entry: Any) -> Feature:
    return Feature(
        name, **{"family": "latest_loan", "topic": "latest loan", "missing": _NO_OPENING, **entry}
    )


PERSON = (
    _person(
        "person_accounts",
        inputs=("person_id",),
        unit="accounts",
        missing=_UNKNOWN,
        reason_en="Accounts held: {value:.0f}.",
        reason_zh="名下账户数:{value:.0f}个。",
        definition="accounts of the person with a row",
    ),
    _person(
        "person_others_late",
        inputs=_DPD,
        unit="accounts",
        missing=_UNKNOWN,
        sign=1,
        reason_en="Other accounts in arrears now: {value:.0f}.",
        reason_zh="名下其他账户当前逾期的个数:{value:.0f}个。",
        definition="other accounts of the person with days_past_due >= 1 in their last row",
    ),
    _person(
        "person_others_dpd_max",
        inputs=_DPD,
        unit="days",
        missing=_ALONE,
        sign=1,
        reason_en="Most days past due on another account now: {value:.0f}.",
        reason_zh="名下其他账户当前最大逾期天数:{value:.0f}天。",
        definition="largest dpd_last of the person's other accounts",
    ),
    _person(
        "person_others_dpd_max_12m",
        inputs=_DPD,
        unit="days",
        missing="unknown person, or no other account on record in the last 12 months",
        sign=1,
        reason_en="Most days past due on another account in the last 12 months: {value:.0f}.",
        reason_zh="最近12个月名下其他账户最大逾期天数:{value:.0f}天。",
        definition="largest dpd_max_12m of the person's other accounts",
    ),
    _person(
        "person_others_missed_3m",
        inputs=_PAY,
        unit="months",
        missing=_UNKNOWN,
        sign=1,
        reason_en="Payments missed on other accounts in the last 3 months: {value:.0f}.",
        reason_zh="最近3个月名下其他账户未还款的次数:{value:.0f}次。",
        definition="sum of missed_count_3m over the person's other accounts",
    ),
    _person(
        "person_balance",
        inputs=("person_id", "balance"),
        unit="money",
        missing="unknown person, or no known balance",
        reason_en="Balance of all accounts: {value:,.0f}.",
        reason_zh="名下账户余额合计:{value:,.0f}。",
        definition="sum of balance_last over the person's accounts",
    ),
    _person(
        "person_utilisation",
        inputs=_USE,
        unit="share",
        missing="unknown person, or no account with a known balance and a limit above zero",
        reason_en="Use of the limits of all accounts together: {value:.0%}.",
        reason_zh="名下账户合计额度使用率:{value:.0%}。",
        definition="sum of balance_last / sum of credit_limit_last over the person's accounts with "
        "a known balance and a limit above zero",
    ),
    _latest(
        "is_latest_loan",
        inputs=_OPENED,
        unit="flag",
        reason_en="This is the loan taken last (1 yes, 0 no): {value:.0f}.",
        reason_zh="是否为最近一笔贷款(1是,0否):{value:.0f}。",
        definition="1 when no account of the person opened after this one, else 0; of accounts opened "
        "in one month the last in the order of account_id",
    ),
    _latest(
        "latest_loan_months_on_book",
        inputs=_OPENED,
        unit="months",
        reason_en="Months since the last loan was taken: {value:.0f}.",
        reason_zh="最近一笔贷款距今月数:{value:.0f}个月。",
        definition="months_on_book of the loan taken last",
    ),
    _latest(
        "latest_loan_dpd_max_12m",
        inputs=(*_OPENED, "days_past_due"),
        unit="days",
        missing=f"{_NO_OPENING}, or it has no row in the last 12 months",
        sign=1,
        reason_en="Most days past due on the loan taken last, 12 months: {value:.0f}.",
        reason_zh="最近一笔贷款近12个月最大逾期天数:{value:.0f}天。",
        definition="dpd_max_12m of the loan taken last",
    ),
    _latest(
        "latest_loan_missed_count_12m",
        inputs=(*_OPENED, "amount_due", "amount_paid"),
        unit="months",
        sign=1,
        reason_en="Payments missed on the loan taken last, 12 months: {value:.0f}.",
        reason_zh="最近一笔贷款近12个月未还款的月数:{value:.0f}个月。",
        definition="missed_count_12m of the loan taken last",
    ),
    _latest(
        "person_opened_12m",
        inputs=_OPENED,
        unit="accounts",
        reason_en="Accounts opened in the last 12 months: {value:.0f}.",
        reason_zh="最近12个月新开账户数:{value:.0f}个。",
        definition="accounts of the person with months_on_book below 12",
    ),
)


def persons_of(accounts: Any, ids: pd.Series) -> np.ndarray:
    """Return the number of the person of each account, -1 where the table does not say.

    Parameters
    ----------
    accounts : table
        See `delinquency.schema.ACCOUNTS`, with ``person_id``.
    ids : Series
        Accounts.

    Raises
    ------
    InputError
        ``DLQ-115`` when ids are text in one table and integers in the other: nobody would be known.
    """
    table = admit(accounts, ACCOUNTS)
    refuse_other_ids(ids, table["account_id"], "months, accounts")
    codes, _ = pd.factorize(table["person_id"])
    place = pd.Index(table["account_id"]).get_indexer(pd.Index(ids))
    return np.where(place >= 0, codes[place], -1)


def person_values(person: np.ndarray, view: np.ndarray, base: dict[str, np.ndarray]) -> np.ndarray:
    """Return the columns of `PERSON`, one row an account and snapshot.

    Parameters
    ----------
    person, view : ndarray (n,)
        Whose account it is, -1 when unknown, and the number of the snapshot; rows stand in the order of
        the accounts.
    base : dict of str to ndarray (n,)
        The features of `BASE`; all missing where the months lack their inputs.
    """
    with np.errstate(all="ignore"):
        known = np.flatnonzero(person >= 0)
        pairs = np.stack([person[known], view[known]], axis=1)
        _, group = np.unique(pairs, axis=0, return_inverse=True)
        some = {name: values[known] for name, values in base.items()}
        columns = _across(group.ravel(), some) | _latest_of(group.ravel(), some)
    out = np.full((len(person), len(PERSON)), np.nan)
    for place, feature in enumerate(PERSON):
        out[known, place] = columns[feature.name]
    return out


def _across(group: np.ndarray, base: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    late = (base["dpd_last"] >= 1).astype("float64")
    missed = np.nan_to_num(base["missed_count_3m"])
    balance, limit = base["balance_last"], base["credit_limit_last"]
    line = (limit > 0) & ~np.isnan(balance)
    used = _sum(group, np.where(line, balance, 0.0)) / _sum(group, np.where(line, limit, 0.0))
    owed = _sum(group, np.nan_to_num(balance))
    return {
        "person_accounts": _sum(group, np.ones(len(group))),
        "person_others_late": _sum(group, late) - late,
        "person_others_dpd_max": _max_of_others(group, base["dpd_last"]),
        "person_others_dpd_max_12m": _max_of_others(group, base["dpd_max_12m"]),
        "person_others_missed_3m": _sum(group, missed) - missed,
        "person_balance": np.where(_sum(group, ~np.isnan(balance)) > 0, owed, np.nan),
        "person_utilisation": np.where(_sum(group, line) > 0, used, np.nan),
    }


def _latest_of(group: np.ndarray, base: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the loan taken last tells; a known opening date comes before none."""
    age = base["months_on_book"]
    order = np.lexsort((np.arange(len(group)), -np.where(np.isnan(age), np.inf, age), group))
    last = np.zeros(int(group.max(initial=-1)) + 1, dtype="int64")
    last[group[order]] = order  # the last of each group stays
    latest = last[group]
    told = ~np.isnan(age[latest])
    of_it = {name: np.where(told, values[latest], np.nan) for name, values in base.items()}
    young = _sum(group, age < 12)
    return {
        "is_latest_loan": np.where(told, latest == np.arange(len(group)), np.nan),
        "latest_loan_months_on_book": of_it["months_on_book"],
        "latest_loan_dpd_max_12m": of_it["dpd_max_12m"],
        "latest_loan_missed_count_12m": of_it["missed_count_12m"],
        "person_opened_12m": np.where(told, young, np.nan),
    }


def _sum(group: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum of each row's group; rows have one order, so sums have."""
    return np.bincount(group, weights=values.astype("float64"))[group]


def _max_of_others(group: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the largest value of the other rows of each row's group, NaN where there is none."""
    size = int(group.max(initial=-1)) + 1
    known = np.where(np.isnan(values), -np.inf, values)
    order = np.lexsort((known, group))
    ends = np.cumsum(np.bincount(group, minlength=size)) - 1
    top = order[ends]
    first, second = known[top], np.full(size, -np.inf)
    several = np.bincount(group, minlength=size) > 1
    second[several] = known[order[ends[several] - 1]]
    others = np.where(top[group] == np.arange(len(group)), second[group], first[group])
    return np.where(np.isinf(others), np.nan, others)
