"""The verbs on treatments, rules and strategy files."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from delinquency.cli._options import Json, StrategyFile, show

rules_app = typer.Typer(help="Look at treatments, rules and strategy files.", no_args_is_help=True)


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

    table = strategies.treatments()
    if as_json:
        show(table, as_json=True)
    else:
        print("\n".join(_told(table)))


def _told(table: pd.DataFrame) -> Iterator[str]:
    """Yield the treatments one after the other, no line wider than the terminal."""
    width = max(shutil.get_terminal_size().columns, 40)
    for row in table.fillna("").to_dict("records"):
        yield from _wrapped(f"{row.pop('treatment')}: {row.pop('name')}", width, 0)
        yield from _wrapped(str(row.pop("text")), width, 4)
        facts = [f"{name} {value}" for name, value in row.items() if value != ""]
        yield from _wrapped("; ".join(facts), width, 4)


@rules_app.command("list")
def rules_list(
    unverified: Annotated[bool, typer.Option(help="Only rules nobody has checked.")] = False,
    as_json: Json = False,
) -> None:
    """List the rules of the shipped packs: drafts that no lawyer has reviewed, not legal advice."""
    from delinquency import strategy as strategies

    table = strategies.list_rules(unverified=unverified)
    if as_json:
        show(table, as_json=True)
    else:
        print("\n".join(_folded(table)))


def _folded(table: pd.DataFrame) -> Iterator[str]:
    """Yield the rules pack by pack, no line wider than the terminal."""
    width = max(shutil.get_terminal_size().columns, 40)
    for (pack, jurisdiction, status), rules in table.groupby(
        ["pack", "jurisdiction", "status"], sort=False
    ):
        yield from _wrapped(f"{pack} ({jurisdiction}, {status}): {len(rules)} rules", width, 0)
        for rule in rules.to_dict("records"):
            yield from _wrapped(f"{rule['rule']}: {rule['acts']}", width, 2)
            since = f"from {rule['effective_from']}" if rule["effective_from"] else ""
            facts = (rule["kind"], rule["mode"], f"evidence {rule['evidence']}", since)
            unsure = "unverified" if rule["unverified"] else ""
            yield from _wrapped(", ".join(fact for fact in (*facts, unsure) if fact), width, 6)
            for name in ("cite", "note"):
                yield from _wrapped(str(rule[name] or ""), width, 6)
        yield ""


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    begin = " " * indent
    return textwrap.wrap(text, width, initial_indent=begin, subsequent_indent=begin + "  ")
