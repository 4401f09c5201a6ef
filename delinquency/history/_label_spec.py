"""What counts as bad: definitions as values, and the presets of the field."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from delinquency.buckets import scheme_of
from delinquency.errors import InputError, Problem, did_you_mean

__all__ = ["EVENTS", "PRESETS", "LabelSpec", "Population"]

EVENTS = ("late", "worse_bucket", "not_cured", "paid_share")


@dataclass(frozen=True)
class Population:
    """Which accounts a label speaks of, by where they stood at the snapshot.

    Parameters
    ----------
    min_dpd, max_dpd : int
        Days past due at the snapshot, both ends included; no upper end when None.
    min_months_on_book : int
        At least this old.
    min_previous_dpd : int
        At least this late in the month before: accounts that have just cured, with ``max_dpd=0``.
    open_only : bool
        Leave out accounts that had been paid off, charged off, sold or closed by then.

    Examples
    --------
    >>> Population(max_dpd=29, min_months_on_book=6).open_only
    True
    """

    min_dpd: int = 0
    max_dpd: int | None = None
    min_months_on_book: int = 0
    min_previous_dpd: int = 0
    open_only: bool = True


@dataclass(frozen=True)
class LabelSpec:
    """What counts as bad, in which window, for whom.

    Parameters
    ----------
    dpd : int
        For ``event="late"``: bad is this many days past due or more; a charge-off is bad as well.
    within : int
        Months after the snapshot that are looked at; the window is closed at both ends.
    at_end : bool
        Look at the window's last month alone; otherwise the account is bad when it was ever so.
    indeterminate : int, optional
        An account that reached this many days, but not `dpd`, is neither good nor bad.
    event : {"late", "worse_bucket", "not_cured", "paid_share"}
        ``late``: `dpd` days or more. ``worse_bucket``: in a worse bucket than at the snapshot, or charged
        off. ``not_cured``: never without arrears inside the window. ``paid_share``: paid and recovered
        less than `share` of what was owed at the snapshot; `label` then tells the share too.
    share : float
        For ``event="paid_share"``.
    buckets : str
        For ``event="worse_bucket"``; see `delinquency.buckets.scheme_of`.
    population : Population
        Accounts outside it get no label.

    Raises
    ------
    InputError
        ``DLQ-213`` for a definition that makes no sense.

    Examples
    --------
    >>> LabelSpec(dpd=60, within=12, indeterminate=30).indeterminate
    30
    >>> LabelSpec.preset("behaviour_90_12", within=6).within
    6
    """

    dpd: int = 30
    within: int = 3
    at_end: bool = False
    indeterminate: int | None = None
    event: str = "late"
    share: float = 0.5
    buckets: str = "generic"
    population: Population = field(default_factory=Population)

    def __post_init__(self) -> None:
        rules = [
            ("dpd and within are 1 at least", self.dpd >= 1 and self.within >= 1),
            ("share lies above 0", self.share > 0),
        ]
        if self.indeterminate is not None:
            sound = 0 < self.indeterminate < self.dpd and self.event == "late"
            rules.append(("indeterminate lies between 1 and dpd - 1", sound))
        problems = [Problem("DLQ-213", what, "LabelSpec") for what, holds in rules if not holds]
        if self.event not in EVENTS:
            fix = did_you_mean(self.event, EVENTS) or "use " + ", ".join(EVENTS)
            problems.append(Problem("DLQ-213", "event is not known", "LabelSpec", fix=fix))
        if problems:
            raise InputError(*problems)
        scheme_of(self.buckets)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> LabelSpec:
        """Return one of the field's usual definitions, with changes where you need them.

        ======================  ============================================  ======  ================
        name                    population                                    months  bad
        ======================  ============================================  ======  ================
        ``behaviour_90_12``     open, 0-29 days late, 6 months on book        12      ever 90+
        ``behaviour_60_12``     the same                                      12      ever 60+
        ``early_warning_roll30``  current                                     3       ever 30+
        ``roll_forward``        open                                          1       a worse bucket
        ``cure_30``             entered arrears: 1-5 days late                1       not cured
        ``recovery_180``        180+ days late or charged off                 12      paid under half
        ``redefault_12``        current after 30+ days in the month before    12      30+ again
        ======================  ============================================  ======  ================

        First-payment default needs the ledger: see `label_first_payment`.

        Raises
        ------
        InputError
            ``DLQ-213`` for an unknown name.
        """
        if name not in PRESETS:
            fix = did_you_mean(name, PRESETS) or "use " + ", ".join(PRESETS)
            raise InputError(Problem("DLQ-213", f'no preset "{name}"', "LabelSpec", fix=fix))
        return replace(PRESETS[name], **changes)


_BEHAVIOUR = Population(max_dpd=29, min_months_on_book=6)
PRESETS = {
    "behaviour_90_12": LabelSpec(dpd=90, within=12, population=_BEHAVIOUR),
    "behaviour_60_12": LabelSpec(dpd=60, within=12, population=_BEHAVIOUR),
    "early_warning_roll30": LabelSpec(dpd=30, within=3, population=Population(max_dpd=0)),
    "roll_forward": LabelSpec(event="worse_bucket", within=1),
    "cure_30": LabelSpec(event="not_cured", within=1, population=Population(min_dpd=1, max_dpd=5)),
    "recovery_180": LabelSpec(
        event="paid_share", within=12, population=Population(min_dpd=180, open_only=False)
    ),
    "redefault_12": LabelSpec(
        dpd=30, within=12, population=Population(max_dpd=0, min_previous_dpd=30)
    ),
}
