"""The gates: what removes each treatment, what postpones it, and what nobody could confirm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from delinquency.strategy._clock import NEVER
from delinquency.strategy._effects import ChannelState, Effect
from delinquency.strategy._engine import RuleEngine
from delinquency.strategy._facts import Facts
from delinquency.strategy._measures import measured
from delinquency.strategy._treatments import EVIDENCE_RUNG, Treatment

__all__ = ["Gate", "Gates", "Pace"]

EXCEPTIONS = ("fraud_confirmed", "limitation_near")
"""Facts that lift the escalation rule."""

RELIEF = ("paid_recently", "promise_open", "plan_agreed", "hardship_reported")
"""Facts that de-escalate: nothing from rung 5 up while one of them stands."""


DAY = 86_400_000_000
"""Microseconds."""

CEASE = ("cease_requested", "represented_by_attorney")
"""Facts that close every channel, whatever the packs say."""


@dataclass(frozen=True)
class Gate:
    """One reason, the accounts it concerns, and the instants from which waiting alone lifts it.

    Without instants it does not lift by waiting: something has to become known, or to change.
    """

    reason: str
    removes: np.ndarray
    until: np.ndarray | None = None


@dataclass(frozen=True)
class Pace:
    """How fast a strategy climbs, in days.

    ``dwell_days`` is how long an account stays on a rung at least, ``timeout_days`` after how long
    the next one takes over, ``put_off_days`` how long a contact may be put off.
    """

    dwell_days: Mapping[int, int]
    put_off_days: int
    timeout_days: Mapping[int, int] = field(default_factory=dict)


class Gates:
    """What stands in the way of each treatment.

    The order is the order of evaluation: holds, opt-outs and channels, days past due,
    preconditions, rules, the escalation rule, the pace. All reasons are kept, not only the first,
    because a person repairs them one by one.
    """

    def __init__(
        self,
        facts: Facts,
        treatments: Mapping[str, Treatment],
        engine: RuleEngine,
        pace: Pace | None = None,
    ) -> None:
        self.facts, self.treatments, self.engine, self.pace = facts, treatments, engine, pace
        self.n = len(facts)
        self.dpd = facts.table["days_past_due"].to_numpy(dtype="float64")
        self._gates: dict[str, list[Gate]] = {}
        self._opening: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._shut: dict[str, list[Gate]] = {}

    def of(self, name: str) -> list[Gate]:
        """Return every gate that removes the treatment from at least one account."""
        if name not in self._gates:
            entry = self.treatments[name]
            found = [
                *self._holds(entry),
                *self._channels_shut(entry),
                *self._days(entry),
                *self._preconditions(entry),
                *self._rules(entry),
                *self._escalation(entry),
            ]
            found += self._steps(entry, self._any_of(gate.removes for gate in found))
            self._gates[name] = [gate for gate in found if gate.removes.any()]
        return self._gates[name]

    def to_confirm(self, name: str) -> list[Gate]:
        """Return what nobody has data for; from rung 5 up it removes instead."""
        entry = self.treatments[name]
        if entry.rung >= EVIDENCE_RUNG:
            return []
        everyone = np.ones(self.n, dtype=bool)
        asked = [
            Gate(need, everyone) for need in entry.requires if self._stated(need, entry) is None
        ]
        asked += [Gate(f"{rule}?{need}", mask) for rule, need, mask in self._unconfirmed(entry)]
        return asked

    def channel(self, name: str) -> np.ndarray:
        """Return the position of the channel to use, -1 for none."""
        return self._open(name)[0]

    def earliest(self, name: str) -> np.ndarray:
        """Return the first instant at which rules allow the treatment, `NEVER` for none."""
        return self._open(name)[1]

    def postponing(self, name: str) -> list[Gate]:
        """Return the rules because of which the treatment must wait."""
        entry = self.treatments[name]
        waits = self.earliest(name) > self.engine.now
        effects = [*self.engine.treatment(name).timing]
        for channel in entry.channels:
            effects += self.engine.channel(channel).timing
        return _merged((e.rule, e.shut_now & waits) for e in effects if e.shut_now is not None)

    def warnings(self, name: str) -> list[Gate]:
        """Return the rules that warn of the treatment, on the channel to be used."""
        found = [(e.rule, e.closes) for e in self.engine.treatment(name).warning]
        for here, state in self._used(name):
            found += [(e.rule, e.closes & here) for e in state.warning if e.closes is not None]
        return _merged((rule, mask) for rule, mask in found if mask is not None)

    def notices(self, name: str) -> list[Gate]:
        """Return the notices and disclosures that go with the treatment, as "rule: notice"."""
        found = [
            (f"{rule}={text}", mask) for rule, text, mask in self.engine.treatment(name).notices
        ]
        for here, state in self._used(name):
            found += [(f"{rule}={text}", mask & here) for rule, text, mask in state.notices]
        return _merged(found)

    def _used(self, name: str) -> list[tuple[np.ndarray, ChannelState]]:
        """Return each channel with the accounts that use it; all of them where none is open."""
        position = self.channel(name)
        return [
            ((position == number) | (position < 0), self.engine.channel(channel))
            for number, channel in enumerate(self.treatments[name].channels)
        ]

    def _open(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        if name not in self._opening:
            self._opening[name] = self._first_open(self.treatments[name])
        return self._opening[name]

    def _first_open(self, entry: Treatment) -> tuple[np.ndarray, np.ndarray]:
        """Return channel and instant: the first listed that is open now, else the soonest."""
        own = self.engine.treatment(entry.treatment).earliest
        best = np.full(self.n, -1, dtype=np.int8)
        if not entry.channels:
            return best, own
        soonest = np.full(self.n, NEVER, dtype=np.int64)
        shut = {channel: self._shut_for(channel, entry) for channel in entry.channels}
        for position, channel in enumerate(entry.channels):
            state = self.engine.channel(channel)
            later = own > state.earliest
            when = state.earliest
            if later.any():
                when = self.engine.opening(state, np.maximum(own, when))
            closed = np.logical_or.reduce(
                [when == NEVER, *(gate.removes for gate in shut[channel])]
            )
            better = ~closed & (when < soonest)
            best[better], soonest[better] = position, when[better]
        return best, soonest

    def _shut_for(self, channel: str, entry: Treatment) -> list[Gate]:
        """Return what closes a channel, whatever the hour."""
        gates = [
            Gate(e.rule, e.closes)
            for e in self.engine.channel(channel).closing
            if e.closes is not None
        ]
        for name, reason in ((f"opt_out_{channel}", "opted_out"), *((n, n) for n in CEASE)):
            stated = self.facts.get(name)
            if stated is not None:
                gates.append(Gate(reason, stated))
        for kind in ("valid", "consent"):
            # a precondition of the treatment is a gate of its own: one fact, one reason
            name = f"{kind}_{channel}"
            known = None if name in entry.requires else self.facts.get(name)
            if known is not None:
                gates.append(Gate(name, ~known))
        return gates

    def _channels_shut(self, entry: Treatment) -> list[Gate]:
        """Return why no channel is open, for the accounts where none is."""
        if not entry.channels:
            return []
        none_open = self.channel(entry.treatment) < 0
        found = []
        for channel in entry.channels:
            gates = self._shut_for(channel, entry)
            found += [(gate.reason, gate.removes & none_open) for gate in gates]
            never = self.engine.channel(channel).earliest == NEVER
            found += [
                (effect.rule, effect.shut_now & never & none_open)
                for effect in self.engine.channel(channel).timing
                if effect.shut_now is not None
            ]
        return _merged(found)

    def _stated(self, need: str, entry: Treatment) -> np.ndarray | None:
        """Return the fact as stated, measured, or seen to by rules; None when nobody knows."""
        known = self.facts.get(need)
        figures = measured(need, entry, self.facts.table)
        if known is not None and figures is not None:
            return known & figures
        found = known if known is not None else figures
        return self.engine.settles(need) if found is None else found

    def _unconfirmed(self, entry: Treatment) -> list[tuple[str, str, np.ndarray]]:
        found = list(self.engine.treatment(entry.treatment).unconfirmed)
        position = self.channel(entry.treatment)
        for number, channel in enumerate(entry.channels):
            asked = self.engine.channel(channel).unconfirmed
            found += [(rule, need, mask & (position == number)) for rule, need, mask in asked]
        return found

    def _holds(self, entry: Treatment) -> list[Gate]:
        if entry.overrides_all:
            return []
        masks = {name: self.facts.get(name) for name in self.facts.holds()}
        return [Gate(f"hold:{name}", mask) for name, mask in masks.items() if mask is not None]

    def _days(self, entry: Treatment) -> list[Gate]:
        low, high = entry.dpd
        late = self.dpd > (np.inf if high >= 9999 else high)
        return [Gate("dpd", (self.dpd < low) | late)]

    def _preconditions(self, entry: Treatment) -> list[Gate]:
        gates = []
        for need in entry.requires:
            stated = self._stated(need, entry)
            if stated is not None:
                gates.append(Gate(need, ~stated))
            elif entry.rung >= EVIDENCE_RUNG:
                gates.append(Gate(need, np.ones(self.n, dtype=bool)))
        return gates

    def _rules(self, entry: Treatment) -> list[Gate]:
        state = self.engine.treatment(entry.treatment)
        found = [(e.rule, e.closes) for e in state.closing if e.closes is not None]
        found += _never(state.timing, state.earliest)
        if entry.rung >= EVIDENCE_RUNG:
            found += [(f"{rule}?{need}", mask) for rule, need, mask in self._unconfirmed(entry)]
        return _merged(found)

    def _escalation(self, entry: Treatment) -> list[Gate]:
        """From rung 5 up: a contact was tried or impossible, and an arrangement was offered."""
        if entry.rung < EVIDENCE_RUNG:
            return []
        lifted = self._any(*EXCEPTIONS)
        return [
            Gate("escalation:contact_tried", ~(self._any("contact_tried", "unreachable") | lifted)),
            Gate("escalation:arrangement_offered", ~(self._any("arrangement_offered") | lifted)),
            *(Gate(f"relief:{name}", self._any(name)) for name in RELIEF),
        ]

    def _any(self, *names: str) -> np.ndarray:
        masks = (self.facts.get(name) for name in names)
        return self._any_of(mask for mask in masks if mask is not None)

    def _any_of(self, masks: Iterable[np.ndarray]) -> np.ndarray:
        return np.logical_or.reduce([np.zeros(self.n, dtype=bool), *masks])

    def _steps(self, entry: Treatment, removed: np.ndarray) -> list[Gate]:
        """Return what the pace removes: a climb before its time, a contact put off too long."""
        if self.pace is None:
            return []
        limit = self.engine.now + self.pace.put_off_days * DAY
        when = self.earliest(entry.treatment)
        late = (when > limit) & ~removed
        gates = [
            Gate(f"later:{g.reason}", g.removes & late, when)
            for g in self.postponing(entry.treatment)
        ]
        if self._on_rung is not None:
            rung, spent = self._on_rung
            left = _per_rung(self.pace.dwell_days, rung) - np.nan_to_num(spent)
            early = (left > 0) & (entry.rung > rung)
            # without a count of days the stay has not begun, and so no day ends it
            ends = self.engine.now + (np.nan_to_num(left) * DAY).astype(np.int64)
            gates.append(Gate("dwell", early, np.where(np.isnan(spent), NEVER, ends)))
        return gates

    def timed_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Return who has been on a rung for as long as it is tried, and that rung.

        What was paid, promised or agreed stops the clock: a timeout never answers it with pressure.
        """
        none = np.zeros(self.n, dtype=bool)
        if self.pace is None or not self.pace.timeout_days or self._on_rung is None:
            return none, np.zeros(self.n)
        rung, spent = self._on_rung
        with np.errstate(invalid="ignore"):
            over = spent >= _per_rung(self.pace.timeout_days, rung)
        return over & ~self._any(*RELIEF), rung

    @cached_property
    def _on_rung(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the rung where each account stands and its days there, when the table says so."""
        table = self.facts.table
        if "current_rung" not in table or "days_at_rung" not in table:
            return None
        rung = table["current_rung"].to_numpy(dtype="float64", na_value=np.nan)
        return rung, table["days_at_rung"].to_numpy(dtype="float64", na_value=np.nan)


def _per_rung(days: Mapping[int, int], rung: np.ndarray) -> np.ndarray:
    """Return the days set for each account's rung, NaN for none."""
    found = np.full(len(rung), np.nan)
    for step, limit in days.items():
        found[rung == step] = limit
    return found


def _never(effects: Sequence[Effect], earliest: np.ndarray) -> list[tuple[str, np.ndarray]]:
    never = earliest == NEVER
    return [(e.rule, e.shut_now & never) for e in effects if e.shut_now is not None]


def _merged(found: Iterable[tuple[str, np.ndarray]]) -> list[Gate]:
    """Put equal reasons together."""
    masks: dict[str, np.ndarray] = {}
    for reason, mask in found:
        if mask.any():
            masks[reason] = masks[reason] | mask if reason in masks else mask
    return [Gate(reason, mask) for reason, mask in masks.items()]
