"""Portfolios for the tests: small, ugly, and by the thousand."""

import datetime

import numpy as np
import pandas as pd
import pytest

import delinquency.features as features_room
from delinquency.errors import InputError

from . import oracle, oracle_more

MONEY = ("amount_due", "amount_paid", "balance", "credit_limit")
OTHER = ("status", "opened", "written_off", "recovered")
STATUSES = ("open", "paid_off", "charged_off", "sold", "closed")


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
        rows.append(row | other_columns(rng, months[0]))
    return rows


def other_columns(rng, first):
    """Status, opening date, write-off and recovery: often the usual, at times unknown."""
    draw = rng.random()
    status = None if draw < 0.1 else "open" if draw < 0.7 else str(rng.choice(STATUSES))
    opened = first - datetime.timedelta(days=int(rng.integers(0, 2000)))
    return {
        "status": status,
        "opened": None if rng.random() < 0.1 else opened,
        "written_off": None if rng.random() < 0.3 else round(float(rng.exponential(50)), 2),
        "recovered": None if rng.random() < 0.3 else round(float(rng.exponential(5)), 2),
    }


def portfolio(seed, accounts=8, first=datetime.date(2023, 1, 31), months=30):
    """A portfolio as ``{account: rows}``; some accounts have one row, some none."""
    rng = np.random.default_rng(seed)
    calendar = month_ends(first, months)
    return {f"A{number:02d}": account_rows(rng, calendar) for number in range(accounts)}


def table(book):
    """The months table of a portfolio, sorted by its key."""
    rows = [{"account_id": account, **row} for account, rows in book.items() for row in rows]
    names = ["account_id", "month", "days_past_due", *MONEY, *OTHER, "known_at"]
    frame = pd.DataFrame(rows, columns=names)
    money = [*MONEY, "written_off", "recovered"]
    frame[money] = frame[money].astype("float64")
    frame["status"] = frame["status"].astype("str").where(frame["status"].notna(), None)
    for name in ("month", "known_at", "opened"):
        frame[name] = pd.to_datetime(frame[name])
    return frame.sort_values(["account_id", "month"], ignore_index=True)


def answer(rows, date, windows, whole):
    """The oracle's features of one account: the core, or the whole catalogue."""
    core = oracle.features(rows, date, windows)
    if core is None or not whole:
        return core
    seen = oracle.visible(rows, date, max(24, *windows))
    return core | oracle_more.features(seen, oracle.snapshot_month(date), windows)


def expected(book, dates, windows=oracle.WINDOWS, whole=False):
    """The oracle's table: one row an account and date that has rows left."""
    rows = {
        (account, pd.Timestamp(date)): features
        for account, history in sorted(book.items())
        for date in sorted(dates)
        if (features := answer(history, date, windows, whole)) is not None
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


def assert_matches_oracle(book, dates, windows=oracle.WINDOWS, whole=False):
    """The engine's table is the oracle's: same rows, same columns, same numbers."""
    wanted = expected(book, dates, windows, whole)
    spec = features_room.FeatureSpec(windows=windows) if whole else None
    if wanted.empty:
        with pytest.raises(InputError, match="DLQ-100"):
            built(table(book), dates, windows=windows, spec=spec)
        return
    got = built(table(book), dates, windows=windows, spec=spec)
    assert list(got.index) == list(wanted.index)
    assert list(got.columns) == list(wanted.columns)
    np.testing.assert_allclose(got.to_numpy(), wanted.to_numpy(), rtol=1e-9, atol=1e-9)
