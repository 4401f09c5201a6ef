"""The one function that every engine runs, on a table of whole accounts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from delinquency import features, history, schema, scoring, storage
from delinquency import strategy as strategies
from delinquency.errors import InputError, Problem

__all__ = ["ScoreJob", "needed", "result_schema", "score_accounts"]

_TEXT, _NUMBER = pa.string(), pa.float64()
_DAY, _MOMENT = pa.timestamp("us"), pa.timestamp("us", "UTC")
_SCORES = {
    "snapshot_date": _DAY,
    "probability": _NUMBER,
    "points": _NUMBER,
    "band": _TEXT,
    **{f"reason_{k}": _TEXT for k in range(1, 5)},
    "bundle": _TEXT,
    "refused": _TEXT,
}
_PLAN = {
    "as_of": _DAY,
    **dict.fromkeys(["stage", "treatment", "also", "channel"], _TEXT),
    "earliest_at": _MOMENT,
    **dict.fromkeys(["rule", "removed", "allowed_from", "postponed", "to_confirm"], _TEXT),
    **dict.fromkeys(["notices", "warnings", "arm"], _TEXT),
    "propensity": _NUMBER,
    "value": _NUMBER,
    "policy": _TEXT,
    "decision_id": _TEXT,
}


@dataclass(frozen=True)
class ScoreJob:
    """What is to be done to every account; plain bytes and texts, so that it travels.

    Made by `ScoreJob.of`.

    Parameters
    ----------
    bundle : tuple of (str, bytes)
        The files of the scorer's bundle; checked where they arrive.
    as_of : str
        The day; nothing later is read.
    strategy : str or None
        Text of a strategy file; none plans nothing.
    reasons_for : tuple of str
        Bands whose accounts get reasons.
    lang : {"en", "zh"}
        Language of the reasons.
    """

    bundle: tuple[tuple[str, bytes], ...]
    as_of: str
    strategy: str | None
    reasons_for: tuple[str, ...]
    lang: str

    @classmethod
    def of(
        cls,
        scorer: scoring.Scorer,
        *,
        as_of: Any,
        strategy: str | None = None,
        plan: bool = True,
        reasons_for: Sequence[str] | None = None,
        lang: str = "en",
    ) -> ScoreJob:
        """Return the job of a scorer, after looking at everything that could be wrong with it.

        Parameters
        ----------
        scorer : Scorer
            From training, or ``Scorer.from_bundle(storage.load_bundle(path))``.
        as_of : date
            The day.
        strategy : str, optional
            Text of a strategy file, which may name rule packs; the default strategy when not given.
            A contact log does not travel: plan with `delinquency plan` where there is one.
        plan : bool
            Whether to plan at all.
        reasons_for : sequence of str, optional
            Bands whose accounts get reasons; the riskiest alone by default.
        lang : {"en", "zh"}
            Language of the reasons.

        Raises
        ------
        InputError
            ``DLQ-103`` for a date that is none, a language that is unknown or a band that the scorer does
            not have; ``DLQ-2xx`` for what is wrong with the strategy.
        """
        day = str(schema.as_date(as_of).date())
        if lang not in ("en", "zh"):
            fix = 'write "en" or "zh"'
            raise InputError(Problem("DLQ-103", "unknown language", "lang", fix=fix))
        if isinstance(reasons_for, str):
            reasons_for = [reasons_for]
        wanted = tuple(scorer.bands.names[-1:] if reasons_for is None else reasons_for)
        unknown = [name for name in wanted if name not in scorer.bands.names]
        if unknown:
            fix = f"choose from {', '.join(scorer.bands.names)}"
            what = f"{len(unknown)} bands are none of the bundle's"
            raise InputError(Problem("DLQ-103", what, "reasons_for", len(unknown), fix))
        if plan and strategy is None:
            strategy = strategies.Strategy.default_text()
        if plan:
            _strategy(strategy)
        packed = _packed(scorer)
        scoring.windows_of(_scorer(packed))
        return cls(packed, day, strategy if plan else None, wanted, lang)


def score_accounts(
    months: Any, job: ScoreJob, accounts: Any = None, *, account_id: pa.DataType | None = None
) -> pa.Table:
    """Score and plan some whole accounts, with all their months in the table.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`; every row of each account in it.
    job : ScoreJob
        What to do.
    accounts : table, optional
        Holds, consents and other facts; with a ``person_id`` also every account of each person.
    account_id : DataType, optional
        Type of the ids when the table is empty.

    Returns
    -------
    Table
        One row an account that has a month known at the date, sorted by ``account_id``: the scores
        and reasons, ``refused`` (why, and then no score), and the plan. The same bits in whatever
        company an account comes.

    Raises
    ------
    InputError
        What is wrong with the tables.

    Examples
    --------
    >>> from delinquency import datasets, workflows
    >>> sample = datasets.load_credit_card()
    >>> months = sample.months[sample.months["account_id"] <= 1500]
    >>> model, day = scoring.RiskModel(n_estimators=10), "2005-09-30"
    >>> trained = workflows.train(
    ...     months, as_of=day, labels=sample.labels, windows=(3,), model=model
    ... )
    >>> job = ScoreJob.of(trained.scorer, as_of=day)
    >>> table = score_accounts(months, job)
    >>> table.num_rows, table.column_names[:5]
    (1500, ['account_id', 'snapshot_date', 'probability', 'points', 'band'])
    """
    frame = schema.to_frame(months, "months")
    nobody = result_schema(account_id or _id_type(frame), job).empty_table()
    if frame.empty:
        return nobody  # a bucket of the cluster may hold accounts and no months
    frame = schema.admit(frame, schema.MONTHS)
    scores = _scored(frame, job)
    if scores is None:
        return nobody
    if job.strategy is not None:
        scores = _planned(scores, frame, job, accounts)
    return _table(scores, nobody.schema)


def _scored(months: pd.DataFrame, job: ScoreJob) -> pd.DataFrame | None:
    """Return scores and refusals by account; none when no account has a month known at the date."""
    scorer = _scorer(job.bundle)
    try:
        X = features.build_features(
            months, job.as_of, windows=scoring.windows_of(scorer), threads=1
        )
    except InputError as error:
        if error.code == "DLQ-100":
            return None
        raise
    status = None
    if "status" in months:
        last = history.positions(months, job.as_of).set_index("account_id")["status"]
        status = last.reindex(X.index.get_level_values("account_id"))
    scores, refused = scorer.score(X, status=status)
    wanted = scores["band"].isin(job.reasons_for)
    keys = pd.MultiIndex.from_frame(scores.loc[wanted, ["account_id", "snapshot_date"]])
    texts = scoring.reasons(scorer, X.loc[keys], lang=job.lang)
    scores = scores.join(texts.set_index(scores.index[wanted]))
    scores["bundle"] = scorer.to_bundle().hash
    if not len(refused):
        return scores.assign(refused=None)
    both = pd.concat([scores, refused.rename(columns={"why": "refused"})], ignore_index=True)
    return both.sort_values("account_id", ignore_index=True)


def _planned(
    scores: pd.DataFrame, months: pd.DataFrame, job: ScoreJob, accounts: Any
) -> pd.DataFrame:
    fine = scores["band"].notna()
    if not fine.any():
        return scores.assign(**dict.fromkeys(_PLAN))
    known = None if accounts is None else schema.to_frame(accounts, "accounts")
    known = None if known is None or known.empty else known
    standing = history.positions(months, job.as_of, known)
    plan = strategies.assign(
        scores.loc[fine, ["account_id", *list(_SCORES)[:4]]],
        standing,
        strategy=_strategy(job.strategy),
        as_of=job.as_of,
    )
    plan = plan.set_index("account_id")[list(_PLAN)]
    return scores.join(plan, on="account_id")


def result_schema(account_id: pa.DataType, job: ScoreJob) -> pa.Schema:
    """Return the columns of the result, the same for every part of a portfolio."""
    columns = {**_SCORES, **(_PLAN if job.strategy is not None else {})}
    return pa.schema([("account_id", account_id), *columns.items()])


def _id_type(months: pd.DataFrame) -> pa.DataType:
    whole = "account_id" in months and pd.api.types.is_integer_dtype(months["account_id"].dtype)
    return pa.int64() if whole else _TEXT


def _table(scores: pd.DataFrame, kind: pa.Schema) -> pa.Table:
    # pyarrow 16 keeps the large strings of pandas whatever type is asked for: hence the cast
    columns: list[Any] = [pa.array(scores[f.name], f.type, from_pandas=True) for f in kind]
    columns = [column.cast(f.type) for column, f in zip(columns, kind, strict=True)]
    return pa.Table.from_arrays(columns, schema=kind)


def needed(columns: Sequence[str]) -> list[str]:
    """Return which columns of a months table the job reads; the rest need not travel."""
    return [name for name in columns if name in schema.MONTHS.columns]


def _packed(scorer: scoring.Scorer) -> tuple[tuple[str, bytes], ...]:
    with tempfile.TemporaryDirectory() as folder:
        names = storage.save_bundle(scorer, folder)
        return tuple((name, (Path(folder) / name).read_bytes()) for name in names)


@lru_cache(maxsize=2)
def _scorer(packed: tuple[tuple[str, bytes], ...]) -> scoring.Scorer:
    # a worker meets the same job many times, and checking a bundle costs more than scoring a few accounts
    with tempfile.TemporaryDirectory() as folder:
        for name, content in packed:
            (Path(folder) / name).write_bytes(content)
        return scoring.Scorer.from_bundle(storage.load_bundle(folder))


@lru_cache(maxsize=2)
def _strategy(text: str | None) -> strategies.Strategy:
    return strategies.Strategy.from_text(text or "")
