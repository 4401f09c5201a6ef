"""A collections department with a known truth: what each treatment does to each account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from delinquency.datasets._simulator_dp import best_plans, pays
from delinquency.datasets._simulator_world import STAGES, TREATMENTS, World
from delinquency.errors import InputError, Problem, did_you_mean

__all__ = ["CollectionsSimulator", "Oracle", "Run"]

POLICIES = ("no_action", "randomised", "risk_ranked", "judgement")
Policy = Callable[[pd.DataFrame], Any]


@dataclass(frozen=True)
class Run:
    """What happened under a policy.

    Attributes
    ----------
    log : DataFrame
        One row an account and month in which it was open: ``account_id, person_id, month`` (0 first),
        what was known then (`CollectionsSimulator.known`), ``treatment, propensity, paid, cost,
        complaint, reward``. The propensity is missing where collectors judged. The reward is
        what was paid, less cost and the price of complaints; in the last month with what the account
        is then worth.
    value : float
        Discounted rewards.
    used : DataFrame
        What was used of each capacity, by month; columns in the order of the capacities.
    final : DataFrame
        ``account_id, stage`` at the end.
    """

    log: pd.DataFrame = field(repr=False)
    value: float
    used: pd.DataFrame = field(repr=False)
    final: pd.DataFrame = field(repr=False)


@dataclass(frozen=True)
class Oracle:
    """The best possible: nobody who keeps to the capacities brings more in the mean.

    Attributes
    ----------
    value : float
        Bound on the expected value of any policy, from now to the horizon, under the capacities.
    prices : DataFrame
        What one more unit of each capacity would bring: one row a month, one column a capacity.
    plan : ndarray (n, months, stages, fatigue levels)
        The best treatment, by number.
    """

    value: float
    prices: pd.DataFrame = field(repr=False)
    plan: np.ndarray = field(repr=False)

    def policy(self, known: pd.DataFrame) -> np.ndarray:
        """Return the best treatment; hand it to `CollectionsSimulator.run`."""
        stage, fatigue = known["stage_number"].to_numpy(), known["fatigue"].to_numpy()
        number = self.plan[known.index.to_numpy(), known["month"].to_numpy(), stage, fatigue]
        return np.array(TREATMENTS, dtype=object)[number]


class CollectionsSimulator:
    """Accounts in arrears, treatments that work on some of them, and what follows month by month.

    The truth (`truth`, `oracle`) stands beside what a lender would see (`known`), so that anything
    learnt from a log can be judged. Quote results as a share of the oracle's value; the numbers
    of the world are made up and written down in `World`.

    Parameters
    ----------
    n_accounts, n_months : int
        Size and horizon.
    seed : int
        Of the accounts; a run has its own.
    world : World, optional
        The numbers that everything rests on.

    Attributes
    ----------
    truth : DataFrame
        ``account_id, type, ability, willingness, contactability`` and ``effect_<treatment>``.
    treatments, stages : tuple of str
        Names in order.

    Examples
    --------
    >>> simulator = CollectionsSimulator(2000, seed=1)
    >>> run = simulator.run("randomised", seed=2)
    >>> run.log["treatment"].nunique()
    7
    >>> nothing, best = simulator.run("no_action").value, simulator.oracle().value
    >>> nothing < best
    True
    """

    treatments = TREATMENTS
    stages = STAGES

    def __init__(
        self,
        n_accounts: int = 10_000,
        n_months: int = 12,
        *,
        seed: int = 0,
        world: World | None = None,
    ) -> None:
        whole = all(isinstance(size, (int, np.integer)) for size in (n_accounts, n_months))
        if not whole or n_accounts < 1 or n_months < 1:
            what = "expected at least one account and one month, in whole numbers"
            raise InputError(Problem("DLQ-195", what, "CollectionsSimulator"))
        self.n_accounts, self.n_months, self.seed = n_accounts, n_months, seed
        self.world = World() if world is None else world
        self._draw(np.random.default_rng(seed))

    def _draw(self, rng: np.random.Generator) -> None:
        """Make up the accounts: what is true of them, and the signs of it that can be seen."""
        w, n = self.world, self.n_accounts
        ability = rng.normal(0, 1, n)
        willing = w.correlation * ability + np.sqrt(1 - w.correlation**2) * rng.normal(0, 1, n)
        kind = rng.choice(len(w.types), n, p=w.type_shares)
        squeezed = kind == w.types.index("squeezed") if "squeezed" in w.types else kind < 0
        ability = np.where(squeezed, ability - 1.0, ability)
        reached = rng.beta(3, 2, n)
        spread = rng.normal(0, w.effect_spread, (n, len(TREATMENTS)))
        self._effect = np.array(w.effects)[kind] + spread * (np.array(w.effects)[kind] != 0)
        self._chance = 1 - np.array(w.reach) * (1 - reached[:, None])
        self._push = w.ability_weight * ability + w.willingness_weight * willing
        self._cure = 1 / (1 + np.exp(-(w.cure_log_odds + ability)))
        self._balance = np.exp(rng.normal(w.balance_log_mean, w.balance_log_sd, n))
        self._first = rng.choice(len(STAGES), n, p=w.start)
        self.truth = pd.DataFrame(
            {
                "account_id": np.arange(1, n + 1),
                "type": np.array(w.types, dtype=object)[kind],
                "ability": ability,
                "willingness": willing,
                "contactability": reached,
                **{f"effect_{a}": self._effect[:, j] for j, a in enumerate(TREATMENTS)},
            }
        )
        self._signs = self._seen(rng, kind, ability, willing, reached)

    def _seen(
        self,
        rng: np.random.Generator,
        kind: np.ndarray,
        ability: np.ndarray,
        willing: np.ndarray,
        reached: np.ndarray,
    ) -> pd.DataFrame:
        """Return what a lender would know: noisy signs of the truth, none of them the truth."""
        n, types = self.n_accounts, self.world.types

        def sign(name: str, strength: float = 2.0) -> np.ndarray:
            is_so = kind == types.index(name) if name in types else np.zeros(n, dtype=bool)
            return strength * is_so + rng.normal(0, 1, n)

        return pd.DataFrame(
            {
                "balance": self._balance,
                "income_cover": ability + rng.normal(0, 0.6, n),
                "paid_to_due_12m": 0.7 * willing + 0.5 * ability + rng.normal(0, 0.5, n),
                "answered_share": np.clip(reached + rng.normal(0, 0.12, n), 0, 1),
                "app_activity": sign("forgetful"),
                "promises_kept": sign("talker"),
                "hardship_signs": sign("squeezed"),
                "disputes": sign("resistant"),
                "broken_promises": sign("hard"),
            }
        )

    @cached_property
    def accounts(self) -> pd.DataFrame:
        """What is known at the start, one row an account; two accounts in five share a person."""
        ids = np.arange(1, self.n_accounts + 1)
        person = np.where(ids % 5 == 0, ids - 1, ids)
        known = self._signs.assign(stage=np.array(STAGES, dtype=object)[self._first])
        known.insert(0, "account_id", ids)
        known.insert(1, "person_id", person)
        return known

    def known(
        self, stage: np.ndarray | None = None, fatigue: np.ndarray | None = None
    ) -> pd.DataFrame:
        """Return what a policy sees, one row an open account; the index is its position.

        ``account_id, person_id, stage, stage_number, fatigue``, the balance and the signs.
        """
        stage = self._first if stage is None else stage
        fatigue = np.zeros(self.n_accounts, dtype="int64") if fatigue is None else fatigue
        table = self.accounts.drop(columns="stage")
        table["stage"] = np.array(STAGES, dtype=object)[stage]
        table["stage_number"], table["fatigue"] = stage, fatigue
        return table[stage < 5]

    def open(self, known: pd.DataFrame) -> np.ndarray:
        """Return which treatments are allowed, ``(n, treatments)``."""
        stage = known["stage_number"].to_numpy()[:, None]
        low, high = np.array(self.world.opens).T
        return (low <= stage) & (stage <= high)

    @cached_property
    def needs(self) -> dict[str, np.ndarray]:
        """What each treatment uses of each capacity."""
        return {name: np.array(need) for name, need in self.world.needs}

    @cached_property
    def capacities(self) -> dict[str, float]:
        """What there is of each capacity in a month."""
        return {name: share * self.n_accounts for name, share in self.world.capacity}

    def run(self, policy: str | Policy = "randomised", *, seed: int = 0) -> Run:
        """Let a policy decide for the whole horizon.

        Parameters
        ----------
        policy : {"no_action", "randomised", "risk_ranked", "judgement"} or callable
            Randomised: each allowed treatment by chance, as often as the capacities allow, propensities
            logged. Risk ranked: the riskiest get the dearest treatment until the capacity is gone.
            Judgement: collectors see more than the log holds (who is moved by what) and act on it,
            so the log is confounded and has no propensities. A callable gets `known` and returns
            treatments, or a pair of treatments and propensities.
        seed : int
            Of what happens; the same seed meets every policy with the same luck.

        Raises
        ------
        InputError
            ``DLQ-195`` an unknown policy, or treatments that are unknown or not allowed.
        """
        if isinstance(policy, str) and policy not in POLICIES:
            fix = did_you_mean(policy, POLICIES) or "one of " + ", ".join(POLICIES)
            raise InputError(Problem("DLQ-195", "unknown policy", "policy", fix=fix))
        luck, draws = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
        stage, fatigue = self._first.copy(), np.zeros(self.n_accounts, dtype="int64")
        logs, used, value = [], [], 0.0
        for month in range(self.n_months):
            known = self.known(stage, fatigue).assign(month=month)
            chosen, chance = self._decide(policy, known, draws)
            here = known.index.to_numpy()
            outcome = self._month(here, stage, fatigue, chosen, luck)
            last = month == self.n_months - 1
            rewards = outcome["reward"].to_numpy()
            if last:
                worth = self.world.discount * np.array(self.world.worth)
                rewards = rewards + worth[stage[here]] * self._balance[here]
            value += self.world.discount**month * float(rewards.sum())
            logs.append(
                known.assign(
                    treatment=np.array(TREATMENTS, dtype=object)[chosen],
                    propensity=chance,
                    **{name: outcome[name] for name in ("paid", "cost", "complaint")},
                    reward=rewards,
                )
            )
            used.append([need[chosen].sum() for need in self.needs.values()])
        final = pd.DataFrame(
            {"account_id": self.truth["account_id"], "stage": np.array(STAGES, dtype=object)[stage]}
        )
        table = pd.DataFrame(used, columns=list(self.needs))
        return Run(pd.concat(logs, ignore_index=True), value, table, final)

    def _month(
        self,
        here: np.ndarray,
        stage: np.ndarray,
        fatigue: np.ndarray,
        chosen: np.ndarray,
        luck: np.random.Generator,
    ) -> pd.DataFrame:
        """Let one month happen: write the new stages and levels of fatigue, return what it brought."""
        w, s, f = self.world, stage[here], fatigue[here]
        # luck is drawn for everybody, so that an account meets the same luck under every policy
        rolls = luck.random((4, self.n_accounts))[:, here]
        base = np.array([*w.stage_log_odds, 0.0])[s] + self._push[here]
        p = pays(base, self._effect[here, chosen], self._chance[here, chosen], w.wear**f)
        paying, cured = rolls[0] < p, rolls[1] < self._cure[here]
        due = w.instalment * self._balance[here]
        paid = np.where(cured & (s > 0), (s + 1) * due, due)
        paid = np.where(s == 4, w.settlement * self._balance[here], paid) * paying
        after = np.where(paying, np.where(cured | (s == 0), 0, s), s + 1)
        lost = rolls[2] < w.write_off
        after = np.where(s == 4, np.where(paying | lost, 5, 4), after)
        complained = rolls[3] < np.array(w.complaint)[chosen] * (1 + 0.5 * f)
        adds = np.array(w.fatigue)[chosen]
        stage[here] = after
        fatigue[here] = np.where(adds > 0, np.minimum(f + adds, 2), np.maximum(f - 1, 0))
        cost = np.array(w.cost)[chosen]
        reward = paid - cost - w.conduct_price * complained
        return pd.DataFrame(
            {"paid": paid, "cost": cost, "complaint": complained.astype(float), "reward": reward},
            index=here,
        )

    def _decide(
        self, policy: str | Policy, known: pd.DataFrame, draws: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        if callable(policy):
            answer = policy(known)
            names, chance = answer if isinstance(answer, tuple) else (answer, np.ones(len(known)))
            chosen = pd.Index(TREATMENTS).get_indexer(pd.Index(np.ravel(names)))
            allowed = len(chosen) == len(known) == np.size(chance) and (chosen >= 0).all()
            if not allowed or not self.open(known)[np.arange(len(known)), chosen].all():
                what = (
                    "the policy chose treatments that are unknown or not allowed, or not one a row"
                )
                raise InputError(Problem("DLQ-195", what, "policy", fix="see `open`"))
            return chosen, np.asarray(chance, dtype="float64")
        if policy == "no_action":
            return np.zeros(len(known), dtype="int64"), np.ones(len(known))
        if policy == "risk_ranked":
            return self._risk_ranked(known), np.ones(len(known))
        share = self._shares(known, judged=policy == "judgement", draws=draws)
        roll = draws.random(len(known))[:, None]
        chosen = np.minimum((roll > share.cumsum(axis=1)).sum(axis=1), len(TREATMENTS) - 1)
        chance = share[np.arange(len(known)), chosen]
        return chosen, np.full(len(known), np.nan) if policy == "judgement" else chance

    def _shares(
        self, known: pd.DataFrame, *, judged: bool, draws: np.random.Generator
    ) -> np.ndarray:
        """Return the chance of each treatment; scarce ones are thinned until they fit in the mean."""
        weight = self.open(known).astype("float64")
        if judged:
            # what collectors feel about an account, and the log does not hold
            feeling = self._effect[known.index] + draws.normal(0, 0.7, weight.shape)
            risk = -self._push[known.index]
            weight *= np.exp(1.2 * feeling + 0.3 * risk[:, None] * (np.array(self.world.cost) > 1))
        for name, need in self.needs.items():
            share = weight / weight.sum(axis=1, keepdims=True)
            use = float((share @ need).sum())
            while use > self.capacities[name]:
                weight = np.where(need > 0, weight * 0.97 * self.capacities[name] / use, weight)
                share = weight / weight.sum(axis=1, keepdims=True)
                use = float((share @ need).sum())
        return weight / weight.sum(axis=1, keepdims=True)

    def _risk_ranked(self, known: pd.DataFrame) -> np.ndarray:
        """The usual way: dearest treatment to the riskiest that may have it, until it is gone."""
        risk = known["stage_number"].to_numpy() * 2.0 - known["paid_to_due_12m"].to_numpy()
        order = np.argsort(-risk, kind="stable")
        opens = self.open(known)
        chosen = np.where(opens[:, 1], 1, 0)
        taken = np.zeros(len(known), dtype=bool)
        for name in ("field_visit", "agent_call", "demand_letter", "ai_voice_call"):
            a = TREATMENTS.index(name)
            rows = order[(opens[:, a] & ~taken)[order]]
            for capacity, need in self.needs.items():
                if need[a] > 0:
                    rows = rows[: int(self.capacities[capacity] / need[a])]
            if name == "ai_voice_call":
                rows = rows[: len(known) // 4]
            chosen[rows], taken[rows] = a, True
        return chosen

    def oracle(self, *, capacities: dict[str, float] | None = None) -> Oracle:
        """Return the best possible value, by backward induction for each account.

        Parameters
        ----------
        capacities : dict, optional
            What there is in a month; the simulator's own by default. One left out is unlimited.

        Raises
        ------
        InputError
            ``DLQ-195`` a capacity that there is not, or an amount below 0.
        """
        limits = self.capacities if capacities is None else capacities
        for name, amount in limits.items():
            if name not in self.needs or not amount >= 0:
                fix = did_you_mean(str(name), self.needs) or "one of " + ", ".join(self.needs)
                what = "a capacity is unknown, or its amount is below 0"
                raise InputError(Problem("DLQ-195", what, "capacities", fix=fix))
        most = np.array([limits.get(name, np.inf) for name in self.needs], dtype="float64")
        rows = np.arange(min(self.n_accounts, 2000))
        price = self._find_prices(rows, most * len(rows) / self.n_accounts)
        value, _, plan = self._plans(np.arange(self.n_accounts), price)
        value += self._room(price, most)
        table = pd.DataFrame(price.T, columns=list(self.needs))
        return Oracle(value, table.rename_axis("month"), plan)

    def _room(self, price: np.ndarray, most: np.ndarray) -> float:
        """Return what the capacities are worth at the prices, discounted month by month."""
        each = np.where(price > 0, price, 0.0) * np.where(np.isfinite(most), most, 0.0)[:, None]
        return float((each * self.world.discount ** np.arange(self.n_months)).sum())

    def _find_prices(self, rows: np.ndarray, most: np.ndarray) -> np.ndarray:
        """Lower the bound by subgradients; any prices prove a bound, these a good one."""
        unit = float(np.mean(self._balance)) * self.world.instalment
        price = np.zeros((len(most), self.n_months))
        best, lowest = price, np.inf
        limited = np.isfinite(most)[:, None]
        there = np.where(limited, most[:, None], 0.0)
        for turn in range(80 if limited.any() else 0):
            value, used, _ = self._plans(rows, price)
            value += self._room(price, most)
            if value < lowest:
                best, lowest = price, value
            over = (used - there) / np.maximum(there, 1e-9)
            step = 0.6 * unit / (1 + turn / 6) * np.clip(over, -1, 2)
            price = np.where(limited, np.maximum(price + step, 0.0), 0.0)
        return best

    def _plans(self, rows: np.ndarray, price: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the value of the best plans at the prices, what they use, and the plans."""
        w = self.world
        numbers = (w.instalment, w.settlement, w.write_off, w.discount, w.wear, w.conduct_price)
        tables = np.array([w.fatigue, w.cost, w.complaint, *self.needs.values()], dtype="float64")
        plan = np.zeros((len(rows), self.n_months, 6, 3), dtype=np.uint8)
        used = np.zeros(price.shape)
        solve: Any = best_plans
        accounts = (self._push, self._effect, self._chance, self._cure, self._balance, self._first)
        value = solve(
            np.array(w.stage_log_odds),
            *(column[rows] for column in accounts),
            numbers,
            tables,
            np.array(w.opens),
            price,
            np.array(w.worth),
            plan,
            used,
        )
        return float(value), used, plan
