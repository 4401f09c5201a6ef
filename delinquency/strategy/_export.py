"""A plan as other systems load it: Parquet, a CSV for people, a flat file for diallers."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import storage
from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.schema import to_frame
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._treatments import catalogue
from delinquency.strategy._words import Lang

__all__ = ["DIALLER_COLUMNS", "export_dialler", "export_plan"]

DIALLER_COLUMNS: Mapping[str, str] = {
    "RECORD_ID": "decision_id",
    "ACCOUNT": "account_id",
    "CAMPAIGN": "treatment",
    "CHANNEL": "channel",
    "NOT_BEFORE_UTC": "earliest_at",
    "STAGE": "stage",
    "BAND": "band",
    "RULE": "rule",
    "CONFIRM_FIRST": "to_confirm",
    "NOTICES": "notices",
    "SCRIPT": "script",
}
"""Column of the dialler's file: column of the plan. ``script`` is the agent-facing text."""

# a spreadsheet runs what begins so; the wide forms count too, some programs fold them
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")


def export_plan(plan: Any, path: str | os.PathLike[str]) -> None:
    """Write a plan to ``.parquet``, or to a ``.csv`` that is safe to open in a spreadsheet.

    In the CSV a text that a spreadsheet would take for a formula begins with an apostrophe; it is
    UTF-8 with a byte-order mark, so that Chinese shows. Numbers are left as they are.

    Raises
    ------
    InputError
        ``DLQ-109`` for another ending.
    EnvironmentFailure
        ``DLQ-501`` when the disk refuses; an older file stands.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "plan.csv"
    >>> export_plan(pd.DataFrame({"account_id": ["=1+1", "007"]}), file)
    >>> file.read_text("utf-8-sig").split()
    ['account_id', "'=1+1", '007']
    """
    table = to_frame(plan, "plan")
    if Path(path).suffix.lower() != ".csv":
        storage.write_table(table, path)
        return
    storage.write_bytes(path, ("\ufeff" + _csv(table, ",")).encode())


def export_dialler(
    plan: Any,
    path: str | os.PathLike[str],
    *,
    channels: Sequence[str] = ("phone", "ai_voice"),
    columns: Mapping[str, str] = DIALLER_COLUMNS,
    lang: Lang = "en",
    strategy: Strategy | None = None,
) -> int:
    """Write the rows of some channels as a flat file for a dialler or CRM; return how many.

    Fields are parted by ``|``, texts hold neither ``|`` nor line ends, times are ISO in UTC, the
    earliest first. Nothing may be done before ``NOT_BEFORE_UTC``.

    Parameters
    ----------
    plan : table
        From `assign`.
    path : path
        Where to write.
    channels : sequence of str
        Which rows.
    columns : mapping of str to str
        Their names for our columns; `DIALLER_COLUMNS` by default.
    lang : {"en", "zh"}
        Language of the script.
    strategy : Strategy, optional
        Whose treatments the scripts are of; the shipped ones when not given.

    Raises
    ------
    InputError
        ``DLQ-102`` when the mapping asks for a column that the plan has not; ``DLQ-103`` when the
        language is unknown.
    """
    if lang not in ("en", "zh"):
        raise InputError(Problem("DLQ-103", "unknown language", "lang", fix='write "en" or "zh"'))
    table = to_frame(plan, "plan")
    names = catalogue() if strategy is None else strategy.treatments
    scripts = {name: getattr(entry.text, lang) for name, entry in names.items()}
    table = table.assign(script=table["treatment"].map(scripts).fillna(""))
    lacking = [name for name in columns.values() if name not in table]
    if lacking:
        what = f'column "{lacking[0]}" is missing'
        fix = did_you_mean(lacking[0], table.columns) or "change the mapping"
        raise InputError(Problem("DLQ-102", what, "plan", len(lacking), fix))
    rows = table[table["channel"].isin(list(channels))]
    rows = rows.sort_values(["earliest_at", "account_id"], kind="stable")
    flat = pd.DataFrame({ours: rows[name] for ours, name in columns.items()})
    storage.write_bytes(path, _csv(flat, "|").encode())
    return len(flat)


def _csv(table: pd.DataFrame, separator: str) -> str:
    safe = pd.DataFrame(
        {_safe(str(name), separator): _column(table[name], separator) for name in table.columns}
    )
    text = io.StringIO()
    safe.to_csv(text, index=False, sep=separator, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    return text.getvalue()


def _column(values: pd.Series, separator: str) -> pd.Series:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.dt.strftime("%Y-%m-%d")
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values
    return values.map(lambda value: value if pd.isna(value) else _safe(str(value), separator))


def _safe(text: str, separator: str) -> str:
    text = "".join(c if c.isprintable() or c == "\u3000" else " " for c in text)
    if separator == "|":
        # a dialler reads line by line, and knows no quotes
        text = " ".join(text.replace("|", "/").replace('"', "'").split())
    return f"'{text}" if text.lstrip(" \u00a0\u3000\ufeff").startswith(_STARTS) else text
