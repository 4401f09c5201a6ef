"""The core hundred by polars, vectorised pandas and C, as well as we could write them."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

WINDOWS = (3, 6, 12, 24)


def by_polars(months: pl.LazyFrame, now: int, streaming: bool = False) -> pl.DataFrame:
    """One group-by with filtered expressions over sorted rows."""
    same = pl.col("account_id") == pl.col("account_id").shift(1)
    clean = pl.col("days_past_due") < 1
    row = pl.int_range(pl.len())
    days = pl.col("days_past_due")
    rows = months.with_columns(
        age=now - (pl.col("month").dt.year() * 12 + pl.col("month").dt.month().cast(pl.Int32) - 1),
        use=pl.when(pl.col("credit_limit") > 0).then(pl.col("balance") / pl.col("credit_limit")),
        ratio=pl.when(pl.col("amount_due") > 0).then(pl.col("amount_paid") / pl.col("amount_due")),
        bucket=pl.when(days > 0).then((1 + days // 30).clip(upper_bound=7)).otherwise(0),
        missed=(pl.col("amount_due") > 0) & (pl.col("amount_paid") <= 0),
        # the run that ends at a row: rows since the last clean row or the start of the account
        run=row
        - pl.when(clean).then(row).when(~same.fill_null(False)).then(row - 1).forward_fill(),
    ).with_columns(
        use_age=pl.col("use") * pl.col("age"),
        forward=same & (pl.col("bucket") > pl.col("bucket").shift(1)),
        back=same & (pl.col("bucket") < pl.col("bucket").shift(1)),
    )
    wanted = [expression for window in WINDOWS for expression in _polars_window(window)]
    grouped = rows.group_by("account_id", maintain_order=True).agg(*wanted, *_polars_once())
    return grouped.collect(engine="streaming" if streaming else "in-memory")


def _polars_window(window: int) -> list[pl.Expr]:
    inside = pl.col("age") < window

    def of(name: str) -> pl.Expr:
        return pl.col(name).filter(inside)

    days, use, n = of("days_past_due"), of("use"), inside.sum()
    place = pl.int_range(1, pl.len() + 1) - (pl.len() - n)
    here = pl.col("age").last() < window
    known = use.count()
    x, xx = of("age").sum(), (pl.col("age") * pl.col("age")).filter(inside).sum()
    slope = (x * use.sum() - known * of("use_age").sum()) / (known * xx - x * x)
    due, paid = of("amount_due").sum(), of("amount_paid").sum()
    features = {
        "n_obs": n,
        "dpd_max": days.max(),
        "dpd_mean": days.mean(),
        "dpd1_count": (days >= 1).sum(),
        "dpd30_count": (days >= 30).sum(),
        "months_since_dpd30": pl.col("age").filter(inside & (pl.col("days_past_due") >= 30)).min(),
        "current_streak": pl.when(here)
        .then(pl.min_horizontal(pl.col("run").last(), n))
        .otherwise(0),
        "worst_streak": pl.min_horizontal(pl.col("run"), place).filter(inside).max().fill_null(0),
        "utilisation_mean": use.mean(),
        "utilisation_max": use.max(),
        "utilisation_min": use.min(),
        "utilisation_slope": pl.when(known > 1).then(slope),
        "paid_to_due": pl.when(due > 0).then(paid / due),
        "payment_ratio_min": of("ratio").min(),
        "payment_ratio_mean": of("ratio").mean(),
        "payment_ratio_std": of("ratio").std(),
        "missed_count": of("missed").sum(),
        "utilisation_last_minus_mean": pl.when(here).then(pl.col("use").last() - use.mean()),
        "dpd_last_minus_mean": pl.when(here).then(pl.col("days_past_due").last() - days.mean()),
        "balance_mean": of("balance").mean(),
        "balance_last_minus_mean": pl.when(here).then(
            pl.col("balance").last() - of("balance").mean()
        ),
        "roll_forward_count": of("forward").slice(1).sum(),
        "roll_back_count": of("back").slice(1).sum(),
    }
    return [value.cast(pl.Float64).alias(f"{name}_{window}m") for name, value in features.items()]


def _polars_once() -> list[pl.Expr]:
    last = {
        "dpd_last": "days_past_due",
        "utilisation_last": "use",
        "balance_last": "balance",
        "amount_due_last": "amount_due",
        "amount_paid_last": "amount_paid",
        "credit_limit_last": "credit_limit",
        "months_since_last_obs": "age",
    }
    once = [pl.col(column).last().cast(pl.Float64).alias(name) for name, column in last.items()]
    return [*once, (pl.col("age").max() + 1).cast(pl.Float64).alias("months_observed_24m")]


def by_pandas(months: pd.DataFrame, now: int) -> pd.DataFrame:
    """Vectorised group-bys, one a window, over columns worked out beforehand."""
    rows = _pandas_rows(months, now)
    last = rows.groupby("account", sort=False).last()
    parts = [_pandas_window(rows[rows["age"] < window], last, window) for window in WINDOWS]
    once = last[["dpd", "use", "balance", "due", "paid", "limit", "age"]]
    names = "dpd_last utilisation_last balance_last amount_due_last amount_paid_last"
    once.columns = [*names.split(), "credit_limit_last", "months_since_last_obs"]
    first = rows.groupby("account", sort=False)["age"].max() + 1
    return pd.concat([*parts, once, first.rename("months_observed_24m")], axis=1)


def _pandas_rows(months: pd.DataFrame, now: int) -> pd.DataFrame:
    month = months["month"].dt
    rows = pd.DataFrame(
        {
            "account": months["account_id"],
            "age": now - (month.year * 12 + month.month - 1),
            "dpd": months["days_past_due"],
            "due": months["amount_due"],
            "paid": months["amount_paid"],
            "balance": months["balance"],
            "limit": months["credit_limit"],
        }
    )
    rows["use"] = (rows["balance"] / rows["limit"]).where(rows["limit"] > 0)
    rows["ratio"] = (rows["paid"] / rows["due"]).where(rows["due"] > 0)
    rows["bucket"] = np.where(rows["dpd"] > 0, np.minimum(1 + rows["dpd"] // 30, 7), 0)
    rows["dpd1"], rows["dpd30"] = rows["dpd"] >= 1, rows["dpd"] >= 30
    rows["late_age"] = rows["age"].where(rows["dpd30"])
    rows["missed"] = (rows["due"] > 0) & (rows["paid"] <= 0)
    rows["xx"], rows["xu"] = rows["age"] ** 2, rows["age"] * rows["use"]
    return rows


def _pandas_window(part: pd.DataFrame, last: pd.DataFrame, window: int) -> pd.DataFrame:
    part = part.copy()
    same = part["account"].eq(part["account"].shift())
    part["forward"] = same & (part["bucket"] > part["bucket"].shift())
    part["back"] = same & (part["bucket"] < part["bucket"].shift())
    place = np.arange(len(part))
    reset = np.where(~part["dpd1"], place, np.where(~same, place - 1, -1))
    part["run"] = place - np.maximum.accumulate(reset)
    g = part.groupby("account", sort=False)
    total = g[
        ["dpd1", "dpd30", "missed", "forward", "back", "due", "paid", "age", "xx", "xu"]
    ].sum()
    n, known = g.size(), g["use"].count()
    use, mean = g["use"].agg(["mean", "max", "min", "sum"]), g[["dpd", "balance"]].mean()
    ratio = g["ratio"].agg(["min", "mean", "std"])
    slope = total["age"] * use["sum"] - known * total["xu"]
    slope = (slope / (known * total["xx"] - total["age"] ** 2)).where(known > 1)
    here = last.loc[n.index]
    result = pd.DataFrame(
        {
            "n_obs": n,
            "dpd_max": g["dpd"].max(),
            "dpd_mean": mean["dpd"],
            "dpd1_count": total["dpd1"],
            "dpd30_count": total["dpd30"],
            "months_since_dpd30": g["late_age"].min(),
            "current_streak": g["run"].last(),
            "worst_streak": g["run"].max(),
            "utilisation_mean": use["mean"],
            "utilisation_max": use["max"],
            "utilisation_min": use["min"],
            "utilisation_slope": slope,
            "paid_to_due": (total["paid"] / total["due"]).where(total["due"] > 0),
            "payment_ratio_min": ratio["min"],
            "payment_ratio_mean": ratio["mean"],
            "payment_ratio_std": ratio["std"],
            "missed_count": total["missed"],
            "utilisation_last_minus_mean": here["use"] - use["mean"],
            "dpd_last_minus_mean": here["dpd"] - mean["dpd"],
            "balance_mean": mean["balance"],
            "balance_last_minus_mean": here["balance"] - mean["balance"],
            "roll_forward_count": total["forward"],
            "roll_back_count": total["back"],
        }
    )
    return result.reindex(last.index).add_suffix(f"_{window}m")


class ByC:
    """The C kernel, compiled here, on the arrays that the engine prepares."""

    def __init__(self) -> None:
        target = Path(tempfile.mkdtemp()) / "features_core.so"
        source = Path(__file__).with_name("features_core.c")
        command = ["gcc", "-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", str(target), str(source), "-lm"], check=True)
        self.loop = ctypes.CDLL(str(target)).core_features

    def __call__(self, cuts, rows, windows, out, at=0) -> None:
        """Write the features of each cut, as the compiled loops do."""

        def pointer(array):
            return ctypes.c_void_p(array.ctypes.data)

        arrays = (cuts.begins, cuts.ends, cuts.nows, rows.month, rows.days, rows.due, rows.paid)
        more = (rows.balance, rows.limit, windows)
        self.loop(
            ctypes.c_int64(len(cuts.begins)),
            *map(pointer, (*arrays, *more)),
            ctypes.c_int64(len(windows)),
            pointer(out),
        )
