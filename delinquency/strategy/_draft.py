"""A plan in the making: cells fill in the columns, cell by cell, never account by account."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from delinquency.schema import hash_share
from delinquency.strategy._clock import NEVER
from delinquency.strategy._conditions import holds_for
from delinquency.strategy._file import Cell
from delinquency.strategy._gates import Gate, Gates
from delinquency.strategy._patterns import patterns, worded
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._together import hours_of, opening_together
from delinquency.strategy._treatments import ARRANGEMENT, CARE

__all__ = ["Draft"]

TEXTS = (
    "treatment",
    "also",
    "channel",
    "rule",
    "removed",
    "allowed_from",
    "postponed",
    "to_confirm",
    "notices",
    "warnings",
)


class Draft:
    """The columns of a plan while cells fill them in.

    Parameters
    ----------
    units : Series
        Who draws where a cell has weights: the person, so that all accounts of one draw alike.
    gates : Gates
        What stands in the way.
    strategy : Strategy
        The cells.
    """

    def __init__(self, units: pd.Series, gates: Gates, strategy: Strategy) -> None:
        self.units, self.gates, self.strategy = units, gates, strategy
        self.n = len(units)
        self.text = {name: np.full(self.n, "", dtype=object) for name in TEXTS}
        self.earliest = np.full(self.n, gates.engine.now, dtype=np.int64)
        self.propensity = np.ones(self.n)
        self.held = gates.facts.held()
        self.drawn: list[tuple[np.ndarray, tuple[str, ...], np.ndarray]] = []

    def fill(self, pair: np.ndarray, arm: str | None = None) -> None:
        """Walk once through the cells of an arm, each with the accounts of its stage and band.

        `pair` is the position of each account's stage and band, -1 for those to leave as they are.
        """
        stages = {s.stage: i for i, s in enumerate(self.strategy.file.stages)}
        bands = {b.band: i for i, b in enumerate(self.strategy.file.bands)}
        pairs = len(stages) * len(bands)
        order = np.argsort(pair, kind="stable")
        starts = np.searchsorted(pair[order], np.arange(pairs + 1))
        left = {p: order[starts[p] : starts[p + 1]] for p in range(pairs)}
        for stage, band, rule, cell in self.strategy.rules():
            if arm is not None and cell.arm and arm not in cell.arm:
                continue
            code = stages[stage] * len(bands) + bands[band]
            rows = left[code]
            if not len(rows):
                continue
            meets = self._meets(cell, rows)
            left[code], rows = rows[~meets], rows[meets]
            if len(rows):
                self._choose(rows, rule, cell)

    def _meets(self, cell: Cell, rows: np.ndarray) -> np.ndarray:
        if not cell.when:
            return np.ones(len(rows), dtype=bool)
        table = self.gates.facts.table
        columns = [name for name in cell.when if name in table]
        return holds_for(cell.when, table[columns].iloc[rows])

    def _choose(self, rows: np.ndarray, rule: str, cell: Cell) -> None:
        listed = len(cell.treatment)
        removed = np.column_stack(
            [self._removed(name, rows) for name in (*cell.treatment, *cell.also)]
        )
        tired = self._tired(rows, cell, removed)
        removed |= tired
        none = removed[:, :listed].all(axis=1)
        chosen = self._drawn(rows, rule, cell, removed) if cell.weights else removed.argmin(axis=1)
        held = self.held[rows]
        code = np.where(held, listed + 1, np.where(none, listed, chosen))
        names = [*cell.treatment, *cell.also]
        self.text["removed"][rows] = self._why(names, rows, tired)
        self.text["allowed_from"][rows] = self._from_when(names, rows)
        self.text["rule"][rows] = rule
        self.text["rule"][rows[none]] = f"{rule}/last_resort"
        if held.any():
            self.text["rule"][rows[held]] = self._hold_rules(rows[held])
        options = [*cell.treatment, self.strategy.file.last_resort, CARE]
        for position in np.unique(code):
            here = code == position
            beside = [] if position > listed else list(cell.also)
            self._write(rows[here], options[position], beside, removed[here][:, listed:])

    def _drawn(self, rows: np.ndarray, rule: str, cell: Cell, removed: np.ndarray) -> np.ndarray:
        """Draw among what is left, and keep the probability of what was drawn."""
        weights = np.where(removed[:, : len(cell.treatment)], 0.0, np.array(cell.weights))
        total = weights.sum(axis=1)
        share = hash_share(self.units.iloc[rows], f"{self.strategy.name}|{rule}")
        passed = np.cumsum(weights, axis=1) <= (share * total)[:, None]
        chosen = np.minimum(passed.sum(axis=1), len(cell.treatment) - 1)
        own = weights[np.arange(len(rows)), chosen]
        free = (total > 0) & ~self.held[rows]
        self.propensity[rows] = np.where(free, own / np.where(total > 0, total, 1), 1)
        self.drawn.append((rows[free], cell.treatment, weights[free] / total[free, None]))
        return chosen

    def hold_out(self, rows: np.ndarray) -> None:
        """Give accounts the last resort and nothing else, for all else to be measured against."""
        for name in TEXTS:
            self.text[name][rows] = ""
        self.text["treatment"][rows] = self.strategy.file.last_resort
        self.text["rule"][rows] = "hold_out"
        self.earliest[rows], self.propensity[rows] = self.gates.engine.now, 1.0

    def chance_of(self, treatment: np.ndarray) -> np.ndarray:
        """Return the chance that these cells give each account that treatment."""
        chance = (self.text["treatment"] == treatment).astype("float64")
        for rows, names, weights in self.drawn:
            here = treatment[rows][:, None] == np.array(names, dtype=object)
            chance[rows] = (weights * here).sum(axis=1)
        return chance

    def take(self, other: Draft, rows: np.ndarray) -> None:
        """Take over what another draft says of some accounts."""
        for name in TEXTS:
            self.text[name][rows] = other.text[name][rows]
        self.earliest[rows] = other.earliest[rows]
        self.propensity[rows] = other.propensity[rows]

    def _removed(self, name: str, rows: np.ndarray) -> np.ndarray:
        masks = [gate.removes[rows] for gate in self.gates.of(name)]
        return np.logical_or.reduce([np.zeros(len(rows), dtype=bool), *masks])

    def _tired(self, rows: np.ndarray, cell: Cell, removed: np.ndarray) -> np.ndarray:
        """Return what a timeout takes away: the rungs already tried, where a higher one is open.

        An arrangement stays on offer at every step, and where nothing higher is open all stays.
        """
        over, rung = self.gates.timed_out()
        result = np.zeros(removed.shape, dtype=bool)
        if not over[rows].any():
            return result
        entries = [self.strategy.treatments[name] for name in cell.treatment]
        steps = np.array([entry.rung for entry in entries])
        offered = np.array([entry.mutex == ARRANGEMENT for entry in entries])
        higher = steps > rung[rows][:, None]
        open_above = (higher & ~removed[:, : len(entries)]).any(axis=1)
        spent = over[rows] & open_above
        result[:, : len(entries)] = spent[:, None] & ~higher & ~offered
        return result

    def _why(self, names: Sequence[str], rows: np.ndarray, tired: np.ndarray) -> np.ndarray:
        """Return "treatment: reason, reason; ..." for each row."""
        reasons = []
        for position, name in enumerate(names):
            if name not in names[:position]:
                reasons += [(name, gate.reason, gate.removes[rows]) for gate in self.gates.of(name)]
                if tired[:, position].any():
                    reasons.append((name, "timeout", tired[:, position]))

        def say(word: list[int]) -> str:
            found: dict[str, list[str]] = {}
            for position in word:
                name, reason, _ = reasons[position]
                found.setdefault(name, []).append(reason)
            return "; ".join(f"{name}: {', '.join(why)}" for name, why in found.items())

        code, texts = worded([mask for *_, mask in reasons], len(rows), say)
        return texts[code]

    def _from_when(self, names: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Return "treatment: instant; ..." for what waiting alone will allow."""
        result = np.full(len(rows), "", dtype=object)
        for name in dict.fromkeys(names):
            waits = [gate for gate in self.gates.of(name) if gate.until is not None]
            if not waits:
                continue
            ends = np.full(len(rows), self.gates.engine.now, dtype=np.int64)
            stays = np.zeros(len(rows), dtype=bool)
            for gate in self.gates.of(name):
                here = gate.removes[rows]
                if gate.until is None:
                    stays |= here
                else:
                    ends = np.where(here, np.maximum(ends, gate.until[rows]), ends)
            ends = np.maximum(ends, np.where(stays, ends, self.gates.earliest(name)[rows]))
            said = ~stays & (ends < NEVER) & np.logical_or.reduce([g.removes[rows] for g in waits])
            texts = _instants(ends[said])
            comma = np.where(result[said] == "", "", "; ")
            result[said] = result[said] + comma + f"{name}: " + texts
        return result

    def _hold_rules(self, rows: np.ndarray) -> np.ndarray:
        facts = self.gates.facts
        stated = {name: facts.get(name) for name in facts.holds()}
        names = [name for name, mask in stated.items() if mask is not None]
        masks = [mask[rows] for mask in stated.values() if mask is not None]
        code, texts = worded(
            masks, len(rows), lambda word: "hold:" + "+".join(names[position] for position in word)
        )
        return texts[code]

    def _write(
        self, rows: np.ndarray, name: str, beside: Sequence[str], removed: np.ndarray
    ) -> None:
        self.text["treatment"][rows] = name
        if name == CARE:
            return
        treatments = self.strategy.treatments
        channels = np.array([*treatments[name].channels, ""], dtype=object)
        self.text["channel"][rows] = channels[self.gates.channel(name)[rows]]
        code, words = patterns([~removed[:, k] for k in range(len(beside))], len(rows))
        for number, word in enumerate(words):
            running = self._compatible(name, [beside[position] for position in word])
            self.tell(rows[code == number], name, running)

    def tell(self, rows: np.ndarray, name: str, beside: Sequence[str]) -> None:
        """Write what goes with the chosen treatment and with those beside it, and from when.

        One instant a row: nothing of it happens before everything of it may. What shares no hour with
        the rest is left out.
        """
        gates, together, when = self.gates, [name], self.gates.earliest(name)[rows]
        for other in beside:
            when = opening_together(gates, [*together, other], rows)
            never = when == NEVER
            if never.any():
                self.note(rows[never], other, _joined(hours_of(gates, other), rows[never]))
                self.tell(rows[never], name, [entry for entry in beside if entry != other])
                rows, when = rows[~never], when[~never]
            together.append(other)
        self.text["also"][rows] = "; ".join(beside)
        self.text["to_confirm"][rows] = self._to_confirm(together, rows)
        self.earliest[rows] = when
        for column, told in (
            ("postponed", gates.postponing),
            ("notices", gates.notices),
            ("warnings", gates.warnings),
        ):
            self.text[column][rows] = _joined([g for entry in together for g in told(entry)], rows)

    def note(self, rows: np.ndarray, name: str, reasons: str | np.ndarray) -> None:
        """Write down that a treatment was removed, beside what else was."""
        before = self.text["removed"][rows]
        self.text["removed"][rows] = (
            before + np.where(before == "", "", "; ") + f"{name}: " + reasons
        )

    def _to_confirm(self, names: Sequence[str], rows: np.ndarray) -> np.ndarray:
        asked = {name: _joined(self.gates.to_confirm(name), rows) for name in names}
        result = np.full(len(rows), "", dtype=object)
        for name, texts in asked.items():
            said = np.where(texts == "", "", f"{name}: " + texts)
            comma = np.where((result != "") & (said != ""), "; ", "")
            result = result + comma + said
        return result

    def _compatible(self, name: str, beside: Sequence[str]) -> list[str]:
        """Keep what may run beside the chosen treatment: at most one of a mutex group."""
        groups = {self.strategy.treatments[name].mutex}
        running = []
        for other in beside:
            group = self.strategy.treatments[other].mutex
            if group == "none" or group not in groups:
                running.append(other)
                groups.add(group)
        return running


def _instants(moments: np.ndarray) -> np.ndarray:
    """Return microseconds as "2026-11-23T09:00Z"; equal ones are worded once."""
    code, known = pd.factorize(moments)
    times = pd.DatetimeIndex(known.view("datetime64[us]"))
    return times.strftime("%Y-%m-%dT%H:%MZ").to_numpy(dtype=object)[code]


def _joined(gates: Sequence[Gate], rows: np.ndarray) -> np.ndarray:
    names = [gate.reason for gate in gates]
    code, texts = worded(
        [gate.removes[rows] for gate in gates],
        len(rows),
        lambda word: ", ".join(dict.fromkeys(names[position] for position in word)),
    )
    return texts[code]
