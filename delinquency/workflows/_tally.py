"""Counting a batch run: what came in, what went out, and how the scores lie.

Everything counted here is a sum over accounts, so it is the same whatever the batches were. Money is summed
in hundredths as whole numbers, which no order of rows can change.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from delinquency import features, schema, scoring
from delinquency.kernels import compiled

__all__ = ["POINTS_STEP", "Tally", "of_part"]

POINTS_STEP = 5  # points a cell of the histogram that the next run is compared with


class Tally:
    """What a run has read and scored so far.

    Parameters
    ----------
    as_of : Timestamp
        The day of the run.
    """

    def __init__(self, as_of: pd.Timestamp) -> None:
        self.as_of = as_of
        self.rows = self.accounts = self.behind = self.unknown = self.with_status = 0
        self.first: pd.Timestamp | None = None
        self.last: pd.Timestamp | None = None
        self.missing: Counter[str] = Counter()
        self.parts: list[dict[str, Any]] = []

    def read(self, batch: features.FeatureBatch) -> None:
        """Count what came in."""
        months = batch.months
        self.rows += len(months)
        self.accounts += len(batch.values)
        month = months["month"].to_numpy().view("int64")  # as numbers: none is missing here
        first, last = (pd.Timestamp(int(day), unit="us") for day in (month.min(), month.max()))
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        status = batch.last("status")
        ended = None if status is None else np.isin(status, schema.STATUSES[1:])
        for name, column, whole in zip(batch.names, batch.values.T, batch.whole, strict=True):
            self.missing[name] += 0 if whole else _missing(column, ended)
        if "months_since_last_obs" in batch.names:
            age = batch.values[:, batch.names.index("months_since_last_obs")]
            self.behind += int((age > 0).sum())
        if "status" in months:
            known = months["status"].notna()
            self.with_status += int(known.sum())
            self.unknown += int((known & ~months["status"].isin(schema.STATUSES)).sum())

    def scored(self, part: dict[str, Any]) -> None:
        """Count what went out; `part` comes from `of_part`, of this run or of the one it resumes."""
        self.parts.append(part)

    def of(self, name: str) -> int:
        """Return the sum of one number over all parts."""
        return sum(part[name] for part in self.parts)

    def counts(self, name: str) -> dict[str, int]:
        """Return the sum of one table of counts over all parts."""
        total: Counter[str] = Counter()
        for part in self.parts:
            total.update(part[name])
        return dict(sorted(total.items()))

    def sums(self, name: str) -> dict[str, tuple[int, float]]:
        """Return accounts and the sum of their probabilities, by group."""
        total: dict[str, tuple[int, float]] = {}
        for part in self.parts:
            for group, (n, p) in part[name].items():
                before = total.get(group, (0, 0.0))
                total[group] = (before[0] + n, before[1] + p)
        return total

    def summary(self) -> dict[str, Any]:
        """Return what a manifest keeps of the run, and the next run is compared with."""
        return {
            "reconciliation": {
                "read": self.accounts,
                "scored": self.of("scored"),
                "refused": self.of("refused"),
            },
            "refused": self.counts("why"),
            "control": {
                "rows": self.rows,
                "balance_hundredths": self.of("balance_all"),
                "balance_hundredths_last_month": self.of("balance"),
                "balance_hundredths_last_month_refused": self.of("balance_refused"),
                "first_month": _day(self.first),
                "last_month": _day(self.last),
                "accounts_behind": self.behind,
            },
            "levels": {"status": {"rows": self.with_status, "unknown": self.unknown}},
            "distribution": {
                "points_step": POINTS_STEP,
                "points": self.counts("points"),
                "reference_points": self.counts("reference_points"),
                "bands": {band: n for band, (n, _) in self.sums("bands").items()},
                "probability": _means(self.sums("bands")),
                "standing": _means(self.sums("standing")),
                "standing_accounts": {k: n for k, (n, _) in self.sums("standing").items()},
                "missing": dict(self.missing),
            },
        }


def _means(sums: dict[str, tuple[int, float]]) -> dict[str, float]:
    return {group: round(p / n, 9) for group, (n, p) in sums.items() if n}


def _day(date: pd.Timestamp | None) -> str | None:
    return None if date is None else str(date.date())


def of_part(
    batch: features.FeatureBatch,
    scored: scoring.Scored,
    fine: np.ndarray,
    as_of: pd.Timestamp,
    reference: scoring.Reference | None = None,
) -> dict[str, Any]:
    """Count the scores of one batch, as JSON.

    Parameters
    ----------
    batch : FeatureBatch
        What was scored.
    scored : Scored
        The scores and the refused.
    fine : bool array
        Which rows of the batch were scored.
    as_of : Timestamp
        The day of the run.
    reference : Reference, optional
        Its cells are counted too, to be held against those of the training sample.
    """
    scores, months = scored.scores, batch.months
    probability = scores["probability"].to_numpy()
    cells, counts = np.unique(
        np.floor(scores["points"].to_numpy() / POINTS_STEP).astype("int64") * POINTS_STEP,
        return_counts=True,
    )
    balance, of_last = _hundredths(months, as_of)
    lost, why = 0, {}
    if len(scored.refused):
        why = scored.refused["why"].value_counts().to_dict()
        theirs = months["account_id"].isin(scored.refused["account_id"]).to_numpy()
        lost = _hundredths(months[theirs], as_of)[1]
    return {
        "accounts": len(batch.values),
        "scored": len(scores),
        "refused": len(scored.refused),
        "why": {str(reason): int(n) for reason, n in why.items()},
        "points": dict(zip(map(str, cells.tolist()), counts.tolist(), strict=True)),
        "bands": _sums(*pd.factorize(scores["band"]), probability),
        "standing": _sums(_standing(batch, fine), _STANDING, probability),
        "reference_points": _in_cells(scores["points"], reference),
        "balance_all": balance,
        "balance": of_last,
        "balance_refused": lost,
    }


def _in_cells(points: pd.Series, reference: scoring.Reference | None) -> dict[str, int]:
    counts = [] if reference is None else reference.points.count(points).tolist()
    return {str(cell): n for cell, n in enumerate(counts)}


def _sums(codes: np.ndarray, names: Any, probability: np.ndarray) -> dict[str, tuple[int, float]]:
    """Return accounts and the sum of their probabilities by group; a code of -1 is in none."""
    inside = codes >= 0
    n = np.bincount(codes[inside], minlength=len(names))
    p = np.bincount(codes[inside], weights=probability[inside], minlength=len(names))
    return {str(name): (int(n[k]), float(p[k])) for k, name in enumerate(names) if n[k]}


_STANDING = ("current", "late")


def _standing(batch: features.FeatureBatch, fine: np.ndarray) -> np.ndarray:
    """Return who is late by a month (1) and who is not at all (0): a score must tell them apart."""
    standing = np.full(int(fine.sum()), -1)
    if "dpd_last" in batch.names:
        late = batch.values[fine, batch.names.index("dpd_last")]
        standing[late == 0] = 0
        standing[late >= 30] = 1
    return standing


def _missing(column: np.ndarray, ended: np.ndarray | None) -> int:
    """Return how many accounts that still run miss a feature."""
    gone = np.isnan(column)
    return int(gone.sum() if ended is None else (gone & ~ended).sum())


def _last_month_end(as_of: pd.Timestamp) -> pd.Timestamp:
    """Return the end of the last month that had ended by a day."""
    day = np.datetime64(as_of.date()) + np.timedelta64(1, "D")
    return pd.Timestamp(
        day.astype("datetime64[M]").astype("datetime64[D]") - np.timedelta64(1, "D")
    )


def _hundredths(months: pd.DataFrame, as_of: pd.Timestamp) -> tuple[int, int]:
    """Return the balances of all rows, and those of the last month before a day."""
    if "balance" not in months:
        return 0, 0
    last = _last_month_end(as_of).to_datetime64().astype(schema.DATE_DTYPE).astype("int64")
    month = months["month"].to_numpy().view("int64")
    whole, of_last = _sum_hundredths(months["balance"].to_numpy(), month, last)
    return int(whole), int(of_last)


@compiled
def _sum_hundredths(balance, month, last):  # pragma: no cover
    whole, of_last = np.int64(0), np.int64(0)
    for row in range(balance.shape[0]):
        if balance[row] == balance[row]:
            hundredths = np.int64(np.rint(balance[row] * 100.0))
            whole += hundredths
            if month[row] == last:
                of_last += hundredths
    return whole, of_last
