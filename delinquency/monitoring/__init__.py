"""Is it still true? What has moved since training, what came of the promises, and whether to train again.

`stability` holds accounts of today against the counts that the bundle keeps of its training accounts, and
says what chance alone would show; `drift` sums it up by family of features. `outcomes` holds promises
against what came, once it can be known; `early_reads` speaks of snapshots whose time is not over.
`retrain_reasons` turns all of it into a list: an empty one says that nothing asks for a new model.
"""

from delinquency.monitoring._early import early_reads, timing
from delinquency.monitoring._outcomes import outcomes
from delinquency.monitoring._psi import Psi, psi_of
from delinquency.monitoring._reasons import Limits, Reason, retrain_reasons
from delinquency.monitoring._stability import drift, stability

__all__ = [
    "Limits",
    "Psi",
    "Reason",
    "drift",
    "early_reads",
    "outcomes",
    "psi_of",
    "retrain_reasons",
    "stability",
    "timing",
]
