"""The verbs on finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from delinquency.cli._options import Json, show


def verify(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or a decision log.")],
    as_json: Json = False,
) -> None:
    """Hash every file of a run or a decision log again; exit code 6 when one was changed."""
    from delinquency import workflows

    files = workflows.verify(run)
    show(files, as_json)
    if (files["state"] != "same").any():
        raise typer.Exit(6)
