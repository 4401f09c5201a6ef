"""A collections department with a known truth: what each treatment does to each account."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from delinquency.datasets._simulator_accounts import Department, draw_department
from delinquency.datasets._simulator_dp import pays
from delinquency.datasets._simulator_oracle import Oracle, find_best
from delinquency.datasets._simulator_policies import Policy, decide, refuse_unknown
from delinquency.datasets._simulator_world import STAGES, TREATMENTS, World
from delinquency.errors import InputError, Problem

__all__ = ["CollectionsSimulator", "Run"]


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
            raise InputError(
                Problem("DLQ-195", what, "CollectionsSimulator", fix="write 1000, not 1e3")
            )
        self.n_accounts, self.n_months, self.seed = n_accounts, n_months, seed
        self.world = World() if world is None else world
        self._department, self.truth, self._signs = draw_department(
            self.world, n_accounts, np.random.default_rng(seed)
        )

    @cached_property
    def accounts(self) -> pd.DataFrame:
        """What is known at the start, one row an account; two accounts in five share a person."""
        ids = np.arange(1, self.n_accounts + 1)
        person = np.where(ids % 5 == 0, ids - 1, ids)
        known = self._signs.assign(stage=np.array(STAGES, dtype=object)[self._department.first])
        known.insert(0, "account_id", ids)
        known.insert(1, "person_id", person)
        return known

    def known(
        self, stage: np.ndarray | None = None, fatigue: np.ndarray | None = None
    ) -> pd.DataFrame:
        """Return what a policy sees, one row an open account; the index is its position.

        ``account_id, person_id, stage, stage_number, fatigue``, the balance and the signs.
        """
        stage = self._department.first if stage is None else stage
        fatigue = np.zeros(self.n_accounts, dtype="int64") if fatigue is None else fatigue
        table = self.accounts.drop(columns="stage")
        table["stage"] = np.array(STAGES, dtype=object)[stage]
        table["stage_number"], table["fatigue"] = stage, fatigue
        return table[stage < 5]

    def open(self, known: pd.DataFrame) -> np.ndarray:
        """Return which treatments are allowed, ``(n, treatments)``."""
        return self._department.allowed(known["stage_number"].to_numpy())

    @property
    def needs(self) -> dict[str, np.ndarray]:
        """What each treatment uses of each capacity."""
        return self._department.needs

    @property
    def capacities(self) -> dict[str, float]:
        """What there is of each capacity in a month."""
        return self._department.capacities

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
        refuse_unknown(policy)
        luck, draws = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
        stage, fatigue = self._department.first.copy(), np.zeros(self.n_accounts, dtype="int64")
        logs, used, value = [], [], 0.0
        for month in range(self.n_months):
            known = self.known(stage, fatigue).assign(month=month)
            chosen, chance = decide(policy, self._department, known, draws)
            here = known.index.to_numpy()
            outcome = _live(self._department, here, stage, fatigue, chosen, luck)
            if month == self.n_months - 1:
                outcome["reward"] += self._left_over(here, stage)
            value += self.world.discount**month * float(outcome["reward"].to_numpy().sum())
            names = np.array(TREATMENTS, dtype=object)[chosen]
            logs.append(known.assign(treatment=names, propensity=chance).join(outcome))
            used.append([need[chosen].sum() for need in self.needs.values()])
        final = pd.DataFrame(
            {"account_id": self.truth["account_id"], "stage": np.array(STAGES, dtype=object)[stage]}
        )
        table = pd.DataFrame(used, columns=list(self.needs))
        return Run(pd.concat(logs, ignore_index=True), value, table, final)

    def _left_over(self, here: np.ndarray, stage: np.ndarray) -> np.ndarray:
        """Return what accounts are worth behind the horizon, seen from its last month."""
        worth = self.world.discount * np.array(self.world.worth)
        return worth[stage[here]] * self._department.balance[here]

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
        return find_best(self._department, self.n_months, capacities)


def _live(
    department: Department,
    here: np.ndarray,
    stage: np.ndarray,
    fatigue: np.ndarray,
    chosen: np.ndarray,
    luck: np.random.Generator,
) -> pd.DataFrame:
    """Let one month happen: write the new stages and levels of fatigue, return what it brought."""
    d, w, s, f = department, department.world, stage[here], fatigue[here]
    # luck is drawn for everybody, so that an account meets the same luck under every policy
    rolls = luck.random((4, len(d.balance)))[:, here]
    base = np.array([*w.stage_log_odds, 0.0])[s] + d.push[here]
    p = pays(base, d.effect[here, chosen], d.chance[here, chosen], w.wear**f)
    paying, cured = rolls[0] < p, rolls[1] < d.cure[here]
    due = w.instalment * d.balance[here]
    paid = np.where(cured & (s > 0), (s + 1) * due, due)
    paid = np.where(s == 4, w.settlement * d.balance[here], paid) * paying
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
