"""From the tables of a run to the tables of a page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

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
    "waiting_rows",
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
    key = list(schema.SCORES.key)
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
    plan: pd.DataFrame,
    names: pd.DataFrame,
    words: Callable[[str], str],
    until: Callable[[str, str], str] | None = None,
) -> pd.DataFrame:
    """Count why treatments were removed, and say when they will be allowed, most frequent first.

    Parameters
    ----------
    plan : DataFrame
        Its ``removed`` says "treatment: reason, reason; treatment: ...". Where it has
        ``allowed_from``, "treatment: instant; ...", that is what waiting alone will allow.
    names : DataFrame
        ``treatment`` and its ``name`` in Chinese.
    words : callable
        Turns "reason, reason" into words.
    until : callable, optional
        Turns treatment and "reason, reason" into the words for when it will be allowed.

    Returns
    -------
    DataFrame
        ``treatment, zh, rule`` (the reasons as the plan writes them), ``why, until, n``.

    Examples
    --------
    >>> names = pd.DataFrame({"treatment": ["agent_call"], "name": ["人工电话"]})
    >>> plan = pd.DataFrame({"removed": ["agent_call: dispute", "agent_call: dispute", ""]})
    >>> removed_rows(plan, names, str.upper)[["treatment", "n", "why"]]
        treatment  n      why
    0  agent_call  2  DISPUTE
    """
    table = pd.DataFrame(_removals(plan), columns=["treatment", "rule", "at", "n"])
    table = table.groupby(["treatment", "rule"], as_index=False).agg(
        n=("n", "sum"), first=("at", "min"), last=("at", "max")
    )
    table = table.sort_values("n", ascending=False, kind="stable").reset_index(drop=True)
    table["why"] = table["rule"].map(words)
    table["until"] = [
        _span(first, last) or (until(name, rule) if until else "")
        for name, rule, first, last in table[["treatment", "rule", "first", "last"]].to_numpy()
    ]
    return _named(table.drop(columns=["first", "last"]), names)


def _removals(plan: pd.DataFrame) -> Iterator[tuple[str, str, Any, int]]:
    """Yield treatment, reasons, the instant that waiting brings it (or none), and count."""
    when = plan["allowed_from"] if "allowed_from" in plan else pd.Series("", index=plan.index)
    pairs = pd.DataFrame({"removed": plan["removed"], "when": when})
    pairs = pairs[pairs["removed"] != ""]
    for (removed, times), n in pairs.value_counts(sort=False).items():  # pyright: ignore
        instants = dict(_parts(times))
        for treatment, reasons in _parts(removed):
            at = instants.get(treatment)
            yield treatment, reasons, pd.NaT if at is None else pd.Timestamp(at), int(n)


def waiting_rows(
    plan: pd.DataFrame, names: pd.DataFrame, words: Callable[[str], str]
) -> pd.DataFrame:
    """Say which chosen treatments must wait, for which rules, and until when.

    Parameters
    ----------
    plan : DataFrame
        ``treatment, postponed`` ("rule, rule"), ``earliest_at`` in UTC.
    names : DataFrame
        ``treatment`` and its ``name`` in Chinese.
    words : callable
        Turns a rule into words.

    Returns
    -------
    DataFrame
        ``treatment, zh, rule, why, until, n``, most frequent first.

    Examples
    --------
    >>> names = pd.DataFrame({"treatment": ["agent_call"], "name": ["人工电话"]})
    >>> at = pd.to_datetime(["2026-11-23T01:00Z", "2026-11-23T02:00Z"])
    >>> plan = pd.DataFrame({"treatment": "agent_call", "postponed": "hours", "earliest_at": at})
    >>> waiting_rows(plan, names, str.upper)[["why", "until", "n"]].values.tolist()
    [['HOURS', 'from 2026-11-23 01:00 to 02:00 UTC', 2]]
    """
    late = plan[plan["postponed"] != ""] if "postponed" in plan else plan.iloc[:0]
    columns = ["treatment", "rule", "n", "first", "last"]
    if late.empty:
        table = pd.DataFrame(columns=columns)
    else:
        groups = late.groupby(["treatment", "postponed"], as_index=False)["earliest_at"]
        table = groups.agg(["size", "min", "max"]).set_axis(columns, axis=1)
    table = table.sort_values(["n", "treatment"], ascending=[False, True]).reset_index(drop=True)
    table["why"] = [", ".join(map(words, str(rule).split(", "))) for rule in table["rule"]]
    table["until"] = [
        _span(*ends) for ends in table[["first", "last"]].itertuples(index=False, name=None)
    ]
    return _named(table.drop(columns=["first", "last"]), names)


def _span(first: Any, last: Any) -> str:
    """Return "from ... to ... UTC" of two instants, an empty text where there are none."""
    if pd.isna(first):
        return ""
    start, end = f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}"
    if start == end:
        return f"from {start} UTC"
    return f"from {start} to {end.removeprefix(start[:11])} UTC"


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
        for treatment, reasons in _parts(text):
            yield treatment, reasons, int(n)


def _parts(text: Any) -> Iterator[tuple[str, str]]:
    """Yield what stands before and after each colon of "treatment: ...; treatment: ..."."""
    for part in str(text).split("; ") if text else ():
        treatment, _, rest = part.partition(": ")
        yield treatment, rest


def policy_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return a strategy's table in long form: ``stage, band, treatments``."""
    return table.reset_index().melt("stage", list(table.columns), "band", "treatments")
