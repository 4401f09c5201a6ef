"""Portfolios for the tests: small, ugly, and by the thousand."""

import datetime

import numpy as np
import pandas as pd

import delinquency.features as features_room

from . import oracle

MONEY = ("amount_due", "amount_paid", "balance", "credit_limit")


def month_ends(first, count):
    """Return month ends from the month of `first` on."""
    ends, day = [], first.replace(day=1)
    for _ in range(count):
        ends.append(oracle.month_end(day))
        day = oracle.month_end(day) + datetime.timedelta(days=1)
    return ends


def account_rows(rng, months):
    """One account's rows: gaps, reversals, unknown and zero money, credit balances, ties, long arrears."""
    keep = rng.random(len(months)) < rng.choice([0.1, 0.6, 0.95, 1.0])
    late = rng.choice([0.0, 0.2, 0.8])
    quiet = rng.random() < 0.15  # money that never moves: spreads must be exactly none
    rows = []
    for month, there in zip(months, keep, strict=True):
        if not there:
            continue
        days = int(rng.choice([1, 29, 30, 31, 59, 60, 89, 90, 179, 180, 400]))
        row = {"month": month, "days_past_due": days if rng.random() < late else 0}
        for name in MONEY:
            draw = rng.random()
            if draw < 0.06:
                row[name] = None
            elif draw < 0.16:
                row[name] = 0.0
            elif draw < 0.21:
                row[name] = -round(float(rng.exponential(300)), 2)
            else:
                row[name] = 100.1 if quiet else round(float(rng.exponential(900)), 2)
        row["known_at"] = None
        if rng.random() < 0.1:
            row["known_at"] = month + datetime.timedelta(days=int(rng.integers(-40, 200)))
        rows.append(row)
    return rows


def portfolio(seed, accounts=8, first=datetime.date(2023, 1, 31), months=30):
    """A portfolio as ``{account: rows}``; some accounts have one row, some none."""
    rng = np.random.default_rng(seed)
    calendar = month_ends(first, months)
    return {f"A{number:02d}": account_rows(rng, calendar) for number in range(accounts)}


def table(book):
    """The months table of a portfolio, sorted by its key."""
    rows = [{"account_id": account, **row} for account, rows in book.items() for row in rows]
    frame = pd.DataFrame(rows, columns=["account_id", "month", "days_past_due", *MONEY, "known_at"])
    frame[list(MONEY)] = frame[list(MONEY)].astype("float64")
    frame["known_at"] = pd.to_datetime(frame["known_at"])
    frame["month"] = pd.to_datetime(frame["month"])
    return frame.sort_values(["account_id", "month"], ignore_index=True)


def expected(book, dates, windows=oracle.WINDOWS):
    """The oracle's table: one row an account and date that has rows left."""
    rows = {
        (account, pd.Timestamp(date)): answer
        for account, history in sorted(book.items())
        for date in sorted(dates)
        if (answer := oracle.features(history, date, windows)) is not None
    }
    return pd.DataFrame.from_dict(rows, orient="index").astype("float64")


def built(months, dates, **keywords):
    return features_room.build_features(months, snapshots=dates, **keywords)


def assert_same_bits(left, right):
    """Equal index, columns and bit patterns: no tolerance, and missing equals missing."""
    pd.testing.assert_index_equal(left.index, right.index)
    assert list(left.columns) == list(right.columns)
    bits = [np.ascontiguousarray(frame.to_numpy()).view("int64") for frame in (left, right)]
    assert (bits[0] == bits[1]).all()
