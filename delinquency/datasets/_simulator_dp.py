"""The best that can be done in the simulator's world: backward induction for each account.

With a price on each capacity the accounts fall apart, and one account is a small Markov decision
process: stage x fatigue x month. Its value at any prices, plus the prices times the capacities, is
never below the value of a policy that keeps to the capacities.
"""

from __future__ import annotations

import numpy as np

from delinquency.kernels import compiled

__all__ = ["best_plans", "pays"]

N_STAGES, N_FATIGUE = 6, 3


@compiled
def pays(base, effect, chance, wear):
    """Return the probability to pay: reached with some chance, and then moved by the worn effect."""
    plain = 1.0 / (1.0 + np.exp(-base))
    moved = 1.0 / (1.0 + np.exp(-(base + effect * wear)))
    return (1.0 - chance) * plain + chance * moved


@compiled
def best_plans(
    log_odds,
    push,
    effect,
    chance,
    cure,
    balance,
    first,
    numbers,
    tables,
    opens,
    price,
    worth,
    plan,
    used,
):
    """Write each account's best plan and what the plans use; return what they are worth together.

    `numbers` are instalment, settlement, write-off, discount, wear, conduct price; `tables` are, by
    treatment, fatigue, cost and complaint, then the needs of each capacity; `first` is the stage now;
    `price` and `used` are by capacity and month; `plan` is ``[i, month, stage, fatigue]``.
    """
    instalment, settlement, write_off, discount, wear, conduct = numbers
    actions = effect.shape[1]
    kinds, months = price.shape
    total = 0.0
    p = np.empty((5, N_FATIGUE, actions))
    for i in range(len(balance)):
        for s in range(5):
            for f in range(N_FATIGUE):
                for a in range(actions):
                    p[s, f, a] = pays(log_odds[s] + push[i], effect[i, a], chance[i, a], wear**f)
        choice = plan[i]
        value = np.zeros((N_STAGES, N_FATIGUE))
        for s in range(N_STAGES):
            value[s, :] = balance[i] * worth[s]
        for month in range(months - 1, -1, -1):
            fresh = np.zeros((N_STAGES, N_FATIGUE))
            for s in range(5):
                for f in range(N_FATIGUE):
                    best = -np.inf
                    for a in range(actions):
                        left = -np.inf
                        if opens[a, 0] <= s <= opens[a, 1]:
                            after = _fatigue(f, tables[0, a])
                            left = _worth(
                                s,
                                p[s, f, a],
                                cure[i],
                                balance[i],
                                instalment,
                                settlement,
                                write_off,
                                discount,
                                value[:, after],
                            )
                            left -= tables[1, a] + conduct * tables[2, a] * (1 + 0.5 * f)
                            for k in range(kinds):
                                left -= price[k, month] * tables[3 + k, a]
                        if left > best:
                            best = left
                            choice[month, s, f] = a
                    fresh[s, f] = best
            value = fresh
        total += value[first[i], 0]
        _add_use(first[i], p, cure[i], write_off, tables, choice, used)
    return total


@compiled
def _fatigue(f, adds):
    return min(f + int(adds), N_FATIGUE - 1) if adds > 0 else max(f - 1, 0)


@compiled
def _worth(s, p, cure, balance, instalment, settlement, write_off, discount, value):
    """Return what a month brings: payments now, and what the next stage is worth."""
    due = instalment * balance
    if s == 0:
        return p * (due + discount * value[0]) + (1 - p) * discount * value[1]
    if s == 4:
        stay = (1 - write_off) * discount * value[4]
        return p * settlement * balance + (1 - p) * stay
    paid = cure * ((s + 1) * due + discount * value[0]) + (1 - cure) * (due + discount * value[s])
    return p * paid + (1 - p) * discount * value[s + 1]


@compiled
def _add_use(first, p, cure, write_off, tables, choice, used):
    """Walk the chances of the stages forward and add up what the plan uses."""
    share = np.zeros((N_STAGES, N_FATIGUE))
    share[first, 0] = 1.0
    for month in range(used.shape[1]):
        after = np.zeros((N_STAGES, N_FATIGUE))
        for s in range(5):
            for f in range(N_FATIGUE):
                here = share[s, f]
                if here == 0.0:
                    continue
                a = choice[month, s, f]
                g = _fatigue(f, tables[0, a])
                for k in range(len(used)):
                    used[k, month] += here * tables[3 + k, a]
                paying = p[s, f, a] * here
                if s == 0:
                    after[0, g] += paying
                    after[1, g] += here - paying
                elif s == 4:
                    after[4, g] += (here - paying) * (1 - write_off)
                else:
                    after[0, g] += paying * cure
                    after[s, g] += paying * (1 - cure)
                    after[s + 1, g] += here - paying
        share = after
