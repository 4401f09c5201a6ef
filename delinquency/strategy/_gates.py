"""The gates: what removes each treatment, account by account, and what nobody could confirm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from delinquency.strategy._facts import Facts
from delinquency.strategy._treatments import EVIDENCE_RUNG, Treatment

__all__ = ["Gate", "Gates"]

EXCEPTIONS = ("fraud_confirmed", "limitation_near")
"""Facts that lift the escalation rule."""


@dataclass(frozen=True)
class Gate:
    """One reason and the accounts for which it removes a treatment."""

    reason: str
    removes: np.ndarray


class Gates:
    """What stands in the way of each treatment.

    The order is the order of evaluation: holds, opt-outs, days past due, preconditions, the
    escalation rule. All reasons are kept, not only the first, because a person repairs them one by
    one.
    """

    def __init__(self, facts: Facts, treatments: Mapping[str, Treatment]) -> None:
        self.facts = facts
        self.treatments = treatments
        self.dpd = facts.table["days_past_due"].to_numpy(dtype="float64")
        self._gates: dict[str, list[Gate]] = {}
        self._channels: dict[str, np.ndarray] = {}

    def of(self, name: str) -> list[Gate]:
        """Return every gate that removes the treatment from at least one account."""
        if name not in self._gates:
            entry = self.treatments[name]
            found = [
                *self._holds(entry),
                *self._opt_outs(entry),
                *self._days(entry),
                *self._preconditions(entry),
                *self._escalation(entry),
            ]
            self._gates[name] = [gate for gate in found if gate.removes.any()]
        return self._gates[name]

    def to_confirm(self, name: str) -> list[str]:
        """Return the preconditions that nobody has data for; from rung 5 up they remove instead."""
        entry = self.treatments[name]
        if entry.rung >= EVIDENCE_RUNG:
            return []
        return [need for need in entry.requires if self.facts.get(need) is None]

    def channel(self, name: str) -> np.ndarray:
        """Return the position of each account's first open channel, -1 for none."""
        if name not in self._channels:
            result = np.full(len(self.facts), -1, dtype=np.int8)
            entry = self.treatments[name]
            for position, channel in reversed(list(enumerate(entry.channels))):
                result[self._open(channel, entry)] = position
            self._channels[name] = result
        return self._channels[name]

    def _open(self, channel: str, entry: Treatment) -> np.ndarray:
        shut = self.facts.get(f"opt_out_{channel}")
        result = np.ones(len(self.facts), dtype=bool) if shut is None else ~shut
        for kind in ("valid", "consent"):
            name = f"{kind}_{channel}"
            # a precondition of the treatment is a gate of its own: one fact, one reason
            stated = None if name in entry.requires else self.facts.get(name)
            if stated is not None:
                result &= stated
        return result

    def _holds(self, entry: Treatment) -> list[Gate]:
        if entry.overrides_all:
            return []
        masks = {name: self.facts.get(name) for name in self.facts.holds()}
        return [Gate(f"hold:{name}", mask) for name, mask in masks.items() if mask is not None]

    def _opt_outs(self, entry: Treatment) -> list[Gate]:
        if not entry.channels:
            return []
        return [Gate("no_open_channel", self.channel(entry.treatment) < 0)]

    def _days(self, entry: Treatment) -> list[Gate]:
        low, high = entry.dpd
        late = self.dpd > (np.inf if high >= 9999 else high)
        return [Gate("dpd", (self.dpd < low) | late)]

    def _preconditions(self, entry: Treatment) -> list[Gate]:
        gates = []
        for need in entry.requires:
            stated = self.facts.get(need)
            if stated is not None:
                gates.append(Gate(need, ~stated))
            elif entry.rung >= EVIDENCE_RUNG:
                gates.append(Gate(need, np.ones(len(self.facts), dtype=bool)))
        return gates

    def _escalation(self, entry: Treatment) -> list[Gate]:
        """From rung 5 up: a contact was tried or impossible, and an arrangement was offered."""
        if entry.rung < EVIDENCE_RUNG:
            return []
        nobody = np.zeros(len(self.facts), dtype=bool)

        def any_of(*names: str) -> np.ndarray:
            masks = [self.facts.get(name) for name in names]
            return np.logical_or.reduce([nobody, *(mask for mask in masks if mask is not None)])

        lifted = any_of(*EXCEPTIONS)
        return [
            Gate("escalation:contact_tried", ~(any_of("contact_tried", "unreachable") | lifted)),
            Gate("escalation:arrangement_offered", ~(any_of("arrangement_offered") | lifted)),
        ]
