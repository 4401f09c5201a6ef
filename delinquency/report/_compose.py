"""From the tables of a run to the tables of a page."""

from __future__ import annotations

import pandas as pd

__all__ = [
    "band_rows",
    "driver_rows",
    "example_rows",
    "named",
    "plan_by_band",
    "plan_rows",
    "policy_rows",
    "reason_counts",
]


def band_rows(rates: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """Return bad rates by band with the points where each band starts and ends.

    Parameters
    ----------
    rates : DataFrame
        `delinquency.evaluation.by_band`.
    edges : DataFrame
        ``BandScheme.table()``.
    """
    ends = edges[["band", "points_from", "points_below"]].replace([float("inf"), -float("inf")], None)
    ends = ends.rename(columns={"points_from": "points_low", "points_below": "points_high"})
    return rates.merge(ends, on="band", how="left")


def driver_rows(importance: pd.DataFrame, catalogue: pd.DataFrame, most: int = 15) -> pd.DataFrame:
    """Return the features that the score rests on most, with what each means."""
    meaning = catalogue.set_index("name")["definition"]
    rows = importance.head(most).rename(columns={"name": "feature"})
    return rows[["feature", "share", "sign"]].assign(meaning=rows["feature"].map(meaning))


def example_rows(scores: pd.DataFrame, most: int = 5) -> pd.DataFrame:
    """Return the riskiest accounts without their ids: ``band, points, probability, reasons``."""
    worst = scores.sort_values(["points", "account_id"]).head(most)
    texts = worst.filter(regex=r"^reason_\d$")
    reasons = [[text for text in row if isinstance(text, str)] for row in texts.to_numpy()]
    return worst[["band", "points", "probability"]].assign(reasons=reasons).reset_index(drop=True)


def plan_by_band(plan: pd.DataFrame) -> pd.DataFrame:
    """Return accounts by treatment (rows, most frequent first) and band (columns).

    Examples
    --------
    >>> plan_by_band(pd.DataFrame({"treatment": ["agent_call"] * 2, "band": ["D", "E"]}))
    band        D  E
    treatment
    agent_call  1  1
    """
    table = pd.crosstab(plan["treatment"], plan["band"])
    return table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index]


def plan_rows(plan: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """Return the same in long form with Chinese names: ``treatment, zh, band, n``."""
    rows = plan_by_band(plan).stack().rename("n").reset_index()
    return named(rows, names)


def named(rows: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """Add ``zh``, the Chinese name of each row's treatment."""
    return rows.assign(zh=rows["treatment"].map(names.set_index("treatment")["name"]).fillna(""))


def reason_counts(texts: pd.Series, names: pd.DataFrame) -> pd.DataFrame:
    """Count what a column such as ``removed`` says, "treatment: reason, reason; treatment: ...".

    Returns
    -------
    DataFrame
        One row a treatment and reason, most frequent first: ``treatment, zh, reason, n``.

    Examples
    --------
    >>> names = pd.DataFrame({"treatment": ["agent_call"], "name": ["人工电话"]})
    >>> reason_counts(pd.Series(["agent_call: dispute", "agent_call: dispute", ""]), names)
        treatment   reason  n    zh
    0  agent_call  dispute  2  人工电话
    """
    counts = texts[texts != ""].value_counts()
    rows = [
        (treatment, reason, n)
        for text, n in counts.items()
        for part in str(text).split("; ")
        for treatment, _, reasons in [part.partition(": ")]
        for reason in reasons.split(", ")
    ]
    table = pd.DataFrame(rows, columns=["treatment", "reason", "n"])
    table = table.groupby(["treatment", "reason"], as_index=False)["n"].sum()
    return named(table.sort_values("n", ascending=False, kind="stable", ignore_index=True), names)


def policy_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return a strategy's table in long form: ``stage, band, treatments``."""
    return table.stack().rename("treatments").reset_index()
