"""How much may change before it is a reason to train again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.storage import quoted

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """How much may change before it is a reason to train again. All are matters of judgement.

    Chance must be ruled out too. Limits on shifts, missing values and rank order are held against the
    end of the interval that lies nearer to "nothing has changed"; a promise must be off by more than the
    limit, and its interval must not hold "not at all".

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
        found = [_problem(name, "expected a finite number that is not negative") for name in wrong]
        if "early_ratio" not in wrong and self.early_ratio <= 1:
            found.append(_problem("early_ratio", "expected a number above 1"))
        if "in_a_row" not in wrong and (self.in_a_row < 1 or self.in_a_row % 1):
            found.append(_problem("in_a_row", "expected a whole number, 1 at least"))
        if found:
            raise InputError(*found)

    def changed(self, to: Mapping[str, float]) -> Limits:
        """Return these limits with some of them changed.

        Parameters
        ----------
        to : mapping of str to float
            Limit to its new value.

        Raises
        ------
        InputError
            ``DLQ-202`` for each name that is no limit, ``DLQ-205`` for values that make no sense.

        Examples
        --------
        >>> Limits().changed({"score_psi": 0.2}).score_psi
        0.2
        """
        names = [entry.name for entry in fields(self)]
        odd = [name for name in to if name not in names]
        if odd:
            known = f"known limits: {', '.join(names)}"
            raise InputError(
                *(
                    Problem(
                        "DLQ-202", "unknown limit", quoted(n), fix=did_you_mean(n, names) or known
                    )
                    for n in odd
                )
            )
        new = replace(self, **to)
        return replace(new, in_a_row=int(new.in_a_row))


def _problem(name: str, what: str) -> Problem:
    return Problem(
        "DLQ-205", what, f"limits.{name}", 1, "change it, or leave it out for the default"
    )
