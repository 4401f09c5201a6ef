"""A plan under an experiment: each person on one arm, each row with the chance of its treatment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from delinquency.strategy._draft import Draft
from delinquency.strategy._gates import Gates
from delinquency.strategy._strategy import Strategy

__all__ = ["drafted"]


def drafted(
    units: pd.Series, gates: Gates, strategy: Strategy, pair: np.ndarray
) -> tuple[Draft, np.ndarray]:
    """Return the draft, and the arm of each account.

    Every arm's cells are walked for every account: what an account would have got on another arm is
    part of the chance of what it got. Accounts under a hold are outside: a hold is never
    randomised.
    """
    trial, experiment = strategy.file.experiment, strategy.experiment
    if trial is None or experiment is None:
        draft = Draft(units, gates, strategy)
        draft.fill(pair)
        return draft, np.full(len(units), strategy.file.role, dtype=object)
    drafts = {arm: Draft(units, gates, strategy) for arm in trial.arms}
    final = Draft(units, gates, strategy)
    free = ~final.held
    arm = experiment.assign(units, eligible=free)["arm"].to_numpy(dtype=object)
    for name, draft in drafts.items():
        if name == trial.hold_out:
            draft.hold_out(np.flatnonzero(pair >= 0))
        else:
            draft.fill(pair, name)
            final.take(draft, np.flatnonzero(~free))  # whichever arm: a hold leads to care on all
        final.take(draft, np.flatnonzero(arm == name))
    chance = sum(
        share * drafts[name].chance_of(final.text["treatment"])
        for name, share in trial.arms.items()
    )
    final.propensity[free] = np.minimum(chance, 1.0)[free]
    return final, arm
