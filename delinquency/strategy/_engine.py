"""Rules at work: what each closes or postpones, by channel and treatment, for all accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.strategy import _clock
from delinquency.strategy._clock import NEVER
from delinquency.strategy._conditions import Test, holds_for
from delinquency.strategy._contacts import NONE, ContactLog
from delinquency.strategy._effects import ChannelState, Effect, channels_of
from delinquency.strategy._facts import HOLDS, Facts
from delinquency.strategy._hours import Hours
from delinquency.strategy._places import binds, known_actors, years_in
from delinquency.strategy._rule_models import Rule
from delinquency.strategy._rules import RulePack

__all__ = ["RuleEngine"]


class RuleEngine:
    """The rules of some packs for a table of accounts at an instant.

    Parameters
    ----------
    facts : Facts
        Accounts with what was derived for them.
    log : ContactLog or None
        Without one, caps cannot be counted; they are then left to be confirmed.
    at : Timestamp
        The planned instant, in UTC.
    packs : sequence of RulePack
        In any order: a rule only removes or postpones.
    actors : sequence of str
        Who acts; packs that do not bind any of them are left out. Empty: every pack binds.
    holidays : mapping of str to dates
        Public holidays by jurisdiction.
    """

    def __init__(
        self,
        facts: Facts,
        log: ContactLog | None,
        at: pd.Timestamp,
        packs: Sequence[RulePack],
        actors: Sequence[str] = (),
        holidays: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self.facts, self.log, self.at = facts, log, at
        self.now = at.value // 1000  # pandas gives nanoseconds here, whatever the unit
        self.n = len(facts)
        actors = known_actors(actors, packs)
        self.hours = Hours(facts.table, packs, holidays or {})
        self.zone, self.zones = self.hours.zone, self.hours.zones
        self.place, self.places = self.hours.place, self.hours.places
        self.rules = [
            (pack, rule)
            for pack in packs
            if not actors or set(actors) & set(pack.file.actors) or "any" in pack.file.actors
            for rule in pack.in_force(at.date())
        ]
        self._bound = {pack.id: self._binding(pack) for pack in packs}
        self._refuse_unknown_triggers()
        self._channels: dict[str, ChannelState] = {}
        self._treatments: dict[str, ChannelState] = {}

    def channel(self, name: str) -> ChannelState:
        """Return the channel under all rules that name it."""
        if name not in self._channels:
            state = ChannelState()
            for pack, rule in self.rules:
                if name in channels_of(rule):
                    self._act(pack, rule, state, name)
            state.earliest = self._earliest(state)
            self._channels[name] = state
        return self._channels[name]

    def treatment(self, name: str) -> ChannelState:
        """Return the treatment under all rules that name it."""
        if name not in self._treatments:
            state = ChannelState()
            for pack, rule in self.rules:
                if name in rule.treatments:
                    self._act(pack, rule, state, "")
            state.earliest = self._earliest(state)
            self._treatments[name] = state
        return self._treatments[name]

    def caps(self) -> list[tuple[Rule, np.ndarray]]:
        """Return the blocking caps, and whom they bind."""
        return [
            (rule, self._applies(pack, rule))
            for pack, rule in self.rules
            if rule.blocks and rule.cap is not None
        ]

    def settles(self, fact: str) -> np.ndarray | None:
        """Return True for a precondition that the rules themselves see to, for every account."""
        form = {"in_window": "window", "under_cap": "cap"}.get(fact)
        if form is None or (form == "cap" and self.log is None):
            return None
        covered = np.zeros(self.n, dtype=bool)
        for pack, rule in self.rules:
            if getattr(rule, form) is not None and rule.blocks:
                covered |= self._bound[pack.id]
        return covered if covered.all() else None

    def _binding(self, pack: RulePack) -> np.ndarray:
        """Return which accounts a pack binds; one that states no jurisdiction is bound by all."""
        return np.array([binds(pack, place) for place in self.places], dtype=bool)[self.place]

    def _refuse_unknown_triggers(self) -> None:
        """A missing answer to "has the customer asked us to stop" must not pass as no."""
        problems = []
        names = {name for _, rule in self.rules for name in (*rule.when, *rule.when_any)}
        for name in sorted(names - set(HOLDS)):
            if name in self.facts.table:
                lacking = int(self.facts.table[name].isna().sum())
                if lacking:
                    what = (
                        f"a rule asks for it, and it is missing in {lacking:,} of {self.n:,} rows"
                    )
                    fix = "say true or false in every row"
                    problems.append(Problem("DLQ-104", what, f"accounts.{name}", lacking, fix))
        if problems:
            raise InputError(*problems)

    def _applies(self, pack: RulePack, rule: Rule) -> np.ndarray:
        applies = self._bound[pack.id].copy()
        if rule.when:
            applies &= self._holds(rule.when)
        if rule.when_any:
            applies &= self._any_holds(rule.when_any)
        if rule.unless:
            applies &= ~self._holds(rule.unless)
        return applies

    def _holds(self, asked: Mapping[str, Test]) -> np.ndarray:
        return holds_for(dict(asked), self._columns(asked))

    def _any_holds(self, asked: Mapping[str, Test]) -> np.ndarray:
        table = self._columns(asked)
        each = [holds_for({name: test}, table) for name, test in asked.items()]
        return np.logical_or.reduce([np.zeros(self.n, dtype=bool), *each])

    def _columns(self, asked: Mapping[str, Test]) -> pd.DataFrame:
        found = {}
        for name in asked:
            if name in self.facts.table:
                found[name] = self.facts.table[name]
            elif (stated := self.facts.get(name)) is not None:
                found[name] = pd.Series(stated)
        return pd.DataFrame(found, index=self.facts.table.index, copy=False)

    def _act(
        self,
        pack: RulePack,
        rule: Rule,
        state: ChannelState,
        channel: str,
    ) -> None:
        applies = self._applies(pack, rule)
        if not applies.any():
            return
        if rule.notices:
            state.notices += [(rule.id, notice, applies) for notice in rule.notices]
        closes = self._closed(rule, applies, state, channel)
        until = self._until(rule, applies)
        if rule.cap is not None and self.log is None and rule.blocks:
            state.unconfirmed.append((rule.id, "contact_log", applies))
        if not rule.blocks:
            late = until > self.now if until is not None else False
            if rule.window is not None:
                late = late | self._outside(rule, applies)
            warned = (closes if closes is not None else np.zeros(self.n, dtype=bool)) | late
            state.warning.append(Effect(rule.id, closes=warned))
            return
        if closes is not None:
            state.closing.append(Effect(rule.id, closes=closes))
        if until is not None:
            state.timing.append(Effect(rule.id, until=until, shut_now=until > self.now))
        if rule.window is not None:
            state.windows.append((rule, applies))
            state.timing.append(Effect(rule.id, shut_now=self._outside(rule, applies)))

    def _closed(
        self, rule: Rule, applies: np.ndarray, state: ChannelState, channel: str
    ) -> np.ndarray | None:
        if rule.bans:
            return applies
        closes = np.zeros(self.n, dtype=bool)
        if rule.opt_out:
            shut = self.facts.get(f"opt_out_{channel}")
            closes |= False if shut is None else applies & shut
        if rule.require:
            closes |= applies & ~self._satisfied(rule, applies, state)
        if rule.require_any:
            if any(self._known(name) for name in rule.require_any):
                closes |= applies & ~self._any_holds(rule.require_any)
            elif rule.blocks:
                state.unconfirmed.append((rule.id, " or ".join(rule.require_any), applies))
        if rule.limitation is not None:
            closes |= applies & self._time_barred(rule)
        return closes if closes.any() else None

    def _known(self, name: str) -> bool:
        return name in self.facts.table or self.facts.get(name) is not None

    def _satisfied(self, rule: Rule, applies: np.ndarray, state: ChannelState) -> np.ndarray:
        known = {name: test for name, test in rule.require.items() if self._known(name)}
        lacking = [name for name in rule.require if name not in known]
        if rule.blocks:  # what only warns has nothing to be confirmed, and removes nothing
            state.unconfirmed += [(rule.id, name, applies) for name in lacking]
        return self._holds(known)

    def _time_barred(self, rule: Rule) -> np.ndarray:
        form = rule.limitation
        dates = None if form is None else self._dates(form.after)
        if form is None or dates is None:
            return np.zeros(self.n, dtype=bool)
        years = np.array([years_in(form.regions, form.years, p) for p in self.places])[self.place]
        begun = dates.astype("datetime64[M]").astype("int64")
        day = (dates - dates.astype("datetime64[M]")).astype("timedelta64[D]")
        ends = (begun + 12 * years).astype("datetime64[M]").astype("datetime64[D]") + day
        today = np.datetime64(self.at.tz_localize(None).date(), "D")
        return ~np.isnat(dates) & (ends <= today)

    def _dates(self, name: str) -> np.ndarray | None:
        if name not in self.facts.table:
            return None
        try:
            stated = self.facts.table[name]
            plain = pd.api.types.is_datetime64_any_dtype(stated.dtype)
            read = pd.to_datetime(stated, format=None if plain else "ISO8601")
            if getattr(read.dt, "tz", None) is not None:
                raise ValueError
        except (ValueError, TypeError, AttributeError, OverflowError):
            fix = "write dates as YYYY-MM-DD"
            where = f"accounts.{name}"
            raise InputError(Problem("DLQ-103", "expected dates", where, fix=fix)) from None
        return read.to_numpy().astype("datetime64[D]")

    def _until(self, rule: Rule, applies: np.ndarray) -> np.ndarray | None:
        """Return the instants until which a cap or a wait postpones, or None."""
        if rule.wait is not None:
            return self._waited(rule, applies)
        if rule.cap is None or self.log is None:
            return None
        last = self.counted(rule)[:, -1]
        times = np.where(applies, last, NONE)
        ends = _clock.release(times, self.zone, self.zones, days=rule.cap.days)
        return None if (ends <= self.now).all() else ends

    def counted(self, rule: Rule) -> np.ndarray:
        """Return each account's most recent counted contacts, as many as the cap permits."""
        cap, log = rule.cap, self.log
        assert cap is not None
        assert log is not None
        channels = [] if "all" in rule.channels else sorted(channels_of(rule))
        rows = log.counted(cap.counts, channels, cap.inbound, cap.exclude)
        table = self.facts.table
        return log.latest(rows, cap.unit, cap.max, table.get("number"))

    def _waited(self, rule: Rule, applies: np.ndarray) -> np.ndarray | None:
        assert rule.wait is not None
        dates = self._dates(rule.wait.after)
        if dates is None:
            # nobody keeps this date: an optional route is not used, another has not begun
            return None if rule.wait.optional else np.where(applies, NEVER, NONE)
        missing = np.isnat(dates)
        times = dates.astype("datetime64[us]").view("int64") + 43_200_000_000
        times = np.where(applies & ~missing, times, NONE)
        # noon in UTC lies on the plain date in every zone but the very east, where it is a day late
        ends = _clock.release(times, self.zone, self.zones, days=rule.wait.days)
        return ends if rule.wait.optional else np.where(applies & missing, NEVER, ends)

    def _outside(self, rule: Rule, applies: np.ndarray) -> np.ndarray:
        start = np.full(self.n, self.now, dtype=np.int64)
        return applies & (self.hours.opening(start, [(rule, applies)]) > self.now)

    def _earliest(self, state: ChannelState) -> np.ndarray:
        start = np.full(self.n, self.now, dtype=np.int64)
        for effect in state.timing:
            if effect.until is not None:
                start = np.maximum(start, effect.until)
        return self.opening(state, start)

    def opening(self, state: ChannelState, start: np.ndarray) -> np.ndarray:
        """Return the first instant from `start` on that the windows of a state allow."""
        return self.hours.opening(start, state.windows) if state.windows else start
