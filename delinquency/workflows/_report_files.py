"""The report from files to one HTML page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from delinquency import report, scoring, storage
from delinquency.workflows._database import fetching, read_or_none
from delinquency.workflows._plan import load_rules, load_strategy
from delinquency.workflows._review import review_files
from delinquency.workflows._say import Say, quiet
from delinquency.workflows._story import tell

__all__ = ["report_files"]

Path_ = str | os.PathLike[str]


@fetching("months", "accounts", "contacts", "labels")
def report_files(
    months: Path_,
    bundle: Path_,
    *,
    as_of: Any,
    out: Path_,
    labels: Path_ | None = None,
    at: Any = None,
    accounts: Path_ | None = None,
    contacts: Path_ | None = None,
    strategy: Path_ | None = None,
    packs: Sequence[str] = (),
    house_policy: Path_ | None = None,
    actors: Sequence[str] = (),
    goals: Path_ | None = None,
    say: Say = quiet,
) -> None:
    """Score, plan and write one HTML page.

    Parameters
    ----------
    months, accounts, contacts, labels : path or address
        Tables. With labels of this snapshot the page also says how good the scores were.
    bundle : path
        What scores: a folder, or one ``.zip`` file.
    as_of, at, strategy, packs, house_policy, actors
        As for `plan_files`.
    out : path
        The HTML file to write.
    goals : path, optional
        A YAML file of goals; with it the page says how they stand. See `review_files`.
    say : callable
        Told what is being done.

    Raises
    ------
    InputError
        Mistakes in a file that people wrote, each with line and column; tables that cannot be used.
    IntegrityError
        ``DLQ-602`` when the bundle is damaged.
    GateError
        ``DLQ-303`` when too many accounts had to be refused.
    """
    chosen, rules = load_strategy(strategy), load_rules(packs, house_policy, actors, at)
    standing = None if goals is None else review_files(goals, months, as_of=as_of)
    scorer = scoring.Scorer.from_bundle(storage.load_bundle(storage.must_exist(bundle)))
    page = tell(
        storage.read_table(months),
        scorer,
        as_of=as_of,
        labels=read_or_none(labels),
        accounts=read_or_none(accounts),
        contacts=read_or_none(contacts),
        strategy=chosen,
        rules=rules,
        goals=standing,
        say=say,
    )
    storage.write_bytes(out, report.render_report(page).encode())
