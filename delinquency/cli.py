"""The command line: the same verbs as `delinquency.workflows`, on files.

Tables come as ``.parquet``, ``.csv``, ``.csv.gz`` or a folder of Parquet. Progress goes to stderr, results
to stdout; ``--json`` prints them for machines. Exit codes: 0 done; 2 bad input or configuration; 3 a gate
failed; 4 locked or conflicting; 5 environment (disk, memory); 6 integrity; 70 a bug of ours.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from delinquency.errors import DelinquencyError, EnvironmentFailure, Problem

app = typer.Typer(
    name="delinquency",
    help="From repayment histories to risk scores, and from each score band to a treatment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
rules_app = typer.Typer(help="Look at treatments, rules and strategy files.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")

Months = Annotated[Path, typer.Option(help="Repayment histories, one row an account and month.")]
AsOf = Annotated[str, typer.Option("--as-of", help="Date, YYYY-MM-DD; nothing later is read.")]
Bundle = Annotated[Path, typer.Option(help="Folder of a trained scorer.")]
OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write.")]
Accounts = Annotated[
    Path | None, typer.Option(help="Account facts: holds, consents, evidence; one row an account.")
]
Labels = Annotated[Path | None, typer.Option(help="Outcomes: account_id, snapshot_date, bad.")]
StrategyFile = Annotated[
    Path | None, typer.Option("--strategy", help="Strategy file; the default one if not given.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result for machines.")]


def main() -> None:
    """Run the command line; every refusal is one line a problem and an exit code."""
    try:
        app()
    except DelinquencyError as error:
        _tell(error, "--json" in sys.argv)
        sys.exit(error.exit_code)
    except MemoryError:
        problem = Problem(
            "DLQ-503", "not enough memory", fix="use a machine with more, or less input"
        )
        _tell(EnvironmentFailure(problem), "--json" in sys.argv)
        sys.exit(EnvironmentFailure.exit_code)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        what = f"the system refuses: {error.strerror or type(error).__name__}"
        problem = Problem("DLQ-502", what, str(error.filename or ""), fix="check rights and space")
        _tell(EnvironmentFailure(problem), "--json" in sys.argv)
        sys.exit(EnvironmentFailure.exit_code)
    except Exception:
        print("DLQ-700 this is a bug of ours; please report what follows.", file=sys.stderr)
        traceback.print_exc()
        sys.exit(70)


def _tell(error: DelinquencyError, as_json: bool) -> None:
    for problem in error.problems:
        line = json.dumps(problem.as_dict(), ensure_ascii=False) if as_json else str(problem)
        with contextlib.suppress(
            OSError
        ):  # a full disk may hold stderr too; the exit code still tells
            print(line, file=sys.stderr)


def _say() -> Callable[[str], None]:
    """Return a teller of progress on stderr, with the seconds since the start."""
    start = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - start:5.1f} s] {text}", file=sys.stderr, flush=True)

    return say


def _show(table: pd.DataFrame, as_json: bool) -> None:
    if as_json:
        print(table.to_json(orient="records", date_format="iso", force_ascii=False))
    else:
        print(table.to_string(index=False) if len(table) else "nothing")


@app.command()
def demo(
    out: OutFolder = Path("delinquency-demo"),
    strategy: StrategyFile = None,
) -> None:
    """Walk the whole road on the real sample and leave a report to look at."""
    from delinquency import workflows

    _show_demo(workflows.demo(out, strategy=strategy, say=_say()))


def _show_demo(result: Any) -> None:
    score, truth = result.discrimination, result.calibration
    noise = f"{truth.ece_noise_low:.4f} to {truth.ece_noise_high:.4f}"
    print(f"""
Accounts           {result.accounts:,}
Bad rate           {result.bads / result.accounts:.2%}

On {score.n:,} accounts that the model never saw
AUC                {score.auc:.4f}   ({score.auc_low:.4f} to {score.auc_high:.4f})
Gini               {score.gini:.4f}
KS                 {score.ks:.4f}
Calibration error  {truth.ece:.4f}   (chance alone gives {noise})
Bads               {truth.bads:,} observed, {truth.expected:,.1f} expected

{_bands_text(result.bands)}

Treatments of all accounts, by band
{result.treatments.to_string()}

Written to {result.folder}: report.html, scores.parquet, plan.parquet, bundle, run_manifest.json

Look at it       {result.folder / "report.html"}
Check the files  python -m delinquency verify {result.folder}
Your own data    python -m delinquency check --months MONTHS.csv
                 python -m delinquency train --months MONTHS.csv --as-of DATE --out BUNDLE
Your own rules   python -m delinquency rules show""")


def _bands_text(bands: pd.DataFrame) -> str:
    table = bands[["band", "n", "share", "bad_rate", "expected"]].copy()
    for name in ("share", "bad_rate", "expected"):
        table[name] = table[name].map("{:.1%}".format)
    return table.to_string(index=False)


@app.command()
def check(
    months: Months,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Dates after it are reported.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong or odd in a months table; exit code 2 when there are errors."""
    from delinquency import storage, workflows

    issues = workflows.check(storage.read_table(months), as_of=as_of)
    _show(issues, as_json)
    if (issues["severity"] == "error").any():
        raise typer.Exit(2)


@app.command()
def train(
    months: Months,
    as_of: AsOf,
    out: OutFolder,
    labels: Labels = None,
    dpd: Annotated[int, typer.Option(help="Bad is so many days past due ...")] = 30,
    within: Annotated[int, typer.Option(help="... within so many months after --as-of.")] = 3,
    as_json: Json = False,
) -> None:
    """Learn a scorer from one snapshot and write its bundle."""
    from delinquency import history, storage, workflows

    trained = workflows.train(
        storage.read_table(months),
        as_of=as_of,
        labels=_optional(labels),
        label=history.LabelSpec(dpd=dpd, within=within),
        say=_say(),
    )
    storage.save_bundle(trained.scorer, out)
    _show(_judged(workflows.review(trained.holdout)), as_json)


def _judged(results: tuple[Any, Any]) -> pd.DataFrame:
    score, truth = results
    figures = {name: getattr(score, name) for name in ("n", "bads", "auc", "gini", "ks")}
    figures |= {name: getattr(truth, name) for name in ("expected", "ece", "ece_noise_high")}
    return pd.DataFrame([figures]).round(4)


@app.command()
def score(
    months: Months,
    bundle: Bundle,
    as_of: AsOf,
    out: OutFolder,
    lang: Annotated[str, typer.Option(help="Language of the reasons: en or zh.")] = "en",
    as_json: Json = False,
) -> None:
    """Score every account; writes scores.parquet, refused.parquet and run_manifest.json."""
    from delinquency import workflows

    run = workflows.score_files(months, bundle, as_of=as_of, out=out, lang=lang, say=_say())
    _show(run, as_json)


@app.command()
def plan(
    scores: Annotated[Path, typer.Option(help="scores.parquet of a scoring run.")],
    months: Months,
    as_of: AsOf,
    out: OutFolder,
    accounts: Accounts = None,
    strategy: StrategyFile = None,
    as_json: Json = False,
) -> None:
    """Choose one treatment an account; writes plan.parquet and run_manifest.json."""
    from delinquency import workflows

    run = workflows.plan_files(
        scores, months, as_of=as_of, out=out, accounts=accounts, strategy=strategy
    )
    _show(run, as_json)


@app.command()
def report(
    months: Months,
    bundle: Bundle,
    as_of: AsOf,
    out: Annotated[Path, typer.Option("--out", help="HTML file to write.")],
    labels: Labels = None,
    accounts: Accounts = None,
    strategy: StrategyFile = None,
) -> None:
    """Write one HTML page on what came in, how good the score is and what the plan does."""
    from delinquency import workflows

    workflows.report_files(
        months,
        bundle,
        as_of=as_of,
        out=out,
        labels=labels,
        accounts=accounts,
        strategy=strategy,
        say=_say(),
    )


@app.command()
def verify(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")], as_json: Json = False
) -> None:
    """Hash every file of a run again; exit code 6 when one is not what the manifest says."""
    from delinquency import storage

    files = storage.verify(run)
    _show(files, as_json)
    if (files["state"] != "same").any():
        raise typer.Exit(6)


@rules_app.command("check")
def rules_check(
    strategy: Annotated[Path, typer.Argument(help="Strategy file.")],
    as_json: Json = False,
) -> None:
    """Say whether a strategy file can be used; every mistake with its line and column."""
    from delinquency import strategy as strategies

    loaded = strategies.Strategy.load(strategy)
    cells = len(loaded.file.cells)
    if as_json:
        print(json.dumps({"file": str(strategy), "cells": cells, "hash": loaded.hash}))
    else:
        print(f"{strategy}: fine, {cells:,} cells, hash {loaded.hash[:16]}")


@rules_app.command("show")
def rules_show(strategy: StrategyFile = None) -> None:
    """Print a strategy as the table of stages and bands that it is."""
    from delinquency import strategy as strategies

    print(strategies.show_strategy(strategy))


@rules_app.command("treatments")
def rules_treatments(as_json: Json = False) -> None:
    """List the treatments."""
    from delinquency import strategy as strategies

    _show(strategies.treatments(), as_json)


@rules_app.command("list")
def rules_list(
    unverified: Annotated[bool, typer.Option(help="Only rules nobody has checked.")] = False,
    as_json: Json = False,
) -> None:
    """List the rules of the shipped packs: drafts that no lawyer has reviewed, not legal advice."""
    from delinquency import strategy as strategies

    _show(strategies.list_rules(unverified=unverified), as_json)


def _optional(path: Path | None) -> Any:
    from delinquency import storage

    return None if path is None else storage.read_table(path)


if __name__ == "__main__":
    main()
