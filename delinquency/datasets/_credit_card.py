"""The real sample: 30,000 credit-card clients, six months, one outcome."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from delinquency.errors import EnvironmentFailure, IntegrityError, Problem
from delinquency.schema import DATE_DTYPE
from delinquency.storage import read_table, sha256_of

__all__ = ["SAMPLE_SHA256", "CreditCard", "load_credit_card"]

_FILE = "uci_credit_card.csv.gz"
SAMPLE_SHA256 = "7d42e539c6ace130055dd3644d9ba17508127e97d25ea280a3cc5f7ec676d4b9"
_ATTRIBUTION = (
    'I-Cheng Yeh, "Default of Credit Card Clients", UCI Machine Learning Repository, 2009, '
    "https://doi.org/10.24432/C55S3H, licensed under CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/). "
    "Codes were mapped to months, accounts and labels; see data/sample/NOTES.md."
)
# The file numbers months backwards and its names skip PAY_1: 1 is September, 6 is April.
_PAY = ["PAY_6", "PAY_5", "PAY_4", "PAY_3", "PAY_2", "PAY_0"]
_BILL = [f"BILL_AMT{k}" for k in range(6, 0, -1)]
_PAID = [f"PAY_AMT{k}" for k in range(6, 0, -1)]
_MONTH_ENDS = np.array(
    ["2005-04-30", "2005-05-31", "2005-06-30", "2005-07-31", "2005-08-31", "2005-09-30"],
    dtype=DATE_DTYPE,
)
_BEHAVIOUR = np.array(["full_payer_little_use", "paid_in_full", "revolving", "late"], dtype=object)
_SEX = {1: "male", 2: "female"}
_EDUCATION = {1: "graduate_school", 2: "university", 3: "high_school", 4: "other"}
_MARRIAGE = {1: "married", 2: "single", 3: "other"}


class CreditCard(NamedTuple):
    """The sample as three tables and the words that must travel with them.

    Attributes
    ----------
    months : DataFrame
        30,000 accounts x April to September 2005, money in New Taiwan dollars. ``amount_due`` is
        the statement of the month before, so April's is missing. ``payment_behaviour`` keeps what
        ``days_past_due`` cannot say of a current account: ``"full_payer_little_use"``,
        ``"paid_in_full"``, ``"revolving"``; ``"late"`` otherwise.
    accounts : DataFrame
        Sex, education, marriage and age (for audits, never features; undocumented codes are
        ``"unknown"``) and the credit limit.
    labels : DataFrame
        ``bad`` is 1 when the client defaulted in October 2005; snapshot date 2005-09-30.
    attribution : str
        Author, source and licence.
    """

    months: pd.DataFrame
    accounts: pd.DataFrame
    labels: pd.DataFrame
    attribution: str = _ATTRIBUTION


def load_credit_card() -> CreditCard:
    """Load the "Default of Credit Card Clients" data (Taiwan 2005; I-Cheng Yeh; CC BY 4.0).

    Returns
    -------
    CreditCard
        ``months``, ``accounts``, ``labels`` and ``attribution``, in canonical types and order.

    Raises
    ------
    EnvironmentFailure
        ``DLQ-502`` when the file was not installed.
    IntegrityError
        ``DLQ-603`` when the file is not the one that was published.

    Examples
    --------
    >>> sample = load_credit_card()
    >>> len(sample.accounts), len(sample.months), int(sample.labels["bad"].sum())
    (30000, 180000, 6636)
    >>> columns = ["month", "days_past_due", "amount_due", "amount_paid", "payment_behaviour"]
    >>> sample.months[columns].head(2)
           month  days_past_due  amount_due  amount_paid      payment_behaviour
    0 2005-04-30            0.0         NaN          0.0  full_payer_little_use
    1 2005-05-31            0.0         0.0          0.0  full_payer_little_use
    """
    raw = read_table(_sample_file())
    return CreditCard(_months(raw), _accounts(raw), _labels(raw))


def _sample_file() -> Path:
    beside = Path(__file__).parent / "sample" / _FILE
    checkout = Path(__file__).parents[2] / "data" / "sample" / _FILE
    path = beside if beside.is_file() else checkout
    if not path.is_file():
        fix = "install the package again, or put data/sample back into the checkout"
        raise EnvironmentFailure(Problem("DLQ-502", "the sample is not installed", _FILE, fix=fix))
    if sha256_of(path) != SAMPLE_SHA256:
        fix = "install the package again"
        raise IntegrityError(Problem("DLQ-603", "the sample is damaged", _FILE, fix=fix))
    return path


def _months(raw: pd.DataFrame) -> pd.DataFrame:
    code = raw[_PAY].to_numpy()
    bill = raw[_BILL].to_numpy(dtype="float64")
    # A payment settles the statement of the month before; March, before April, is not in the file.
    due = np.column_stack([np.full(len(raw), np.nan), np.maximum(bill[:, :-1], 0.0)])
    columns = {
        "account_id": np.repeat(raw["ID"].to_numpy(dtype="int64"), len(_MONTH_ENDS)),
        "month": np.tile(_MONTH_ENDS, len(raw)),
        "days_past_due": 30.0 * np.maximum(code, 0).ravel(),
        "amount_due": due.ravel(),
        "amount_paid": raw[_PAID].to_numpy(dtype="float64").ravel(),
        "balance": bill.ravel(),
        "credit_limit": np.repeat(raw["LIMIT_BAL"].to_numpy(dtype="float64"), len(_MONTH_ENDS)),
        "payment_behaviour": _text(_BEHAVIOUR[np.clip(code, -2, 1).ravel() + 2]),
    }
    return pd.DataFrame(columns)


def _accounts(raw: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "account_id": raw["ID"].astype("int64"),
        "sex": _decoded(raw["SEX"], _SEX),
        "education": _decoded(raw["EDUCATION"], _EDUCATION),
        "marriage": _decoded(raw["MARRIAGE"], _MARRIAGE),
        "age": raw["AGE"].astype("float64"),
        "credit_limit": raw["LIMIT_BAL"].astype("float64"),
    }
    return pd.DataFrame(columns)


def _decoded(codes: pd.Series, words: dict[int, str]) -> pd.Series:
    table = np.full(int(codes.max()) + 1, "unknown", dtype=object)
    for code, word in words.items():
        table[code] = word
    return _text(table[codes.to_numpy()])


def _text(values: np.ndarray) -> pd.Series:
    return pd.Series(values).astype("str")


def _labels(raw: pd.DataFrame) -> pd.DataFrame:
    bad = raw["default payment next month"]
    why = np.array(["no default in October 2005", "default in October 2005"], dtype=object)
    columns = {
        "account_id": raw["ID"].astype("int64"),
        "snapshot_date": pd.Series(_MONTH_ENDS[-1], index=raw.index).astype(DATE_DTYPE),
        "bad": bad.astype("Int8"),
        "why": _text(why[bad.to_numpy()]),
    }
    return pd.DataFrame(columns)
