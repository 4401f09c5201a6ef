"""Is it still true? What has moved since training, what came of the promises, and whether to train again.

`stability` holds accounts of today against the counts that the bundle keeps of its training accounts, and
says what chance alone would show; `drift` sums it up by family of features. `outcomes` holds promises
against what came, once it can be known; `early_reads` speaks of snapshots whose time is not over.
`segment_stability` and `judge_segments` ask the same of each segment, or say that it is too small;
`keep_segments` lets the bundle keep what they need of the accounts of training.
`retrain_reasons` turns all of it into a list: an empty one says that nothing asks for a new model.
"""

from delinquency.monitoring._early import early_reads, timing
from delinquency.monitoring._limits import Limits
from delinquency.monitoring._outcomes import outcomes
from delinquency.monitoring._psi import Psi, psi_of
from delinquency.monitoring._reasons import Reason, retrain_reasons
from delinquency.monitoring._segments import Cohort, segment_names, segment_stability
from delinquency.monitoring._segments_kept import keep_segments
from delinquency.monitoring._stability import drift, stability
from delinquency.monitoring._verdicts import judge_segments

__all__ = [
    "Cohort",
    "Limits",
    "Psi",
    "Reason",
    "drift",
    "early_reads",
    "judge_segments",
    "keep_segments",
    "outcomes",
    "psi_of",
    "retrain_reasons",
    "segment_names",
    "segment_stability",
    "stability",
    "timing",
]
