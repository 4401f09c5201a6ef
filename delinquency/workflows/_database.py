"""Tables of a database at both ends of a run: fetched before it, and the finished run stored behind it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pandas as pd

from delinquency import schema, storage
from delinquency.errors import IntegrityError, Problem
from delinquency.workflows._say import Say, quiet

__all__ = ["fetching", "publish", "read_or_none"]

P = ParamSpec("P")
R = TypeVar("R")


def fetching(*roles: str, whole: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function on files take addresses in a database for these arguments.

    Of months only the columns that are read are fetched, unless the `whole` table is asked for.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function)

        @functools.wraps(function)
        def call(*given: P.args, **named: P.kwargs) -> R:
            bound = parameters.bind(*given, **named)
            with ExitStack() as stack:
                for role in roles:
                    if storage.is_database(bound.arguments.get(role)):
                        few = role == "months" and not whole
                        among = schema.MONTHS.columns if few else None
                        file = storage.at_hand(bound.arguments[role], among=among)
                        bound.arguments[role] = stack.enter_context(file)
                return function(*bound.args, **bound.kwargs)

        return call

    return wrap


def read_or_none(path: Any) -> pd.DataFrame | None:
    """Return the table of a file, or none where no file is given."""
    return None if path is None else storage.read_table(path)


def publish(
    run: Any,
    to: Any,
    *,
    table: str | None = None,
    key: Sequence[str] = schema.SCORES.key,
    say: Say = quiet,
) -> storage.Upserted:
    """Store a table of a finished run in a database, all or nothing.

    The run stands in its folder, so this may be done again at any time: what is stored already is left as
    it is. The table has only rows that passed the gates of the run.

    Parameters
    ----------
    run : path
        Folder of a run of `score_files` or `plan_files`.
    to : address
        ``postgresql://host/database#schema.table``; see `delinquency.storage.DatabaseTable.at`.
    table : str, optional
        ``"plan.parquet"`` of a run of scores that made a plan as well; the main table by default.
    key : sequence of str
        Columns that name a row.
    say : callable
        Told what was done.

    Returns
    -------
    Upserted
        Rows handed over, and how many of them were new or different.

    Raises
    ------
    IntegrityError
        ``DLQ-601`` when there is no finished run, it has no such table, or a file of it has changed.
    InputError, EnvironmentFailure
        As for `delinquency.storage.Transaction.upsert`; the table is then as it was.
    """
    place = storage.DatabaseTable.at(to)
    folder = storage.shown(run)
    if (storage.verify(folder)["state"] != "same").any():
        what, fix = "a file of the run is missing or has changed", "restore it, or run again"
        raise IntegrityError(Problem("DLQ-601", what, str(run), fix=fix))
    main = folder / str(table or storage.read_manifest(folder).get("main", ""))
    if not main.exists():
        what, fix = "the run has no such table", "make the plan with --strategy"
        raise IntegrityError(Problem("DLQ-601", what, f"{run}/{main.name}", fix=fix))
    parts = sorted(main.glob("**/*.parquet")) if main.is_dir() else [Path(main)]
    done = storage.write_rows(storage.parquet_batches(parts), place, key=key)
    say(f"{done.rows:,} rows stored in {place}, {done.changed:,} of them new or changed")
    return done
