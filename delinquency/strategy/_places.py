"""Where an account is, who acts, and which days are holidays: what decides which rules bind it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.schema import as_date
from delinquency.strategy._rules import RulePack

__all__ = ["binds", "candidates", "holiday_sets", "jurisdictions", "known_actors", "years_in"]

_MEMBERS = (
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"  # 27 of them
)
EU = frozenset(_MEMBERS.split())
_PLACE = re.compile(r"(?!UK|EL)[A-Z]{2}(-[A-Z0-9-]+)?$")  # GB and GR are their codes


CANDIDATES = {
    "US": (
        "America/New_York America/Chicago America/Denver America/Los_Angeles America/Anchorage "
        "Pacific/Honolulu"
    ),
    "US-MA": "America/New_York",
    "US-NY": "America/New_York",
    "CN": "Asia/Shanghai",
    "GB": "Europe/London",
    "IE": "Europe/Dublin",
    "IN": "Asia/Kolkata",
    "AU": "Australia/Perth Australia/Darwin Australia/Adelaide Australia/Brisbane Australia/Sydney",
    "VN": "Asia/Ho_Chi_Minh",
    "ID": "Asia/Jakarta Asia/Makassar Asia/Jayapura",
    "EU": "Europe/Lisbon Europe/Berlin Europe/Athens",
}
"""Zones to allow for when an account states none."""


def binds(pack: RulePack, place: str) -> bool:
    """Return whether a pack is law in a place; a place that is not known is bound by all.

    Examples
    --------
    >>> pack = RulePack.load("us.fdcpa_reg_f")
    >>> [binds(pack, place) for place in ("US", "US-MA", "GB", "")]
    [True, True, False, True]
    """
    home = pack.file.jurisdiction
    inside = place == home or place.startswith(f"{home}-")
    return not place or inside or (home == "EU" and place[:2] in EU) or home == "any"


def jurisdictions(table: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Return the position of each account's place, and the places; the first is "not known"."""
    if "jurisdiction" not in table:
        return np.zeros(len(table), dtype=np.int64), [""]
    code, names = pd.factorize(table["jurisdiction"])
    places = ["", *map(str, names)]
    # a place under another name would be bound by no law at all
    wrong = np.array([bool(place) and not _PLACE.match(place) for place in places])
    count = int(wrong[code + 1].sum())
    if count:
        what = f"{count:,} of {len(table):,} jurisdictions are no ISO codes"
        fix = 'write "US", "US-MA", "GB", "CN"; leave it empty where it is not known'
        raise InputError(Problem("DLQ-103", what, "accounts.jurisdiction", count, fix))
    return code + 1, places


def known_actors(actors: Sequence[str], packs: Sequence[RulePack]) -> tuple[str, ...]:
    """Return who acts; a typo must not mean that no pack binds."""
    given = (actors,) if isinstance(actors, str) else tuple(actors)
    shipped = [RulePack.load(name) for name in RulePack.shipped()]
    known = {actor for pack in [*shipped, *packs] for actor in pack.file.actors}
    for actor in given:
        if actor not in known:
            near = did_you_mean(str(actor), known)
            fix = near or "known: " + ", ".join(sorted(known))
            raise InputError(Problem("DLQ-206", "unknown actor", "actors", fix=fix))
    return given


def candidates(place: str) -> tuple[str, ...]:
    """Return the zones of a place: of itself, else of what it lies in."""
    while place:
        if place in CANDIDATES:
            return tuple(CANDIDATES[place].split())
        place = place.rpartition("-")[0]
    return ()


def years_in(regions: Mapping[str, int], years: int, place: str) -> int:
    """Return the years of limitation in a place."""
    if place in regions or "-" in place:
        return regions.get(place, years)
    return min([years, *regions.values()])  # the region is not known: the shortest holds


def holiday_sets(given: Mapping[str, Sequence[Any]]) -> dict[str, frozenset[date]]:
    """Return the holidays of each place, and all of them for a place that is not known."""
    given = {place: [as_date(day, "holidays") for day in days] for place, days in given.items()}
    sets = {p: frozenset(day.date() for day in days) for p, days in given.items()}
    return {"": frozenset().union(*sets.values()), **sets} if "" not in sets else sets
