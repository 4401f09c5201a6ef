"""Whose rows they are: a stable share of each id, and columns that name a protected attribute."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem

__all__ = ["audit_only", "hash_share", "refuse_protected"]


def hash_share(ids: Any, salt: str) -> np.ndarray:
    """Return a stable number in [0, 1) for each id: SHA-256 of salt and id, first eight bytes.

    The same on every machine and Python, and it does not move when accounts are added, so it parts
    accounts for training, folds and experiments.

    Examples
    --------
    >>> hash_share([1, 2, 3], "split").round(3)
    array([0.649, 0.185, 0.159])
    """
    prefix = hashlib.sha256(f"{salt}|".encode())

    def share(value: Any) -> int:
        digest = prefix.copy()
        digest.update(str(value).encode())
        return int.from_bytes(digest.digest()[:8], "big")

    codes, unique = pd.factorize(pd.Series(ids))
    # 53 bits fit a double exactly, so no share rounds up to 1
    shares = np.array([share(value) >> 11 for value in unique], dtype="uint64") * 2.0**-53
    return shares[codes]


# Words that name a protected attribute, in the languages our users write column names in. Whole words
# only: "age" is one, "months_on_book" and "percentage" are not.
_PROTECTED_WORDS = frozenset(
    word
    for line in (
        "sex gender race ethnicity ethnic color colour religion religious nationality marital",
        "marriage education pregnant pregnancy disability disabled orientation birthdate birthday",
        "dob birth welfare geschlecht sexe sexo genero religione religiosa etnia raza edad alter civil",
        "jenis kelamin agama 性别 种族 民族 宗教 国籍 婚姻 年龄 学历 教育 出生日期 残疾 怀孕",
    )
    for word in line.split()
)
_PROTECTED_NAMES = re.compile(
    r"^(customer_|client_|applicant_|borrower_)?age(_years|_group|_band|_bucket)?$"
)


def audit_only(columns: Iterable[Any]) -> list[str]:
    """Return the columns whose names say a protected attribute: for audits, never for features.

    Examples
    --------
    >>> audit_only(["balance", "SEX", "age_group", "percentage", "marital_status", "性别"])
    ['SEX', 'age_group', 'marital_status', '性别']
    """

    def protected(name: str) -> bool:
        plain = name.lower()
        words = re.split(r"[\W_\d]+", plain)
        return not _PROTECTED_WORDS.isdisjoint(words) or bool(_PROTECTED_NAMES.match(plain))

    return [str(name) for name in columns if protected(str(name))]


def refuse_protected(columns: Iterable[Any], where: str = "X") -> None:
    """Raise ``DLQ-110`` when the name of a feature says a protected attribute.

    Examples
    --------
    >>> refuse_protected(["balance", "SEX"])
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-110 X: 1 protected attributes among the features: "SEX". fix:...
    """
    protected = audit_only(columns)
    if protected:
        listed = ", ".join(f'"{name}"' for name in protected[:5])
        what = f"{len(protected)} protected attributes among the features: {listed}"
        fix = "drop them; keep them in accounts as audit_only"
        raise InputError(Problem("DLQ-110", what, where, len(protected), fix))
