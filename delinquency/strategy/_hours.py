"""When hours of contact allow: the place and zone of each account, and the windows that bind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.strategy import _clock
from delinquency.strategy._places import candidates, holiday_sets, jurisdictions
from delinquency.strategy._rule_models import Rule
from delinquency.strategy._rules import RulePack

__all__ = ["Hours", "Windows"]

Windows = list[tuple[Rule, np.ndarray]]


class Hours:
    """Where accounts are, and from when the hours there allow.

    Parameters
    ----------
    table : DataFrame
        Admitted accounts: ``jurisdiction, time_zone`` where they are known.
    packs : sequence of RulePack
        Their places give the zones of accounts that state neither.
    holidays : mapping of str to dates
        Public holidays by jurisdiction.

    Attributes
    ----------
    place, places
        Position of each account's place, and the places.
    zone, zones
        Position of each account's candidate zones, and the sets of candidates.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        packs: Sequence[RulePack],
        holidays: Mapping[str, Sequence[Any]],
    ) -> None:
        self.table, self.n = table, len(table)
        self.holidays = holiday_sets(holidays)
        self.place, self.places = jurisdictions(table)
        self.zone, self.zones = self._zone_sets(packs)

    def opening(
        self, start: np.ndarray, windows: Windows, rows: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the first instant from `start` on that all windows allow; equal cases once.

        With `rows`, `start` and the answer are of those accounts; windows are always of all.
        """
        rows = np.arange(self.n) if rows is None else rows
        key = self.zone[rows] * len(self.places) + self.place[rows]
        for _, applies in windows:
            key, _ = pd.factorize(key * 2 + applies[rows])
        moment, moments = pd.factorize(start)
        code, cases = pd.factorize(key.astype(np.int64) * len(moments) + moment)
        first = np.full(len(cases), -1, dtype=np.int64)
        first[code[::-1]] = np.arange(len(rows))[::-1]
        answers = np.array(
            [self._open_at(int(rows[k]), int(start[k]), windows) for k in first.tolist()]
        )
        return answers.astype(np.int64)[code]

    def _open_at(self, row: int, moment: int, windows: Windows) -> int:
        schedules = tuple(
            rule.window.schedule() for rule, applies in windows if applies[row] and rule.window
        )
        place = self.places[self.place[row]]
        holidays = self.holidays.get(place, self.holidays.get(place[:2], self.holidays[""]))
        if not schedules:
            return moment
        return _clock.earliest(moment, self.zones[self.zone[row]], schedules, holidays)

    def _zone_sets(self, packs: Sequence[RulePack]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
        """Return the candidate zones: an account's own, else of its place, else of all packs."""
        table = self.table
        homes = [pack.file.jurisdiction for pack in packs] or ["any"]
        everywhere = tuple(dict.fromkeys(zone for home in homes for zone in candidates(home)))
        stated = table["time_zone"] if "time_zone" in table else pd.Series("", index=table.index)
        code, texts = pd.factorize(stated)
        names = ["" if number < 0 else str(texts[number]) for number in range(-1, len(texts))]
        pair, pairs = pd.factorize((code + 1) * len(self.places) + self.place)
        sets = []
        for number in pairs.tolist():
            text, place = names[number // len(self.places)], self.places[number % len(self.places)]
            sets.append(tuple(text.split("|")) if text else candidates(place) or everywhere)
        self._refuse_unknown_zones(sets, pair)
        return pair, sets

    def _refuse_unknown_zones(self, sets: list[tuple[str, ...]], pair: np.ndarray) -> None:
        wrong = [any(_clock.zone_or_none(name) is None for name in names) for names in sets]
        count = int(np.array(wrong)[pair].sum())
        if count:
            fix = 'use IANA names such as "Asia/Shanghai"; several candidates are parted by |'
            what = f"{count:,} of {self.n:,} time zones are unknown"
            raise InputError(Problem("DLQ-103", what, "accounts.time_zone", count, fix))
