"""How much comes back? Cure against default, and the amount and timing of what is recovered.

`CureModel` says for each month ahead how likely an account is to be cured, to default or to be paid off;
`RecoveryModel` says how much of a balance in default is paid, and when. Both learn from histories that
are cut off (censored) or joined late (left truncated), and both fall back on what has a closed form,
`aalen_johansen`, where the features say nothing.
"""

from delinquency.recovery._cure import CureModel
from delinquency.recovery._hazards import aalen_johansen
from delinquency.recovery._recovery import RecoveryModel

__all__ = ["CureModel", "RecoveryModel", "aalen_johansen"]
