"""What was decided is decided again from the recorded inputs, and held against what is shown."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import storage
from delinquency.errors import InputError, Problem
from delinquency.schema import as_date, to_frame
from delinquency.strategy._assign import assign
from delinquency.strategy._chain import sound_entries
from delinquency.strategy._file import StrategyFile
from delinquency.strategy._rule_models import PackFile
from delinquency.strategy._rules import RulePack
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._treatments import Treatment

__all__ = ["replay"]

_TEXTS = (
    *("stage", "band", "treatment", "also", "channel", "rule", "removed", "allowed_from"),
    *("postponed", "to_confirm", "notices", "warnings", "arm", "policy"),
)


def replay(
    plan: Any,
    as_of: Any,
    *,
    log: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Decide again what was decided on a day, from the recorded inputs, and compare.

    Parameters
    ----------
    plan : path or table
        A log made by `record_decisions`: every row of that day is proved. Or a plan, such as one
        that somebody shows as proof: its rows of that day are compared with what the inputs recorded in
        `log` lead to. Dates may be text, and empty texts missing, as they come back from a CSV file.
    as_of : date
        The day of the decision; every run of that day is replayed.
    log : path, optional
        The log, where `plan` is a table.

    Returns
    -------
    DataFrame
        ``run, account_id, treatment`` (as recorded, or as the plan says), ``replayed, same``:
        whether every column of the plan came out the same. A row of a plan that the log does not lead
        to has no ``run``, nothing ``replayed``, and is not the same.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when the log is not what its chain says.
    InputError
        ``DLQ-102`` a plan without the columns that say what was decided; ``DLQ-103`` one whose dates
        cannot be read; ``DLQ-126`` when nothing was
        decided on that day; ``DLQ-188`` a plan without its log.
    """
    if not isinstance(plan, (str, os.PathLike)):
        shown = to_frame(plan, "plan")
        if log is None:
            fix = "pass log=, the folder that the decisions were recorded in"
            what = "a plan alone has no recorded inputs to decide it again from"
            raise InputError(Problem("DLQ-188", what, "plan", fix=fix))
        return _plan_replayed(shown, as_of, Path(log))
    return pd.concat(
        [_compared(run, recorded, again) for run, recorded, again in _runs_of(Path(plan), as_of)],
        ignore_index=True,
    )


def _runs_of(root: Path, as_of: Any) -> list[tuple[Path, pd.DataFrame, pd.DataFrame]]:
    """Return folder, plan as recorded and plan as decided again, of each run of a day."""
    day, found = as_date(as_of), []
    for entry in sound_entries(root):
        run = root / entry["run"]
        recorded = storage.read_table(run / "plan.parquet")
        if recorded["as_of"].iloc[0] == day:
            found.append((run, recorded, _decided_again(run)))
    if not found:
        fix = "see read_decisions(folder)"
        raise InputError(Problem("DLQ-126", "nothing was decided on that day", str(root), fix=fix))
    return found


def _plan_replayed(plan: pd.DataFrame, as_of: Any, root: Path) -> pd.DataFrame:
    """Set each row of a plan beside the first run of the day that decided it alike, or any run."""
    _refuse_lacking(plan)
    of_day = _times(plan, "as_of") == as_date(as_of)
    shown = _as_made(plan[of_day].reset_index(drop=True))
    ours = pd.DataFrame({"in_run": pd.Series(None, index=shown.index, dtype=object)})
    ours, same = ours.assign(treatment=ours["in_run"]), pd.Series(False, index=shown.index)
    for run, _, again in _runs_of(root, as_of):
        known = again.drop_duplicates("decision_id").assign(in_run=run.name)
        there = known.set_index("decision_id").reindex(shown["decision_id"]).reset_index()
        columns = [name for name in again.columns if name in shown and name != "decision_id"]
        alike = (_equal(there, shown, columns) & there["in_run"].notna()).astype(bool)
        better = (alike & ~same) | (ours["in_run"].isna() & there["in_run"].notna())
        ours = ours.mask(better, there[["in_run", "treatment"]].astype(object))
        same |= alike
    if shown.empty:
        fix = "check the day, or the plan's as_of"
        raise InputError(Problem("DLQ-126", "the plan has no row of that day", "plan", fix=fix))
    return pd.DataFrame(
        {
            "run": ours["in_run"],
            "account_id": shown["account_id"],
            "treatment": shown["treatment"],
            "replayed": ours["treatment"],
            "same": same,
        }
    )


def _as_made(shown: pd.DataFrame) -> pd.DataFrame:
    """Return a plan with the types that it was made with, wherever it has been since."""
    made = {name: _times(shown, name) for name in ("snapshot_date", "as_of") if name in shown}
    if "earliest_at" in shown:
        made["earliest_at"] = _times(shown, "earliest_at", utc=True)
    texts = [name for name in _TEXTS if name in shown]
    made |= {name: shown[name].astype(object).where(shown[name].notna(), "") for name in texts}
    return shown.assign(**made)


def _times(plan: pd.DataFrame, name: str, *, utc: bool = False) -> pd.Series:
    plain = pd.api.types.is_datetime64_any_dtype(plan[name].dtype)
    try:
        return pd.to_datetime(plan[name], utc=utc, format=None if plain else "ISO8601")
    except (ValueError, TypeError, OverflowError):
        fix = "write YYYY-MM-DD, a time with its zone"
        problem = Problem("DLQ-103", "a date is unreadable", f"plan.{name}", fix=fix)
        raise InputError(problem) from None


def _refuse_lacking(plan: pd.DataFrame) -> None:
    needed = ("account_id", "as_of", "treatment", "decision_id")
    problems = [
        Problem("DLQ-102", f'column "{name}" is missing', "plan", 1, "show the plan as it was made")
        for name in needed
        if name not in plan
    ]
    if problems:
        raise InputError(*problems)


def _equal(ours: pd.DataFrame, theirs: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Return which rows are alike in every column; two missing values are."""
    same = pd.Series(True, index=theirs.index)
    for name in columns:
        same &= (ours[name] == theirs[name]) | (ours[name].isna() & theirs[name].isna())
    return same


def _frozen(value: Any) -> Any:
    """Return JSON as our models take it: sequences are tuples."""
    if isinstance(value, dict):
        return {key: _frozen(entry) for key, entry in value.items()}
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list) else value


def _decided_again(run: Path) -> pd.DataFrame:
    policy = _frozen(json.loads((run / "policy.json").read_bytes()))
    strategy = Strategy(
        StrategyFile.model_validate(policy["strategy"]),
        {name: Treatment.model_validate(t) for name, t in policy["treatments"].items()},
    )
    packs = [RulePack(PackFile.model_validate(pack)) for pack in policy["packs"]]
    logged = run / "contacts.parquet"
    return assign(
        storage.read_table(run / "scores.parquet"),
        storage.read_table(run / "accounts.parquet"),
        storage.read_table(logged) if logged.exists() else None,
        strategy=strategy,
        packs=packs,
        actors=policy["actors"],
        holidays=policy["holidays"],
        as_of=policy["as_of"],
    )


def _compared(run: Path, recorded: pd.DataFrame, again: pd.DataFrame) -> pd.DataFrame:
    # a log from before a column was added is held to what it says
    columns = [name for name in again.columns if name in recorded]
    return pd.DataFrame(
        {
            "run": run.name,
            "account_id": recorded["account_id"],
            "treatment": recorded["treatment"],
            "replayed": again["treatment"],
            "same": _equal(again, recorded, columns).astype(bool),
        }
    )
