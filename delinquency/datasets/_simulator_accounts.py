"""The simulator's accounts: what is true of each, and the noisy signs of it that a lender sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from delinquency.datasets._simulator_world import STAGES, TREATMENTS, World

__all__ = ["Department", "draw_department"]


@dataclass(frozen=True, eq=False)
class Department:
    """What is true of a department; arrays of one entry an account, by its position.

    Attributes
    ----------
    world : World
        The numbers that everything rests on.
    push : ndarray (n,)
        Ability and willingness on the log-odds of paying.
    effect : ndarray (n, treatments)
        Change of the log-odds by a treatment that reaches the account.
    chance : ndarray (n, treatments)
        Chance that a treatment reaches it.
    cure : ndarray (n,)
        Chance that it catches up fully, given that it pays.
    balance : ndarray (n,)
        In money.
    first : ndarray (n,)
        Number of the stage at the start.
    """

    world: World
    push: np.ndarray
    effect: np.ndarray
    chance: np.ndarray
    cure: np.ndarray
    balance: np.ndarray
    first: np.ndarray

    @cached_property
    def needs(self) -> dict[str, np.ndarray]:
        """What each treatment uses of each capacity."""
        return {name: np.array(need) for name, need in self.world.needs}

    @cached_property
    def capacities(self) -> dict[str, float]:
        """What there is of each capacity in a month."""
        return {name: share * len(self.balance) for name, share in self.world.capacity}

    def allowed(self, stage: np.ndarray) -> np.ndarray:
        """Return which treatments may be used in the stages given, ``(n, treatments)``."""
        low, high = np.array(self.world.opens).T
        return (low <= stage[:, None]) & (stage[:, None] <= high)


def draw_department(
    world: World, n_accounts: int, rng: np.random.Generator
) -> tuple[Department, pd.DataFrame, pd.DataFrame]:
    """Make up accounts; return them with the table of the truth and the table of the signs.

    The order of the draws is part of the promise that a seed tells the same story for ever.
    """
    w, n = world, n_accounts
    ability = rng.normal(0, 1, n)
    willing = w.correlation * ability + np.sqrt(1 - w.correlation**2) * rng.normal(0, 1, n)
    kind = rng.choice(len(w.types), n, p=w.type_shares)
    ability = np.where(_is(w, kind, "squeezed"), ability - 1.0, ability)
    reached = rng.beta(3, 2, n)
    spread = rng.normal(0, w.effect_spread, (n, len(TREATMENTS)))
    department = Department(
        w,
        push=w.ability_weight * ability + w.willingness_weight * willing,
        effect=np.array(w.effects)[kind] + spread * (np.array(w.effects)[kind] != 0),
        chance=1 - np.array(w.reach) * (1 - reached[:, None]),
        cure=1 / (1 + np.exp(-(w.cure_log_odds + ability))),
        balance=np.exp(rng.normal(w.balance_log_mean, w.balance_log_sd, n)),
        first=rng.choice(len(STAGES), n, p=w.start),
    )
    truth = pd.DataFrame(
        {
            "account_id": np.arange(1, n + 1),
            "type": np.array(w.types, dtype=object)[kind],
            "ability": ability,
            "willingness": willing,
            "contactability": reached,
            **{f"effect_{a}": department.effect[:, j] for j, a in enumerate(TREATMENTS)},
        }
    )
    return department, truth, _signs(department, kind, truth, rng)


def _is(world: World, kind: np.ndarray, name: str) -> np.ndarray:
    """Return which accounts are of a type; none where the world has no such type."""
    return kind == (world.types.index(name) if name in world.types else -1)


def _signs(
    department: Department, kind: np.ndarray, truth: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return what a lender would know: noisy signs of the truth, none of them the truth."""
    n, world = len(kind), department.world
    ability, willing = truth["ability"].to_numpy(), truth["willingness"].to_numpy()

    def sign(name: str) -> np.ndarray:
        return 2.0 * _is(world, kind, name) + rng.normal(0, 1, n)

    return pd.DataFrame(
        {
            "balance": department.balance,
            "income_cover": ability + rng.normal(0, 0.6, n),
            "paid_to_due_12m": 0.7 * willing + 0.5 * ability + rng.normal(0, 0.5, n),
            "answered_share": np.clip(
                truth["contactability"].to_numpy() + rng.normal(0, 0.12, n), 0, 1
            ),
            "app_activity": sign("forgetful"),
            "promises_kept": sign("talker"),
            "hardship_signs": sign("squeezed"),
            "disputes": sign("resistant"),
            "broken_promises": sign("hard"),
        }
    )
