"""Which account is for training and which for testing, the same for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.schema import hash_share

__all__ = ["split_accounts"]

_SHARES = {"train": 0.75, "test": 0.25}


def split_accounts(
    account_ids: Any, shares: Mapping[str, float] = _SHARES, salt: str = "split"
) -> pd.Series:
    """Give each account to one part, by a stable hash of its id.

    An account keeps its part on every machine, whatever accounts are added or removed, and all its
    snapshots stay together.

    Parameters
    ----------
    account_ids : sequence
        Ids; may repeat.
    shares : mapping of str to float
        Name and share of each part; the shares sum to 1.
    salt : str
        Another salt gives another, independent split.

    Returns
    -------
    Series of str
        The part of each id, in the order and with the index of `account_ids`.

    Raises
    ------
    InputError
        ``DLQ-212`` when the shares are negative or do not sum to 1.

    Examples
    --------
    >>> split_accounts([1, 2, 3, 2]).tolist()
    ['train', 'train', 'train', 'train']
    >>> split_accounts(range(10_000)).value_counts(normalize=True).round(2).to_dict()
    {'train': 0.75, 'test': 0.25}
    """
    weights = np.array(list(shares.values()), dtype="float64")
    if not len(weights) or not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-9:
        fix = 'for example {"train": 0.75, "test": 0.25}'
        what = "shares must not be negative and must sum to 1"
        raise InputError(Problem("DLQ-212", what, "shares", len(weights), fix))
    index = account_ids.index if isinstance(account_ids, pd.Series) else None
    # the last edge is 1 whatever rounding says, so that every hash finds a part
    edges = np.append(np.cumsum(weights)[:-1], 1.0)
    part = np.searchsorted(edges, hash_share(account_ids, salt), side="right")
    names = np.array(list(shares), dtype=object)
    return pd.Series(names[part], index=index, name="part").astype("str")
