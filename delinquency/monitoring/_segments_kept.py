"""What a bundle keeps of each segment at training, so that monitoring recomputes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from delinquency.errors import InputError, Problem
from delinquency.monitoring._outcomes import outcomes
from delinquency.monitoring._segments import Cohort, count_segments
from delinquency.scoring import Reference, Scorer, Segmentation

__all__ = ["keep_segments"]

_LEAST = 10  # accounts: two bins of five, below which `judge_segments` says nothing of any feature
_RANKS = ["n", "bads", "auc", "auc_low", "auc_high"]


def keep_segments(
    scorer: Scorer, then: Cohort, segments: Mapping[str, Any], labels: Any = None
) -> Scorer:
    """Return the scorer with what monitoring by segment needs of the accounts of training.

    For each column: the accounts of each segment in the bins of the whole book, and how the score
    ranked in it. Nothing of single accounts is kept: a segment of fewer than ten, which could not be
    judged anyway, is left out.

    Parameters
    ----------
    scorer : Scorer
        With a reference.
    then : Cohort
        The accounts that its reference counts: features of those it learnt from, scores of those it
        did not.
    segments : mapping of str to Series or mapping
        For each column, account to segment; an account that has none is in ``unknown``.
    labels : table, optional
        Outcomes of the scored accounts; see `delinquency.schema.LABELS`. Without them rank order by
        segment is not judged.

    Raises
    ------
    InputError
        ``DLQ-140`` when the scorer has no reference; as `segment_names`; ``DLQ-103`` when a column has
        no segment of ten accounts, when the accounts are not those of the reference, for more
        than ten columns, or a name that cannot be kept: empty, above a hundred characters, with
        control characters.

    Examples
    --------
    >>> from delinquency import datasets, history, workflows
    >>> book, late = datasets.make_portfolio(1500, 18, seed=1), history.LabelSpec(dpd=1)
    >>> asked = {"as_of": "2025-12-31", "label": late, "windows": (3,), "bands": 2}
    >>> trained = workflows.train(book.months, accounts=book.accounts, **asked)  # calls this
    >>> trained.scorer.reference.segments[0].outcomes()["segment"].tolist()
    ['near_prime', 'prime', 'thin_file']
    """
    kept = scorer.reference
    if kept is None:
        what = "no reference: the bundle does not keep how its training accounts were spread"
        raise InputError(Problem("DLQ-140", what, "bundle", fix="train again with this version"))
    counted = [_counted(kept, then, column, of, labels) for column, of in segments.items()]
    return replace(scorer, reference=replace(kept, segments=tuple(counted)))


def _counted(
    kept: Reference, then: Cohort, column: str, segments: Any, labels: Any
) -> Segmentation:
    whole = count_segments(kept, then, segments, column=column)
    large = whole.accounts[:, 0] >= _LEAST
    if not large.any():
        what, fix = f"no segment has {_LEAST} accounts", "name a column of groups, not of people"
        raise InputError(Problem("DLQ-103", what, "segments", fix=fix))
    names = tuple(np.array(whole.names, dtype=object)[large])
    parts = {name: part[large] for name, part in whole.arrays().items()}
    found = Segmentation(column, names, **parts)
    if labels is None:
        return found
    # the noise band of the calibration error is not kept, so one sample of it is enough
    came = outcomes(then.scores, labels, segments=segments, simulations=1).set_index("segment")
    ranks = came[_RANKS].reindex(list(names)).astype("float64").fillna({"n": 0, "bads": 0})
    return replace(found, ranks=ranks.to_numpy())
