"""What a strategy learnt from a log brings in the simulator, as a share of the oracle's; write a table.

Run as ``python benchmarks/strategy_learning.py [OUT.csv] [SEEDS]``. For each seed one department makes a
log (randomised with propensities, or by the judgement of its collectors without), a response is learnt
from it, and the learnt strategy runs under the capacities in *another* department, drawn with a seed
not seen before; once more with a limit on harsh actions, at 38% of what risk ranking uses. Its value is
compared with the oracle's bound there, whole and over no action, and with risk ranking at the same
capacities, and so are contacts (calls, plans, letters, visits) and harsh actions (letters, visits).

What is learnt: the value of an open account from what is known (boosted trees on the discounted sum
of rewards that followed), then for each treatment the reward of the month plus that value of the next
month's state. The randomised log gives each treatment by chance within a stage, so that the response
learnt from it is what the treatment does; the one learnt from judgement is only what followed.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from delinquency.datasets import CollectionsSimulator
from delinquency.strategy import PredictedResponse, allocate

LOGGED, ACCOUNTS = 40_000, 20_000
SIGNS = [
    *("balance", "income_cover", "paid_to_due_12m", "answered_share", "app_activity"),
    *("promises_kept", "hardship_signs", "disputes", "broken_promises"),
    *("stage_number", "fatigue", "month"),
]
QUIET = ("no_action", "digital_reminder")


def trees(n=200):
    return LGBMRegressor(
        n_estimators=n,
        num_leaves=15,
        min_child_samples=80,
        learning_rate=0.06,
        n_jobs=1,
        verbose=-1,
    )


def features(known):
    table = known[SIGNS].astype("float64")
    for stage in range(1, 5):
        table[f"stage_{stage}"] = (table["stage_number"] == stage).astype("float64")
    return table.drop(columns="stage_number")


def targets(log, discount):
    """Return each row's reward plus the value of what follows, in units of the balance."""
    log = log.sort_values(["account_id", "month"], kind="stable").reset_index(drop=True)
    account = log["account_id"].to_numpy()
    share = (log["reward"] / log["balance"]).to_numpy()
    ahead = np.append(account[1:] == account[:-1], False)
    to_come = share.copy()
    for row in range(len(log) - 2, -1, -1):
        if ahead[row]:
            to_come[row] += discount * to_come[row + 1]
    value = trees().fit(features(log), to_come).predict(features(log))
    return log, share + discount * np.where(ahead, np.roll(value, -1), 0.0)


def learnt(simulator, log):
    log, target = targets(log, simulator.world.discount)
    # squares and products of the signs: less to be misled by than trees, where treatments are rare
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge(30.0))
    return PredictedResponse(model).fit(features(log), log["treatment"].to_numpy(), target)


def strategy(simulator, response, harsh=np.inf):
    """Return the policy that allocates at the learnt values, with so many harsh actions a month."""
    order = list(simulator.treatments)
    needs = {**simulator.needs, "harsh": np.isin(order, simulator.world.harsh).astype(float)}
    limits = {**simulator.capacities, "harsh": harsh}

    def policy(known):
        worth = response.predict(features(known)).reindex(columns=order).to_numpy()
        worth = worth * known["balance"].to_numpy()[:, None]
        worth = np.where(simulator.open(known), worth, -np.inf)
        answer = allocate(worth, needs, limits, tolerance=1e-3)
        return np.array(order, dtype=object)[answer.treatment]

    return policy


def read(name, run, simulator, oracle, nothing, ranked):
    log = run.log
    contacts = int((~log["treatment"].isin(QUIET)).sum())
    harsh = int(log["treatment"].isin(simulator.world.harsh).sum())
    row = {"strategy": name, "share_of_oracle": run.value / oracle.value}
    row["share_over_nothing"] = (run.value - nothing.value) / (oracle.value - nothing.value)
    row["over_risk_ranking"] = run.value / ranked.value - 1
    base = ranked.log["treatment"]
    row["contacts"] = contacts / int((~base.isin(QUIET)).sum())
    row["harsh"] = harsh / int(base.isin(simulator.world.harsh).sum())
    return row


def main(out=None, seeds=3):
    rows = []
    for seed in range(int(seeds)):
        home = CollectionsSimulator(LOGGED, seed=1000 + seed)
        away = CollectionsSimulator(ACCOUNTS, seed=2000 + seed)
        oracle = away.oracle()
        nothing, ranked = (away.run(p, seed=seed) for p in ("no_action", "risk_ranked"))
        beside = (oracle, nothing, ranked)
        runs = {"no action": nothing, "risk ranking": ranked}
        runs["judgement"] = away.run("judgement", seed=seed)
        for kind in ("randomised", "judgement"):
            response = learnt(home, home.run(kind, seed=seed).log)
            runs[f"learnt from {kind} log"] = away.run(strategy(away, response), seed=seed)
            if kind == "randomised":
                usual = ranked.log["treatment"].isin(away.world.harsh).sum() / away.n_months
                gentle = strategy(away, response, 0.38 * usual)
                runs["the same, harsh limited"] = away.run(gentle, seed=seed)
        runs["oracle"] = away.run(oracle.policy, seed=seed)
        rows += [{"seed": seed, **read(name, run, away, *beside)} for name, run in runs.items()]
        print(
            pd.DataFrame(rows).groupby("strategy", sort=False).mean().round(3).to_string(),
            flush=True,
        )
    if out:
        pd.DataFrame(rows).to_csv(out, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:3])
