"""The verbs that keep a score true: monitor, retrain, and those of the champion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from delinquency.cli._options import (
    Accounts,
    AsOf,
    Json,
    Labels,
    Months,
    OutFolder,
    numbers,
    progress,
    show,
)

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
    segment: Annotated[
        str | None,
        typer.Option(help='Column of --accounts to judge by; "segment" if not given.'),
    ] = None,
    labels: Labels = None,
    look_back: Annotated[int, typer.Option("--look-back", help="Months looked at.")] = 12,
    settings: Annotated[
        Path | None,
        typer.Option(help="File of settings whose limits hold, YAML; that of retrain will do."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            help="What is a reason, as in score_psi=0.2; before the file. Repeat for more."
        ),
    ] = None,
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
        settings=settings,
        limits=numbers(limit, "--limit", "a limit", "score_psi=0.2"),
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


def retrain(
    settings: Annotated[Path, typer.Argument(help="File of settings, YAML.")],
    out: OutFolder,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Date, YYYY-MM-DD; else that of the file.")
    ] = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make the candidate champion if it passes every gate.")
    ] = False,
    require_better: Annotated[
        bool, typer.Option("--require-better", help="Exit code 3 when the champion stays.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a candidate and hold it against the champion; leaves one folder of evidence."""
    from delinquency import workflows

    run = workflows.retrain_files(settings, out=out, as_of=as_of, promote=promote, say=progress())
    _show_retrained(run, as_json)
    if require_better and run.result.decision == "keep":
        raise typer.Exit(3)


def _show_retrained(run: Any, as_json: bool) -> None:
    said = {
        "decision": run.result.decision,
        "promoted": run.change is not None,
        "candidate": run.candidate,
        "champion": run.champion,
    }
    if as_json:
        failed = [gate.name for gate in run.result.gates if not gate.passed]
        print(json.dumps({**said, "failed": failed}, ensure_ascii=False))
        return
    for gate in run.result.gates:
        print(f"{'passed' if gate.passed else 'FAILED'}  {gate.name}: {gate.words}")
    for note in run.result.notes:
        print(f"note: {note}")
    done = "and is champion now" if run.change is not None else "and nothing was changed"
    print(f"advice: {run.result.decision}; candidate {run.candidate[:16]}, {done}")


champion_app = typer.Typer(
    help="Look at the champion of a registry, and change it.", no_args_is_help=True
)
RegistryFolder = Annotated[Path, typer.Argument(help="Folder of the registry.")]
Expected = Annotated[
    str,
    typer.Option(help="Whole hash of the champion as you know it; none when there is none yet."),
]
Note = Annotated[str, typer.Option(help="Why, for those who read the log.")]


@champion_app.command("show")
def champion_show(registry: RegistryFolder, as_json: Json = False) -> None:
    """Print every change of the champion, the latest last."""
    from delinquency import storage

    show(storage.Registry(storage.must_exist(registry)).changes(), as_json)


@champion_app.command("promote")
def champion_promote(
    registry: RegistryFolder,
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle.")],
    expected: Expected,
    as_of: AsOf,
    note: Note,
    as_json: Json = False,
) -> None:
    """Make a bundle champion by hand; exit code 4 when the champion is not the one expected."""
    from delinquency import workflows

    known = None if expected == "none" else expected
    change = workflows.promote_files(registry, bundle, expected=known, as_of=as_of, note=note)
    _show_change(change, as_json)


@champion_app.command("rollback")
def champion_rollback(
    registry: RegistryFolder, expected: Expected, as_of: AsOf, note: Note, as_json: Json = False
) -> None:
    """Make the champion before this one champion again."""
    from delinquency import workflows

    change = workflows.roll_back_files(registry, expected=expected, as_of=as_of, note=note)
    _show_change(change, as_json)


@champion_app.command("verify")
def champion_verify(
    registry: RegistryFolder,
    head: Annotated[
        str | None, typer.Option(help="Last hash of the log, as kept elsewhere.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the log and every bundle; exit code 6 when one is not what it was."""
    from delinquency import storage

    table = storage.Registry(storage.must_exist(registry)).verify(head=head)
    show(table, as_json)
    if (table["state"] != "same").any():
        raise typer.Exit(6)


def _show_change(change: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(change.__dict__, ensure_ascii=False))
    else:
        print(f"{change.action}: {change.bundle} is champion (change {change.number})")
