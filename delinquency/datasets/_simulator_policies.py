"""The simulator's policies: who gets which treatment in a month, and with what propensity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from delinquency.datasets._simulator_accounts import Department
from delinquency.datasets._simulator_world import TREATMENTS
from delinquency.errors import InputError, Problem, did_you_mean

__all__ = ["Policy", "decide", "refuse_unknown"]

POLICIES = ("no_action", "randomised", "risk_ranked", "judgement")
Policy = Callable[[pd.DataFrame], Any]


def refuse_unknown(policy: str | Policy) -> None:
    """Refuse the name of no policy, with ``DLQ-195``."""
    if isinstance(policy, str) and policy not in POLICIES:
        fix = did_you_mean(policy, POLICIES) or "one of " + ", ".join(POLICIES)
        raise InputError(Problem("DLQ-195", "unknown policy", "policy", fix=fix))


def decide(
    policy: str | Policy, department: Department, known: pd.DataFrame, draws: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each row's treatment and its propensity; missing where people judged."""
    if callable(policy):
        return _asked(policy, department, known)
    if policy == "no_action":
        return np.zeros(len(known), dtype="int64"), np.ones(len(known))
    if policy == "risk_ranked":
        return _risk_ranked(department, known), np.ones(len(known))
    share = _shares(department, known, judged=policy == "judgement", draws=draws)
    roll = draws.random(len(known))[:, None]
    chosen = np.minimum((roll > share.cumsum(axis=1)).sum(axis=1), len(TREATMENTS) - 1)
    chance = share[np.arange(len(known)), chosen]
    return chosen, np.full(len(known), np.nan) if policy == "judgement" else chance


def _allowed(department: Department, known: pd.DataFrame) -> np.ndarray:
    return department.allowed(known["stage_number"].to_numpy())


def _asked(
    policy: Policy, department: Department, known: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Ask the caller's policy, and refuse an answer that the world does not allow."""
    answer = policy(known)
    names, chance = answer if isinstance(answer, tuple) else (answer, np.ones(len(known)))
    chosen = pd.Index(TREATMENTS).get_indexer(pd.Index(np.ravel(names)))
    sound = len(chosen) == len(known) == np.size(chance) and (chosen >= 0).all()
    if not sound or not _allowed(department, known)[np.arange(len(known)), chosen].all():
        what = "the policy chose treatments that are unknown or not allowed, or not one a row"
        raise InputError(Problem("DLQ-195", what, "policy", fix="see `open`"))
    return chosen, np.asarray(chance, dtype="float64")


def _shares(
    department: Department, known: pd.DataFrame, *, judged: bool, draws: np.random.Generator
) -> np.ndarray:
    """Return the chance of each treatment; scarce ones are thinned until they fit in the mean."""
    weight = _allowed(department, known).astype("float64")
    if judged:
        # what collectors feel about an account, and the log does not hold
        feeling = department.effect[known.index] + draws.normal(0, 0.7, weight.shape)
        risk = -department.push[known.index]
        dear = np.array(department.world.cost) > 1
        weight *= np.exp(1.2 * feeling + 0.3 * risk[:, None] * dear)
    for name, need in department.needs.items():
        most = department.capacities[name]
        share = weight / weight.sum(axis=1, keepdims=True)
        use = float((share @ need).sum())
        while use > most:
            weight = np.where(need > 0, weight * 0.97 * most / use, weight)
            share = weight / weight.sum(axis=1, keepdims=True)
            use = float((share @ need).sum())
    return weight / weight.sum(axis=1, keepdims=True)


def _risk_ranked(department: Department, known: pd.DataFrame) -> np.ndarray:
    """The usual way: dearest treatment to the riskiest that may have it, until it is gone."""
    risk = known["stage_number"].to_numpy() * 2.0 - known["paid_to_due_12m"].to_numpy()
    order = np.argsort(-risk, kind="stable")
    allowed = _allowed(department, known)
    chosen = np.where(allowed[:, 1], 1, 0)
    taken = np.zeros(len(known), dtype=bool)
    for name in ("field_visit", "agent_call", "demand_letter", "ai_voice_call"):
        a = TREATMENTS.index(name)
        rows = order[(allowed[:, a] & ~taken)[order]]
        for capacity, need in department.needs.items():
            if need[a] > 0:
                rows = rows[: int(department.capacities[capacity] / need[a])]
        if name == "ai_voice_call":
            rows = rows[: len(known) // 4]
        chosen[rows], taken[rows] = a, True
    return chosen
