"""The verbs on finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from delinquency.cli._options import Json, progress, show


def verify(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or a decision log.")],
    decisions: Annotated[
        Path | None, typer.Option(help="Decision log to be verified with the run.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hash every file of a run or a decision log again; exit code 6 when one was changed."""
    from delinquency import workflows

    files = workflows.verify(run, decisions=decisions)
    show(files, as_json)
    if (files["state"] != "same").any():
        raise typer.Exit(6)


def rescore(
    run: Annotated[Path, typer.Argument(help="Folder of a scoring run.")],
    months: Annotated[str | None, typer.Option(help="Where its months are now.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Where its bundle is now.")] = None,
    memory: Annotated[str, typer.Option(help="How much the process may hold.")] = "1GiB",
    as_json: Json = False,
) -> None:
    """Score again what a run scored and say what differs; exit code 6 when results do."""
    from delinquency import workflows

    found = workflows.rescore(run, months=months, bundle=bundle, memory=memory, say=progress())
    show(found, as_json)
    if found.loc[found["what"] == "results", "state"].item() != "same":
        raise typer.Exit(6)
