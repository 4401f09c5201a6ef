"""From the tables of a run to the tables of a page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import pandas as pd

from delinquency import evaluation, schema

__all__ = [
    "audit_rows",
    "band_rows",
    "confirm_rows",
    "driver_rows",
    "example_rows",
    "plan_by_band",
    "plan_rows",
    "policy_rows",
    "removed_rows",
]

_SEARCHED = 500  # of the riskiest accounts, for a few whose reasons differ


def audit_rows(
    holdout: pd.DataFrame, plan: pd.DataFrame, accounts: pd.DataFrame, favoured: Collection[str]
) -> dict[str, pd.DataFrame]:
    """Audit score and plan by every protected attribute that came with the accounts.

    Parameters
    ----------
    holdout : DataFrame
        ``account_id, snapshot_date, bad, probability`` of accounts that the model never saw.
    plan : DataFrame
        ``account_id, snapshot_date, treatment``.
    accounts : DataFrame
        ``account_id`` and attributes; those whose names `delinquency.schema.audit_only` knows are
        audited, in their order. An account that is not there is in the group ``unknown``.
    favoured : collection of str
        Treatments that favour the person, such as ``no_action``.

    Returns
    -------
    dict of str to DataFrame
        `delinquency.evaluation.audit`; empty without such attributes.

    Examples
    --------
    >>> holdout = pd.DataFrame({"account_id": range(40), "snapshot_date": "2026-01-31"})
    >>> plan = holdout.assign(treatment=["no_action", "agent_call"] * 20)
    >>> judged = holdout.assign(bad=[0, 1] * 20, probability=[0.2, 0.7] * 20)
    >>> accounts = pd.DataFrame({"account_id": range(40), "sex": ["f"] * 40, "balance": 1.0})
    >>> list(audit_rows(judged, plan, accounts, {"no_action"}))
    ['sex']
    """
    attributes = schema.audit_only(accounts.columns)
    if not attributes:
        return {}
    key = ["account_id", "snapshot_date"]
    rows = holdout.merge(plan[[*key, "treatment"]], on=key)
    rows = rows.merge(accounts[["account_id", *attributes]], on="account_id", how="left")
    return evaluation.audit(
        rows["bad"],
        rows["probability"],
        rows[attributes],
        favoured=rows["treatment"].isin(favoured),
    )


def band_rows(rates: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """Return bad rates by band with the points where each band starts and ends.

    Parameters
    ----------
    rates : DataFrame
        `delinquency.evaluation.by_band`.
    edges : DataFrame
        ``BandScheme.table()``.
    """
    ends = edges[["band", "points_from", "points_below"]].replace(
        [float("inf"), -float("inf")], None
    )
    ends = ends.rename(columns={"points_from": "points_low", "points_below": "points_high"})
    return rates.merge(ends, on="band", how="left")


def driver_rows(importance: pd.DataFrame, catalogue: pd.DataFrame, most: int = 15) -> pd.DataFrame:
    """Return the features that the score rests on most, with what each means."""
    meaning = catalogue.set_index("name")["definition"]
    rows = importance.head(most).rename(columns={"name": "feature"})
    return rows[["feature", "share", "sign"]].assign(meaning=rows["feature"].map(meaning))


def example_rows(scores: pd.DataFrame, most: int = 5) -> pd.DataFrame:
    """Return risky accounts with different reasons, without their ids.

    Parameters
    ----------
    scores : DataFrame
        ``account_id, band, points, probability`` and ``reason_1`` and so on.
    most : int
        Rows at most.

    Returns
    -------
    DataFrame
        ``rank`` (1 is the riskiest), ``band, points, probability, reasons``. Accounts whose reasons read
        the same as those of a riskier one are passed over: they would say nothing new.

    Examples
    --------
    >>> scores = pd.DataFrame({"account_id": [1, 2, 3], "band": "E", "points": [430, 420, 425]})
    >>> scores = scores.assign(probability=0.9, reason_1=["late", "unpaid", "unpaid"])
    >>> example_rows(scores)[["rank", "reasons"]]
       rank   reasons
    0     1  [unpaid]
    1     3    [late]
    """
    worst = scores.sort_values(["points", "account_id"]).head(_SEARCHED).reset_index(drop=True)
    texts = worst.filter(regex=r"^reason_\d$").to_numpy()
    reasons = pd.Series(
        [tuple(t for t in row if isinstance(t, str)) for row in texts], dtype=object
    )
    table = worst[["band", "points", "probability"]].assign(reasons=reasons, rank=worst.index + 1)
    table = table[~reasons.duplicated().to_numpy()].head(most).reset_index(drop=True)
    table["reasons"] = table["reasons"].map(list)
    return table[["rank", "band", "points", "probability", "reasons"]]


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
    table = plan_by_band(plan)
    rows = table.reset_index().melt("treatment", list(table.columns), "band", "n")
    return _named(rows, names)


def _named(rows: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """Add ``zh``, the Chinese name of each row's treatment."""
    return rows.assign(zh=rows["treatment"].map(names.set_index("treatment")["name"]).fillna(""))


def removed_rows(
    plan: pd.DataFrame, names: pd.DataFrame, words: Callable[[str], str]
) -> pd.DataFrame:
    """Count why treatments were removed, most frequent first: ``treatment, zh, rule, why, n``.

    Parameters
    ----------
    plan : DataFrame
        Its ``removed`` says "treatment: reason, reason; treatment: ...".
    names : DataFrame
        ``treatment`` and its ``name`` in Chinese.
    words : callable
        Turns "reason, reason" into words.

    Examples
    --------
    >>> names = pd.DataFrame({"treatment": ["agent_call"], "name": ["人工电话"]})
    >>> plan = pd.DataFrame({"removed": ["agent_call: dispute", "agent_call: dispute", ""]})
    >>> removed_rows(plan, names, str.upper)[["treatment", "n", "why"]]
        treatment  n      why
    0  agent_call  2  DISPUTE
    """
    table = pd.DataFrame(_entries(plan["removed"]), columns=["treatment", "rule", "n"])
    table = table.groupby(["treatment", "rule"])["n"].sum().reset_index()
    table = table.sort_values("n", ascending=False, kind="stable")
    return _named(table.assign(why=table["rule"].map(words)).reset_index(drop=True), names)


def confirm_rows(
    plan: pd.DataFrame, names: pd.DataFrame, words: Callable[[str], str]
) -> pd.DataFrame:
    """Say what must be confirmed before acting, a row a treatment: ``treatment, zh, n, needs``."""
    found: dict[str, tuple[int, dict[str, None]]] = {}
    for treatment, needs, n in _entries(plan["to_confirm"]):
        count, known = found.get(treatment, (0, {}))
        found[treatment] = (count + n, {**known, **dict.fromkeys(needs.split(", "))})
    rows = [(name, n, [words(need) for need in needs]) for name, (n, needs) in found.items()]
    table = pd.DataFrame(rows, columns=["treatment", "n", "needs"])
    return _named(table.sort_values(["n", "treatment"], ascending=[False, True]), names)


def _entries(texts: pd.Series) -> Iterator[tuple[str, str, int]]:
    """Yield treatment, reasons and count of "treatment: reason, reason; ..."."""
    for text, n in texts[texts != ""].value_counts().items():
        for part in str(text).split("; "):
            treatment, _, reasons = part.partition(": ")
            yield treatment, reasons, int(n)


def policy_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return a strategy's table in long form: ``stage, band, treatments``."""
    return table.reset_index().melt("stage", list(table.columns), "band", "treatments")
