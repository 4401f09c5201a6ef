"""How much may change before it is a reason to train again."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from delinquency.errors import InputError, Problem

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """How much may change before it is a reason to train again. All are matters of judgement.

    Chance must be ruled out too: each limit is held against the end of the interval that lies nearer to
    "nothing has changed".

    Parameters
    ----------
    score_psi, feature_psi : float
        Population stability index of the score, and of a feature.
    feature_use : float
        Features with less than this share of the score's decisions are no reason.
    missing : float
        Rise or fall of the share of missing values of a feature.
    log_odds : float
        Miscalibration, as log-odds added to every probability: 0.25 is a quarter more bads than promised.
    auc_loss : float
        Fall of the AUC below that of the hold-out at training.
    early_ratio : float
        Bads so far over those expected by now, or the reverse.
    in_a_row : int
        Latest months that must all say so.

    Raises
    ------
    InputError
        ``DLQ-205`` for limits that are not positive.

    Examples
    --------
    >>> Limits(score_psi=0.25).auc_loss
    0.03
    """

    score_psi: float = 0.10
    feature_psi: float = 0.25
    feature_use: float = 0.02
    missing: float = 0.05
    log_odds: float = 0.25
    auc_loss: float = 0.03
    early_ratio: float = 1.25
    in_a_row: int = 1

    def __post_init__(self) -> None:
        wrong = [name for name, value in asdict(self).items() if not 0 <= value < np.inf]
        if self.in_a_row < 1:
            wrong.append("in_a_row")
        if self.early_ratio <= 1:
            wrong.append("early_ratio")
        if wrong:
            what = "a limit is not negative, early_ratio is above 1 and in_a_row is 1 at least"
            raise InputError(Problem("DLQ-205", what, f"limits.{wrong[0]}", len(wrong)))
