"""What a strategy learnt from a log brings in the simulator, as a share of the oracle's, by size of the log.

Run as ``python benchmarks/strategy_learning.py --out benchmarks/results/strategy_learning.csv``; beside the
table it writes ``strategy_learning.md``: what was asked, what came, and whether that is enough.

For each seed one department makes a log (randomised with propensities, or by the judgement of its collectors
without), a response is learnt from it, and the learnt strategy runs under the capacities in *another*
department. Neither was drawn before: see HOME and AWAY. Logs of fewer accounts are the first ones of the
same log, so the rows of a strategy are its learning curve. Its value is compared with the oracle's bound
there, whole and over no action, and with risk ranking at the same capacities, and so are contacts (calls,
plans, letters, visits) and harsh actions (letters, visits). At the full log a gentle variant is allowed 58%
of the contacts and 38% of the harsh actions of risk ranking.

What is learnt: the value of an open account from what is known (boosted trees on the discounted sum
of rewards that followed), then for each treatment the reward of the month plus that value of the next
month's state; then once more with the value of the next month's state under the strategy just learnt, a
step of policy iteration. The randomised log gives each treatment by chance within a stage, so that the
response learnt from it is what the treatment does; the one learnt from judgement is only what followed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from delinquency.datasets import CollectionsSimulator
from delinquency.strategy import PredictedResponse, allocate

LOGGED, ACCOUNTS = 100_000, 20_000
SIZES = (2_500, 10_000, 40_000, LOGGED)
# departments that stand nowhere else in the repository: nothing was tuned on them
HOME, AWAY = 9_100, 10_100
HARSH, CONTACTS = 0.38, 0.58  # of what risk ranking uses, for the gentle variant
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


def in_order(log):
    """Return the log by account and month, each row's reward in units of the balance, and who goes on."""
    log = log.sort_values(["account_id", "month"], kind="stable").reset_index(drop=True)
    account = log["account_id"].to_numpy()
    ahead = np.append(account[1:] == account[:-1], False)
    return log, (log["reward"] / log["balance"]).to_numpy(), ahead


def targets(log, discount):
    """Return each row's reward plus the value of what followed under the policy of the log."""
    log, share, ahead = in_order(log)
    to_come = share.copy()
    for row in range(len(log) - 2, -1, -1):
        if ahead[row]:
            to_come[row] += discount * to_come[row + 1]
    value = trees().fit(features(log), to_come).predict(features(log))
    return log, share + discount * np.where(ahead, np.roll(value, -1), 0.0)


def improved(simulator, log, response):
    """Return the same with what would follow under the strategy that was learnt."""
    log, share, ahead = in_order(log)
    choose, worth = strategy(simulator, response), response.predict(features(log))
    value = np.zeros(len(log))
    for month in log.groupby("month").indices.values():
        chosen = worth.columns.get_indexer(choose(log.iloc[month]))
        value[month] = worth.to_numpy()[month, chosen]
    return log, share + simulator.world.discount * np.where(ahead, np.roll(value, -1), 0.0)


def fitted(log, target):
    # squares and products of the signs: less to be misled by than trees, where treatments are rare
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge(300.0))
    return PredictedResponse(model).fit(features(log), log["treatment"].to_numpy(), target)


def learnt(simulator, log):
    first = fitted(*targets(log, simulator.world.discount))
    return fitted(*improved(simulator, log, first))


def strategy(simulator, response, harsh=np.inf, contacts=np.inf):
    """Return the policy that allocates at the learnt values, with so much pressure a month at most."""
    order = list(simulator.treatments)
    needs = {
        **simulator.needs,
        "harsh": np.isin(order, simulator.world.harsh).astype(float),
        "contacts": (~np.isin(order, QUIET)).astype(float),
    }
    limits = {**simulator.capacities, "harsh": harsh, "contacts": contacts}

    def policy(known):
        worth = response.predict(features(known)).reindex(columns=order).to_numpy()
        worth = worth * known["balance"].to_numpy()[:, None]
        worth = np.where(simulator.open(known), worth, -np.inf)
        answer = allocate(worth, needs, limits, tolerance=1e-3)
        return np.array(order, dtype=object)[answer.treatment]

    return policy


def read(name, run, accounts, beside):
    """Return one row of the table."""
    simulator, oracle, nothing, ranked = beside
    base, mine = ranked.log["treatment"], run.log["treatment"]
    return {
        "strategy": name,
        "logged_accounts": accounts,
        "share_of_oracle": run.value / oracle.value,
        "share_over_nothing": (run.value - nothing.value) / (oracle.value - nothing.value),
        "over_risk_ranking": run.value / ranked.value - 1,
        "contacts": contacts_of(mine) / contacts_of(base),
        "harsh": harsh_of(mine, simulator) / harsh_of(base, simulator),
    }


def contacts_of(treatments):
    return int((~treatments.isin(QUIET)).sum())


def harsh_of(treatments, simulator):
    return int(treatments.isin(simulator.world.harsh).sum())


def rows_of(seed, sizes, accounts):
    """Yield the rows of one pair of departments."""
    home = CollectionsSimulator(max(sizes), seed=HOME + seed)
    away = CollectionsSimulator(accounts, seed=AWAY + seed)
    oracle = away.oracle()
    nothing, ranked = (away.run(p, seed=seed) for p in ("no_action", "risk_ranked"))
    beside = (away, oracle, nothing, ranked)
    yield read("no action", nothing, 0, beside)
    yield read("risk ranking", ranked, 0, beside)
    yield read("judgement", away.run("judgement", seed=seed), 0, beside)
    yield read("oracle", away.run(oracle.policy, seed=seed), 0, beside)
    for kind in ("randomised", "judgement"):
        log = home.run(kind, seed=seed).log
        ids = np.sort(log["account_id"].unique())
        for size in sizes:
            response = learnt(home, log[log["account_id"].isin(ids[:size])])
            run = away.run(strategy(away, response), seed=seed)
            yield read(f"learnt from {kind} log", run, size, beside)
        if kind == "randomised":
            usual = ranked.log["treatment"]
            limits = (
                HARSH * harsh_of(usual, away) / away.n_months,
                CONTACTS * contacts_of(usual) / away.n_months,
            )
            run = away.run(strategy(away, response, *limits), seed=seed)
            yield read("the same, gentle", run, max(sizes), beside)


def verdict(table):
    """Return, in words, what was asked and what came."""
    full = table[table["logged_accounts"].isin([0, table["logged_accounts"].max()])]
    mean = full.groupby("strategy").mean(numeric_only=True)
    chance, habit = mean.loc["learnt from randomised log"], mean.loc["learnt from judgement log"]
    gentle, best = mean.loc["the same, gentle"], mean.loc["oracle"]
    even = chance["contacts"] <= 1.005 and chance["over_risk_ranking"] >= 0.08
    soft = gentle["over_risk_ranking"] >= 0 and gentle["contacts"] <= 0.6 and gentle["harsh"] <= 0.4
    lines = [
        (
            f"Learnt from a randomised log: {chance['share_of_oracle']:.1%} of the oracle's value, "
            f"{chance['share_over_nothing']:.1%} of what it adds to no action; 95% of the value were asked",
            chance["share_of_oracle"] >= 0.95,
        ),
        (
            f"Learnt from a log of judgement: {habit['share_of_oracle']:.1%}, "
            f"{habit['share_over_nothing']:.1%} over no action; 85% were asked",
            habit["share_of_oracle"] >= 0.85,
        ),
        (
            f"Over risk ranking at {chance['contacts']:.0%} of its contacts: "
            f"{chance['over_risk_ranking']:+.1%}; 8% at equal contacts were asked (the oracle itself "
            f"brings {best['over_risk_ranking']:+.1%})",
            even,
        ),
        (
            f"Or equal value with less pressure: {gentle['over_risk_ranking']:+.1%} of value at "
            f"{gentle['contacts']:.0%} of the contacts and {gentle['harsh']:.0%} of the harsh actions; "
            "at most 60% and 40% were asked",
            soft,
        ),
    ]
    return [f"- {text}: {'reached' if yes else 'NOT reached'}." for text, yes in lines]


def written(table, out):
    curve = table.groupby(["strategy", "logged_accounts"], sort=False).mean(numeric_only=True)
    curve = curve.drop(columns="seed").round(3).reset_index()
    marks = "|".join("---" for _ in curve.columns)
    body = "\n".join("|" + "|".join(map(str, row)) + "|" for row in curve.to_numpy().tolist())
    pairs = table["seed"].nunique()
    head = f"# Learning in the simulator\n\nMeans of {pairs} pairs of departments, none drawn before.\n"
    text = f"{head}\n" + "\n".join(verdict(table))
    text += f"\n\n|{'|'.join(curve.columns)}|\n|{marks}|\n{body}\n"
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(out, index=False)
    Path(out).with_suffix(".md").write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    given = parser.parse_args()
    rows = []
    for seed in range(given.seeds):
        for row in rows_of(seed, sorted(given.sizes), given.accounts):
            rows.append({"seed": seed, **row})
            print(
                pd.DataFrame([rows[-1]]).round(3).to_string(index=False, header=len(rows) == 1),
                flush=True,
            )
    table = pd.DataFrame(rows)
    print("\n".join(verdict(table)))
    if given.out:
        written(table, given.out)


if __name__ == "__main__":
    main()
