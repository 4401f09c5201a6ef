"""Arguments that several verbs share, and how results and progress are shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from delinquency.errors import InputError, Problem

# A table is a text and no Path: a path would make one slash of the two in postgresql://host/database#table.
Table = str
Months = Annotated[
    Table,
    typer.Option(
        help="Repayment histories, one row an account and month: a file, a folder, or "
        "postgresql://host/database#schema.table."
    ),
]
AsOf = Annotated[str, typer.Option("--as-of", help="Date, YYYY-MM-DD; nothing later is read.")]
Bundle = Annotated[Path, typer.Option(help="Trained scorer: a folder, or one .zip file.")]
OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write.")]
Accounts = Annotated[
    Table | None, typer.Option(help="Account facts: holds, consents, evidence; one row an account.")
]
Labels = Annotated[Table | None, typer.Option(help="Outcomes: account_id, snapshot_date, bad.")]
StrategyFile = Annotated[
    Path | None, typer.Option("--strategy", help="Strategy file; the default one if not given.")
]
Contacts = Annotated[
    Table | None,
    typer.Option(help="Contact log: account_id, at, channel, outcome. None: caps are not tested."),
]
Packs = Annotated[
    list[str] | None,
    typer.Option(help="Rule pack to obey, by id; repeat it for more. See `rules list`."),
]
HousePolicy = Annotated[
    Path | None, typer.Option(help="Rules of the house, a YAML file; they can only tighten.")
]
Actors = Annotated[
    list[str] | None, typer.Option(help="Who acts, in the words of the packs; repeat for more.")
]
At = Annotated[
    str | None,
    typer.Option(
        help="Instant of the decision, with its zone; midnight UTC of --as-of if not given."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result for machines.")]
To = Annotated[
    str | None,
    typer.Option(
        help="Table of a database to store the finished run in as well: "
        "postgresql://host/database#schema.table."
    ),
]
NewVersion = Annotated[
    bool, typer.Option("--new-version", help="Replace a run of other inputs in --out.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(help="GATE=REASON: commit although this gate fails; written in the manifest."),
]


def reasons_by_gate(overrides: list[str] | None) -> dict[str, str]:
    """Return GATE=REASON, given any number of times, as a mapping; the gates say whether they exist."""
    parts = (text.partition("=") for text in overrides or [])
    return {gate.strip(): reason for gate, _, reason in parts}


def numbers(given: list[str] | None, option: str, noun: str, example: str) -> dict[str, float]:
    """Return NAME=NUMBER, given any number of times, as a mapping."""
    found = {}
    for entry in given or []:
        name, _, amount = entry.partition("=")
        try:
            found[name.strip()] = float(amount)
        except ValueError:
            problem = Problem(
                "DLQ-205", f"{noun} is NAME=NUMBER", option, fix=f"write {option} {example}"
            )
            raise InputError(problem) from None
    return found


def progress() -> Callable[[str], None]:
    """Return a teller of progress on stderr, with the seconds since the start."""
    start = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - start:5.1f} s] {text}", file=sys.stderr, flush=True)

    return say


def show(table: pd.DataFrame, as_json: bool) -> None:
    """Print a table: as people read it, or one JSON list of its rows for machines."""
    if as_json:
        print(table.to_json(orient="records", date_format="iso", force_ascii=False))
    else:
        print(table.to_string(index=False) if len(table) else "nothing")
