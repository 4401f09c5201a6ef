"""The verb on goals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from delinquency.cli._options import AsOf, Json, Months, Table, numbers, show


def review(
    goals: Annotated[Path, typer.Option(help="Goals, a YAML file.")],
    months: Months,
    as_of: AsOf,
    recoveries: Annotated[
        Table | None,
        typer.Option(help="Recoveries expected of written-off claims: month, amount."),
    ] = None,
    extra: Annotated[
        Table | None,
        typer.Option(
            help="What the best plan adds: account_id, extra. None: no word on feasibility."
        ),
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            help="What one more unit of a capacity brings, as NAME=NUMBER; repeat for more."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how goals stand: pace, chance, run rate, feasibility; warn where conduct is not guarded."""
    from delinquency import workflows

    prices = numbers(price, "--price", "a price", "agent_hours=212")
    table = workflows.review_files(
        goals, months, as_of=as_of, recoveries=recoveries, extra=extra, prices=prices
    )
    if as_json:
        show(table.astype({"until": str}), as_json=True)
    else:
        print("\n\n".join(_told(row) for _, row in table.iterrows()))


def _told(row: pd.Series) -> str:
    head = f"{row['goal']}: {row['metric'].replace('_', ' ')}, {row['accounts']:,} accounts {row['cohort']}"
    lines = row["text"].splitlines()
    if pd.notna(row["p50"]):
        low, middle, high = (f"{row[name]:,.4g}" for name in ("p10", "p50", "p90"))
        lines.append(f"Simulated ends: {middle}, in eight of ten runs from {low} to {high}.")
    lines += [f"warning: {line}" for line in row["warnings"].splitlines()]
    return "\n  ".join([head, *lines])
