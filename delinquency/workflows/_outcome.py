"""What counts as bad, and of whom it is said."""

from __future__ import annotations

import pandas as pd

from delinquency import history, schema, scoring
from delinquency.errors import IntegrityError, Problem

__all__ = ["KEY", "label_of", "population"]

KEY = list(schema.SCORES.key)


def label_of(scorer: scoring.Scorer, label: history.LabelSpec | None) -> history.LabelSpec | None:
    """Return what counts as bad: what is asked for, else what the bundle says; None when it does not.

    Raises
    ------
    IntegrityError
        ``DLQ-603`` when the bundle says something that is no label.
    """
    kept = scorer.about.get("outcome")
    if label is not None or kept is None:
        return label
    try:
        who = history.Population(**kept["population"])
        return history.LabelSpec(**{**kept, "population": who})
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        what = "the bundle does not say in a form of ours what counts as bad"
        fix = "train it again, or give the label"
        raise IntegrityError(Problem("DLQ-603", what, "bundle", fix=fix)) from error


def population(snapshots: history.Snapshots, spec: history.LabelSpec | None) -> pd.MultiIndex:
    """Return accounts and snapshot dates that a label speaks of; every open account without one."""
    told = history.label(snapshots, spec or history.LabelSpec(within=1))
    inside = ~told["why"].str.startswith("excluded")
    return pd.MultiIndex.from_frame(told.loc[inside, KEY])
