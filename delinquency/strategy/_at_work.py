"""Which rule packs are at work on a day, for whom, and how many of their rules act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema
from delinquency.strategy._facts import instant_of
from delinquency.strategy._places import binds, jurisdictions, known_actors
from delinquency.strategy._rules import RulePack, packs_of
from delinquency.strategy._strategy import Strategy

__all__ = ["packs_at_work"]


def packs_at_work(
    accounts: Any,
    *,
    at: Any,
    packs: Sequence[RulePack | str] = (),
    house_policy: RulePack | None = None,
    strategy: Strategy | None = None,
    actors: Sequence[str] = (),
) -> pd.DataFrame:
    """Say of each rule pack whether it has anything to say on a day, and of how many accounts.

    Parameters
    ----------
    accounts : table
        ``account_id`` and, where it is known, ``jurisdiction``.
    at : date or time
        The day; a pack and its rules have dates from and to which they are in force.
    packs, house_policy, actors
        As for `eligible`.
    strategy : Strategy, optional
        Whose own packs and rules of the house are added.

    Returns
    -------
    DataFrame
        One row a pack: ``pack, version, title, jurisdiction, status, rules`` (executable and in
        force), ``blocking, warning`` (how many of them), ``accounts`` (bound by it), ``hash``. A
        pack that binds nobody of the actors has no rules here.

    Examples
    --------
    >>> accounts = pd.DataFrame({"account_id": [1, 2], "jurisdiction": ["US-NY", "TW"]})
    >>> table = packs_at_work(
    ...     accounts, at="2026-11-23", packs=["us.fdcpa_reg_f", "us.nyc.dcwp2026"]
    ... )
    >>> table[["pack", "rules", "accounts"]].values.tolist()
    [['us.fdcpa_reg_f', 16, 1], ['us.nyc.dcwp2026', 2, 0]]
    >>> packs_at_work(accounts, at="2005-09-30", packs=["us.fdcpa_reg_f"])["rules"].tolist()
    [0]
    """
    own = () if strategy is None else strategy.packs()
    chosen = packs_of([*packs, *own], house_policy)
    given = actors or (() if strategy is None else strategy.file.actors)
    who = set(known_actors(given, chosen))
    frame = schema.to_frame(accounts, "accounts")
    place, places = jurisdictions(frame)
    day = instant_of(at, "at").date()
    return pd.DataFrame(
        [
            _row(pack, day, who, np.bincount(place, minlength=len(places)), places)
            for pack in chosen
        ],
        columns=_COLUMNS,
    )


_COLUMNS = ["pack", "version", "title", "jurisdiction", "status", "rules", "blocking", "warning"]
_COLUMNS += ["accounts", "hash"]


def _row(
    pack: RulePack, day: Any, who: set[str], counts: np.ndarray, places: Sequence[str]
) -> list[Any]:
    acting = not who or "any" in pack.file.actors or who & set(pack.file.actors)
    rules = pack.in_force(day) if acting else []
    blocking = sum(rule.blocks for rule in rules)
    bound = sum(int(n) for n, place in zip(counts, places, strict=True) if binds(pack, place))
    file = pack.file
    said = [pack.id, file.version, file.title, file.jurisdiction, file.status]
    return [*said, len(rules), blocking, len(rules) - blocking, bound, pack.hash]
