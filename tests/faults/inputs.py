"""Odd, poisoned and shuffled input: R10, R11, R12, R15, R20, R22, R23."""

import contextlib
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from delinquency import features, storage, workflows
from delinquency.errors import DelinquencyError, InputError
from delinquency.workflows import _gates, _intake
from tests.features import panels

from .world import NEW, WINDOWS, book, ended, fork, make, scorer, scoring_run, workshop

CANARY = "zq7-canary-91"
DATES = ("2024-02-29", "2024-06-14", "2025-03-31")
FULL = features.FeatureSpec()


def matrix(accounts=240, seed=0):
    """The features of the book."""
    return features.build_features(book(accounts, seed), NEW, windows=WINDOWS)


def same_bits(one, other):
    """Whether two arrays are the same to the last bit."""
    return one.shape == other.shape and one.tobytes() == other.tobytes()


def permuted_columns(times, seed=0, by_position=False):
    """Shuffle the columns of months and of features; then drop, rename, retype each in turn."""
    rng, counts, ours = np.random.default_rng(seed), Counter(), scorer()
    months, X = book(), matrix()
    names = list(ours.names)
    expected = ours.log_odds(X)

    def scored(table):
        if by_position:  # the negative control
            return ours.calibration.log_odds(ours.trees.raw(table.to_numpy()[:, : len(names)]))
        return ours.log_odds(table)

    for _ in range(times):
        shuffled = months[list(rng.permutation(months.columns))]
        again = features.build_features(shuffled, NEW, windows=WINDOWS)
        again = again[list(rng.permutation(again.columns))]
        counts["permuted"] += 1
        counts["other scores"] += not same_bits(scored(again), expected)
    for name in names:
        spoilt = (
            X.drop(columns=name),
            X.rename(columns={name: f"{name}_"}),
            X.assign(**{name: X[name].astype(str)}),
        )
        for table in spoilt:
            counts["spoilt"] += 1
            with contextlib.suppress(InputError):
                scored(table)
                counts["spoilt, not refused"] += 1
    return dict(counts)


def poisoned_rows(rows, seed=0, unguarded=False):
    """Put NaN and infinities where none may be: each row refused or counted, no other row touched."""
    rng, counts, ours = np.random.default_rng(seed), Counter(), scorer()
    clean = matrix()
    while counts["poisoned"] < rows:
        X = clean.copy()
        bad = rng.random(len(X)) < 0.5
        columns = [X.columns.get_loc(name) for name in ours.names]
        values = X.to_numpy(copy=True)
        for row in np.flatnonzero(bad):
            values[row, rng.choice(columns)] = rng.choice([np.nan, np.inf, -np.inf])
        X = pd.DataFrame(values, X.index, X.columns)
        if unguarded:  # the negative control: score whatever comes
            assert np.isfinite(ours.log_odds(X)[bad]).size
            refused = pd.DataFrame({"account_id": []})
        else:
            refused = ours.score(X).refused
        ids = X.index.get_level_values("account_id")
        out = ids.isin(refused["account_id"])
        counts["poisoned"] += int(bad.sum())
        counts["scored all the same"] += int((bad & ~out).sum())
        counts["refused for nothing"] += int((out & ~bad).sum())
    return dict(counts)


def same_whatever_way(times, seed=0):
    """Threads, chunk sizes and orders of rows: the same bits."""
    rng, counts, ours = np.random.default_rng(seed), Counter(), scorer()
    months = book()
    expected, raw = matrix(), scorer().log_odds(matrix())
    for _ in range(times):
        rows, threads = int(rng.integers(10, 2000)), int(rng.integers(1, 5))
        batches = features.feature_batches(
            months, NEW, windows=WINDOWS, threads=threads, rows_at_once=rows
        )
        X = pd.concat([batch.frame() for batch in batches if len(batch.values)])
        counts["ways"] += 2
        counts["other bits"] += not same_bits(X.to_numpy(), expected.to_numpy())
        shuffled = months.iloc[rng.permutation(len(months))]
        again = features.build_features(shuffled, NEW, windows=WINDOWS, threads=threads)
        scored = ours.calibration.log_odds(ours.trees.raw(ours.matrix(again), threads))
        counts["other bits"] += not same_bits(scored, raw)
    return dict(counts)


def features_any_way(portfolios, seed=0, cut_in_two=False):
    """Whole, shuffled, in batches, one account at a time: the same bits of every feature.

    `cut_in_two` lets a batch end within an account, as a stream of rows would: the negative control.
    """
    rng, counts = np.random.default_rng(seed), Counter()
    for number in range(portfolios):
        months = panels.table(panels.portfolio(seed * 10**6 + number, accounts=5))
        whole, at = _built(months), int(rng.integers(1, len(months)))
        apart = [rows for _, rows in months.groupby("account_id")]
        pieces = [months[:at], months[at:]] if cut_in_two else apart
        batches = features.feature_batches(
            months, snapshots=DATES, spec=FULL, rows_at_once=at, threads=int(rng.integers(1, 5))
        )
        ways = (
            _built(months.iloc[rng.permutation(len(months))]),
            pd.concat([batch.frame() for batch in batches]).sort_index(),
            pd.concat(map(_built, pieces)).sort_index(),
        )
        counts["portfolios"] += 1
        counts["ways"] += len(ways)
        counts["other bits"] += sum(not same_bits(way.to_numpy(), whole.to_numpy()) for way in ways)
    return dict(counts)


def _built(months):
    try:
        table = features.build_features(months, snapshots=DATES, spec=FULL)
    except InputError:  # an account of which nothing is known at any date
        return pd.DataFrame()
    return table.sort_index()


def nothing_to_go_on():
    """No rows, no column of the model, no check: none of them may end as a run."""
    counts = Counter()
    with workshop() as (folder, where):
        sound = book()
        tables = {
            "no rows": sound[:0],
            "no month known": sound.assign(month=sound["month"] + pd.DateOffset(years=9)),
            "all ended": sound.assign(status="closed"),
            "no column": sound[["account_id", "month", "days_past_due"]],
            "all refused": sound.assign(balance=np.nan),
        }
        for number, (why, table) in enumerate(tables.items()):
            months, out = folder / f"{number}.parquet", folder / f"out-{number}"
            storage.write_table(table, months)
            counts["tried"] += 1
            with contextlib.suppress(DelinquencyError):
                workflows.score_files(**where | {"months": months}, as_of=NEW, out=out)
            counts["committed"] += (out / "run_manifest.json").exists()
            counts[f"committed: {why}"] += (out / "run_manifest.json").exists()
        counts["tried"] += 1
        try:
            counts["committed"] += _gates.failed([], "out") is None
        except DelinquencyError:
            counts["refused without a check"] += 1
    return dict(counts)


def canaries(times, seed=0, careless=False):
    """Every cell a canary, every file spoilt in some way: no line we say may hold one."""
    rng, counts = np.random.default_rng(seed), Counter()
    with workshop() as (folder, where):
        table = _canary_book()
        text = table.to_csv(index=False)
        for number in range(times):
            path = folder / f"spoilt-{number % 4}.csv"
            path.write_bytes(_spoilt(rng, text))
            said = io.StringIO()
            counts["tries"] += 1
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                counts["errors"] += _try(where | {"months": path}, folder / "out", said, careless)
            counts["leaks"] += CANARY in said.getvalue() or "918273" in said.getvalue()
    return dict(counts)


def _canary_book():
    table = book(20)
    ids = [f"{CANARY}-{k}" for k in table["account_id"]]
    return table.assign(account_id=ids, balance=918273.25, amount_due=918273.5, note=CANARY)


def _spoilt(rng, text):
    """Spoil a CSV: a cell, a line, a column name, a byte, or the end."""
    lines = text.splitlines()
    way, row = rng.integers(7), int(rng.integers(1, len(lines)))
    cells = lines[row].split(",")
    place = int(rng.integers(len(cells)))
    if way == 0:
        cells[place] = CANARY
    elif way == 1:
        cells[place] = ""
    elif way == 2:
        cells[place] = f'"{CANARY}'
    elif way == 3:
        cells = cells[:-2]
    elif way == 4:
        lines[0] = lines[0].replace("month", CANARY[:3], 1)
    elif way == 5:
        lines.append(lines[row])
    lines[row] = ",".join(cells)
    content = ("\n".join(lines) + "\n").encode()
    if way == 6:
        at = int(rng.integers(len(content)))
        content = content[:at] + bytes([int(rng.integers(256))]) + content[at + 1 :]
    return content


def _try(where, out, said, careless):
    try:
        if careless:  # the negative control: what a library says that quotes its cells
            pd.to_numeric(pd.read_csv(where["months"])["note"])
        workflows.score_files(**where, as_of=NEW, out=out, new_version=True, say=said.write)
    except DelinquencyError as error:
        said.write(str(error) + repr(error.problems))
        return 1
    except ValueError as error:
        said.write(str(error))
        return 1
    return 0


def memory(accounts, times=3):
    """Peak memory of a stream of one size and of a table several times larger: it must not grow.

    The negative control reads the whole table at once, and must be seen to grow.
    """
    figures = {}
    with workshop() as (folder, _):
        _intake._MOST_ROWS = 20_000
        for name, n in (("small", accounts), ("large", accounts * times)):
            place = folder / name
            place.mkdir()
            where = make(place)
            storage.write_table(book(n), place / "months.parquet")
            for how in ("stream", "whole"):
                pid = fork(lambda h=how, w=where, p=place: _measured(h, w, p))
                assert ended(pid) == 0
                figures[f"{name} {how}"] = int((place / f"{how}.txt").read_text())
    growth = {how: figures[f"large {how}"] - figures[f"small {how}"] for how in ("stream", "whole")}
    return {
        **figures,
        "growth of the stream": growth["stream"],
        "growth of the whole": growth["whole"],
    }


def _measured(how, where, place):
    if how == "whole":
        _intake._MOST_ROWS = _intake._FEWEST_ROWS = 10**9
    scoring_run(where, place / how)
    # not ru_maxrss: a child is born with that of its parent
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    (place / f"{how}.txt").write_text(str(int(peak.split()[1]) // 1024))
    return 0
