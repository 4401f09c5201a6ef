"""The verbs of the road: demo, check, train, score, plan, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from delinquency.cli._options import (
    Accounts,
    Actors,
    AsOf,
    At,
    Bundle,
    Contacts,
    HousePolicy,
    Json,
    Labels,
    Months,
    NewVersion,
    OutFolder,
    Overrides,
    Packs,
    StrategyFile,
    Table,
    To,
    progress,
    reasons_by_gate,
    show,
)


def demo(
    out: OutFolder = Path("delinquency-demo"),
    strategy: StrategyFile = None,
    packs: Packs = None,
    house_policy: HousePolicy = None,
) -> None:
    """Walk the whole road on the real sample and leave a report to look at."""
    from delinquency import workflows

    run = workflows.demo(
        out, strategy=strategy, packs=packs or (), house_policy=house_policy, say=progress()
    )
    _show_demo(run)


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


def check(
    months: Months,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Dates after it are reported.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong or odd in a months table; exit code 2 when there are errors."""
    from delinquency import workflows

    issues = workflows.check_files(months, as_of=as_of)
    show(issues, as_json)
    if (issues["severity"] == "error").any():
        raise typer.Exit(2)


def train(
    months: Months,
    as_of: AsOf,
    out: OutFolder,
    labels: Labels = None,
    dpd: Annotated[int, typer.Option(help="Bad is so many days past due ...")] = 30,
    within: Annotated[int, typer.Option(help="... within so many months after --as-of.")] = 3,
    accounts: Accounts = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of --accounts that monitor will judge by, kept in the bundle; repeat for more."
            ' "segment" if not given.'
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn a scorer from one snapshot and write its bundle."""
    from delinquency import history, workflows

    trained = workflows.train_files(
        months,
        as_of=as_of,
        out=out,
        labels=labels,
        label=history.LabelSpec(dpd=dpd, within=within),
        accounts=accounts,
        segment=segment,
        say=progress(),
    )
    show(_judged(workflows.review(trained.holdout)), as_json)


def _judged(results: tuple[Any, Any]) -> pd.DataFrame:
    score, truth = results
    figures = {name: getattr(score, name) for name in ("n", "bads", "auc", "gini", "ks")}
    figures |= {name: getattr(truth, name) for name in ("expected", "ece", "ece_noise_high")}
    return pd.DataFrame([figures]).round(4)


def score(
    months: Months,
    bundle: Bundle,
    as_of: AsOf,
    out: OutFolder,
    lang: Annotated[str, typer.Option(help="Language of the reasons: en or zh.")] = "en",
    reasons: Annotated[
        str | None, typer.Option(help="Bands with reasons, as in D,E, or none; the riskiest.")
    ] = None,
    memory: Annotated[str, typer.Option(help="How much the process may hold.")] = "1GiB",
    strategy: Annotated[
        Path | None,
        typer.Option("--strategy", help="Strategy file: the plan is made in the same run."),
    ] = None,
    accounts: Accounts = None,
    contacts: Contacts = None,
    packs: Packs = None,
    house_policy: HousePolicy = None,
    actors: Actors = None,
    at: At = None,
    last: Annotated[
        Path | None, typer.Option(help="Run to compare with; the one that stands in --out.")
    ] = None,
    override: Overrides = None,
    to: To = None,
    plan_to: Annotated[
        str | None, typer.Option(help="Table of a database to store the plan in as well.")
    ] = None,
    new_version: NewVersion = False,
    as_json: Json = False,
) -> None:
    """Score every account; writes scores.parquet, refused.parquet, plan.parquet and the manifest."""
    from delinquency import workflows
    from delinquency.errors import InputError, Problem

    if plan_to is not None and strategy is None:
        fix = "give --strategy as well"
        raise InputError(Problem("DLQ-189", "there will be no plan to store", "--plan-to", fix=fix))

    run = workflows.score_files(
        months,
        bundle,
        as_of=as_of,
        out=out,
        lang=lang,
        reasons_for=_bands(reasons),
        memory=memory,
        strategy=strategy,
        accounts=accounts,
        contacts=contacts,
        packs=packs or (),
        house_policy=house_policy,
        actors=actors or (),
        at=at,
        last=last,
        override=reasons_by_gate(override),
        new_version=new_version,
        say=progress(),
    )
    _publish(out, to)
    _publish(out, plan_to, "plan.parquet")
    show(run, as_json)


def _publish(out: Path, to: str | None, table: str | None = None) -> None:
    from delinquency import workflows

    if to is not None:
        workflows.publish(out, to, table=table, say=progress())


def _bands(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [] if text == "none" else [name.strip() for name in text.split(",")]


def plan(
    scores: Annotated[
        Table,
        typer.Option(help="Folder of a scoring run, its scores.parquet, or where --to put it."),
    ],
    months: Months,
    as_of: AsOf,
    out: OutFolder,
    at: At = None,
    accounts: Accounts = None,
    contacts: Contacts = None,
    strategy: StrategyFile = None,
    packs: Packs = None,
    house_policy: HousePolicy = None,
    actors: Actors = None,
    log: Annotated[
        Path | None, typer.Option(help="Decision log to record in; nothing is decided twice.")
    ] = None,
    to: To = None,
    new_version: NewVersion = False,
    as_json: Json = False,
) -> None:
    """Choose one treatment an account; writes plan.parquet and run_manifest.json."""
    from delinquency import workflows

    run = workflows.plan_files(
        scores,
        months,
        as_of=as_of,
        out=out,
        at=at,
        accounts=accounts,
        contacts=contacts,
        strategy=strategy,
        packs=packs or (),
        house_policy=house_policy,
        actors=actors or (),
        log=log,
        new_version=new_version,
        say=progress(),
    )
    _publish(out, to)
    show(run, as_json)


def report(
    months: Months,
    bundle: Bundle,
    as_of: AsOf,
    out: Annotated[Path, typer.Option("--out", help="HTML file to write.")],
    labels: Labels = None,
    at: At = None,
    accounts: Accounts = None,
    contacts: Contacts = None,
    strategy: StrategyFile = None,
    packs: Packs = None,
    house_policy: HousePolicy = None,
    actors: Actors = None,
    goals: Annotated[
        Path | None, typer.Option(help="Goals, a YAML file; the page says how they stand.")
    ] = None,
) -> None:
    """Write one HTML page on what came in, how good the score is and what the plan does."""
    from delinquency import workflows

    workflows.report_files(
        months,
        bundle,
        as_of=as_of,
        out=out,
        labels=labels,
        at=at,
        accounts=accounts,
        contacts=contacts,
        strategy=strategy,
        packs=packs or (),
        house_policy=house_policy,
        actors=actors or (),
        goals=goals,
        say=progress(),
    )
