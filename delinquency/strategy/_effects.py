"""What rules do to a channel or a treatment, and which channels a rule binds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from delinquency.strategy._contacts import CHANNELS
from delinquency.strategy._rule_models import Rule

__all__ = ["ChannelState", "Effect", "channels_of"]

COVERS = {"phone": ("phone", "ai_voice"), "sms": ("sms", "app"), "other": ("app", "social")}
"""The strict reading: a rule on calls binds automated calls, one on texts a message in an app."""


@dataclass
class Effect:
    """What one rule does: the accounts it closes for, or the instants from which it allows."""

    rule: str
    closes: np.ndarray | None = None
    until: np.ndarray | None = None
    shut_now: np.ndarray | None = None


@dataclass
class ChannelState:
    """One channel under all rules: closed, or open from an instant on, and what goes with it."""

    closing: list[Effect] = field(default_factory=list)
    timing: list[Effect] = field(default_factory=list)
    warning: list[Effect] = field(default_factory=list)
    notices: list[tuple[str, str, np.ndarray]] = field(default_factory=list)
    unconfirmed: list[tuple[str, str, np.ndarray]] = field(default_factory=list)
    windows: list[tuple[Rule, np.ndarray]] = field(default_factory=list)
    earliest: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def channels_of(rule: Rule) -> frozenset[str]:
    """Return the channels that a rule binds, read strictly."""
    if "all" in rule.channels:
        return frozenset(CHANNELS) - {"other"}
    return frozenset(c for name in rule.channels for c in COVERS.get(name, (name,)))
