"""The verbs that keep a score true: monitor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from delinquency.cli._options import Accounts, AsOf, Json, Labels, Months, OutFolder, progress

Model = Annotated[
    Path,
    typer.Option("--bundle", help="Folder of a trained scorer, or of a registry: its champion."),
]


def monitor(
    months: Months,
    bundle: Model,
    as_of: AsOf,
    out: OutFolder,
    accounts: Accounts = None,
    segment: Annotated[str, typer.Option(help="Column of accounts to judge by.")] = "segment",
    labels: Labels = None,
    look_back: Annotated[int, typer.Option("--look-back", help="Months looked at.")] = 12,
    fail_on_reasons: Annotated[
        bool, typer.Option("--fail-on-reasons", help="Exit code 3 when there is a reason to train.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say whether a score is still true; writes monitor.html, monitor.json and run_manifest.json."""
    from delinquency import workflows

    found = workflows.monitor_files(
        months,
        bundle,
        as_of=as_of,
        out=out,
        accounts=accounts,
        segment=segment,
        labels=labels,
        look_back=look_back,
        say=progress(),
    )
    _show_reasons(found, as_json)
    if fail_on_reasons and found.reasons:
        raise typer.Exit(3)


def _show_reasons(found: Any, as_json: bool) -> None:
    if as_json:
        said = [reason.as_dict() for reason in found.reasons]
        print(json.dumps({"retrain_reasons": said, "notes": list(found.notes)}, ensure_ascii=False))
        return
    for reason in found.reasons:
        print(f"{reason.code}: {reason.en}")
    if not found.reasons:
        print("no reason to train again was found")
    for note in found.notes:
        print(f"not judged: {note}")
