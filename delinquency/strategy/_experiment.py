"""Who is on which arm: by a hash of the person, so that arms never move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from delinquency.errors import InputError, Problem
from delinquency.schema import hash_share

__all__ = ["Experiment", "SampleRatio", "power", "sample_size"]


@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms are as large as they were meant to be.

    A small p says that somebody is missing from an arm: the read-out is then worth nothing until the
    reason is found, whatever it says.

    Attributes
    ----------
    counts, expected : dict
        Persons seen and persons expected by arm.
    statistic, p : float
        Chi-square and its p-value.
    """

    counts: dict[str, int]
    expected: dict[str, float]
    statistic: float
    p: float

    @property
    def sound(self) -> bool:
        """Whether p is at least 0.001, the usual alarm."""
        return self.p >= 0.001


@dataclass(frozen=True)
class Experiment:
    """An experiment: arms with their shares, given to persons by a hash.

    The arm is where ``sha256("salt|name|person")``, first eight bytes as a share of 2**64, falls among
    the shares laid end to end in the order given. It depends on nothing else: accounts that come
    or go move nobody, two accounts of a person are on one arm, and any machine finds the same. Hold
    out nobody who has a right to a treatment, nor a hold or a notice that the law asks for: keep
    them outside with `eligible`.

    Parameters
    ----------
    name : str
        Another name parts the persons anew.
    arms : mapping of str to float
        Shares above 0 that add up to 1; by custom the first is the champion.
    salt : str
        Kept secret where a person could gain by knowing the arm.

    Examples
    --------
    >>> trial = Experiment("letters", arms={"champion": 0.9, "challenger": 0.1}, salt="2026")
    >>> trial.assign([11, 12, 13, 27])
             arm  propensity
    0   champion         0.9
    1   champion         0.9
    2   champion         0.9
    3   champion         0.9
    >>> Experiment("letters", arms={"champion": 0.9, "challenger": 0.2})
    Traceback (most recent call last):
        ...
    delinquency.errors.InputError: DLQ-170 experiment: the shares add up to 1.1, not 1. fix: ...
    """

    name: str
    arms: Mapping[str, float]
    salt: str = ""

    def __post_init__(self) -> None:
        problems = _arm_problems(self.arms)
        if not str(self.name):
            problems.append(Problem("DLQ-170", "the name is empty", "experiment", fix="name it"))
        if problems:
            raise InputError(*problems)
        shares = {str(arm): float(share) for arm, share in self.arms.items()}
        object.__setattr__(self, "arms", MappingProxyType(shares))

    def __reduce__(self) -> tuple[Any, ...]:
        # a mapping proxy cannot travel between processes
        return type(self), (self.name, dict(self.arms), self.salt)

    def assign(self, person_ids: Any, *, eligible: Any = None) -> pd.DataFrame:
        """Return the arm of each person and the share of persons who get it.

        Parameters
        ----------
        person_ids : array-like of shape (n,)
            Text or integers; a person may stand on many rows.
        eligible : array-like of bool, optional
            Who may be randomised; the others get the arm "outside" with propensity 1.

        Returns
        -------
        DataFrame
            ``arm, propensity``, one row for each id, in the order given.

        Raises
        ------
        InputError
            ``DLQ-103`` ids that are neither text nor integers, ``DLQ-104`` missing ids.
        """
        ids = _admit_ids(person_ids)
        share = hash_share(ids, f"{self.salt}|{self.name}")
        names = np.array([*self.arms, "outside"], dtype=object)
        weights = np.array([*self.arms.values(), 1.0])
        place = np.searchsorted(np.cumsum(weights[:-1]), share, side="right")
        # shares that add up to 1 - 1e-16 must not leave the last person without an arm
        place = np.minimum(place, len(self.arms) - 1)
        if eligible is not None:
            place = np.where(_admit_flags(eligible, len(ids)), place, len(self.arms))
        return pd.DataFrame({"arm": names[place], "propensity": weights[place]})

    def check_ratio(self, person_ids: Any, arm: Any) -> SampleRatio:
        """Return whether the persons seen on each arm are as many as the shares say.

        Parameters
        ----------
        person_ids, arm : array-like of shape (n,)
            As logged; a person counts once on an arm. Rows of the arm "outside" do not count.

        Raises
        ------
        InputError
            ``DLQ-171`` arms that the experiment does not have; ``DLQ-100`` nobody on any arm.

        Examples
        --------
        >>> trial = Experiment("letters", arms={"a": 0.5, "b": 0.5})
        >>> trial.check_ratio(range(1000), ["a"] * 560 + ["b"] * 440).sound
        False
        """
        seen = pd.DataFrame({"person": _admit_ids(person_ids), "arm": np.asarray(arm, dtype=str)})
        seen = seen[seen["arm"] != "outside"].drop_duplicates()
        unknown = int((~seen["arm"].isin(list(self.arms))).sum())
        if unknown:
            fix = "known arms: " + ", ".join(self.arms)
            raise InputError(
                Problem("DLQ-171", f"{unknown:,} persons are on other arms", "arm", unknown, fix)
            )
        if seen.empty:
            raise InputError(Problem("DLQ-100", "no rows", "arm", 0, "nobody is on any arm"))
        found = seen["arm"].value_counts()
        counts = {arm: int(found.get(arm, 0)) for arm in self.arms}
        expected = {arm: share * len(seen) for arm, share in self.arms.items()}
        statistic = sum((counts[arm] - expected[arm]) ** 2 / expected[arm] for arm in counts)
        p = float(chi2.sf(statistic, len(counts) - 1)) if len(counts) > 1 else 1.0
        return SampleRatio(counts, expected, float(statistic), p)


def _arm_problems(arms: Mapping[str, float]) -> list[Problem]:
    where, problems = "experiment", []
    try:
        shares = [float(share) for share in arms.values()]
    except (TypeError, ValueError, AttributeError):
        fix = 'arms={"champion": 0.9, "challenger": 0.1}'
        return [Problem("DLQ-170", "expected a mapping of arms to shares", where, fix=fix)]
    if not all(0 < share <= 1 for share in shares):
        what = "a share is not above 0 and at most 1"
        problems.append(Problem("DLQ-170", what, where, fix="leave an arm without a share out"))
    elif abs(sum(shares) - 1) > 1e-9:
        what = f"the shares add up to {sum(shares):.6g}, not 1"
        problems.append(Problem("DLQ-170", what, where, fix="shares of all persons add up to 1"))
    if "outside" in arms:
        what = 'the arm "outside" is the name of those who are not randomised'
        problems.append(Problem("DLQ-170", what, where, fix="choose another name"))
    return problems


def _admit_ids(person_ids: Any) -> pd.Series:
    ids = pd.Series(list(person_ids) if not hasattr(person_ids, "dtype") else person_ids)
    ids = ids.reset_index(drop=True)
    missing = int(ids.isna().sum())
    if missing:
        what = f"ids are missing in {missing:,} of {len(ids):,} rows"
        raise InputError(Problem("DLQ-104", what, "person_ids", missing, "give each an id"))
    kind = pd.api.types.infer_dtype(ids, skipna=True) if len(ids) else "string"
    if kind not in ("string", "integer"):
        what = f"expected text or integers, got {kind}"
        raise InputError(Problem("DLQ-103", what, "person_ids", fix="export ids as text"))
    return ids


def _admit_flags(eligible: Any, n: int) -> np.ndarray:
    flags = np.asarray(eligible)
    if flags.shape != (n,) or flags.dtype != bool:
        what = f"expected {n:,} flags, true or false"
        raise InputError(Problem("DLQ-103", what, "eligible", fix="one flag for each id"))
    return flags


def sample_size(
    effect: float,
    *,
    rate: float | None = None,
    spread: float | None = None,
    shares: tuple[float, float] = (0.5, 0.5),
    power: float = 0.8,
    level: float = 0.95,
) -> int:
    """Return how many persons both arms together need to see a difference.

    ``n = (z_{1-a/2} + z_power)^2 (v1/s1 + v2/s2) / effect^2`` with the variances v of the two arms and
    their shares s of the persons; two-sided, variances not pooled. Fleiss, Statistical Methods for
    Rates and Proportions (1981), chapter 3.

    Parameters
    ----------
    effect : float
        Smallest difference worth seeing, in the unit of the metric.
    rate : float, optional
        Share of the control arm that responds, for a metric that is yes or no.
    spread : float, optional
        Standard deviation of the metric over persons, for amounts. One of the two is given.
    shares : (float, float)
        Control and challenger as shares of the persons.
    power, level : float
        Chance of seeing the effect if it is there; one less the chance of seeing one that is not.

    Examples
    --------
    From 20% to 25% cured takes 1,091 on each arm:

    >>> sample_size(0.05, rate=0.20)
    2182
    """
    variance = _variance(effect, rate, spread, shares)
    z = norm.ppf(1 - (1 - level) / 2) + norm.ppf(power)
    return int(np.ceil(z**2 * variance / effect**2))


def power(
    n: int,
    effect: float,
    *,
    rate: float | None = None,
    spread: float | None = None,
    shares: tuple[float, float] = (0.5, 0.5),
    level: float = 0.95,
) -> float:
    """Return the chance to see an effect with so many persons in both arms; see `sample_size`.

    Examples
    --------
    >>> round(power(2182, 0.05, rate=0.20), 3)
    0.8
    """
    variance = _variance(effect, rate, spread, shares)
    z = abs(effect) / np.sqrt(variance / n)
    edge = norm.ppf(1 - (1 - level) / 2)
    return float(norm.sf(edge - z) + norm.cdf(-edge - z))


def _variance(
    effect: float, rate: float | None, spread: float | None, shares: tuple[float, float]
) -> float:
    """Return the variance of the difference, times the number of persons."""
    good = effect != 0 and (rate is None) != (spread is None) and min(shares) > 0
    good = good and sum(shares) <= 1 + 1e-9
    if good and rate is not None:
        good = 0 < rate < 1 and 0 <= rate + effect <= 1
    if not good or (spread is not None and spread <= 0):
        what = "expected an effect, one of rate and spread, and two shares above 0"
        fix = "a rate and the rate plus the effect lie between 0 and 1"
        raise InputError(Problem("DLQ-172", what, "sample_size", fix=fix))
    if rate is None:
        variances = (float(spread or 0) ** 2,) * 2
    else:
        variances = (rate * (1 - rate), (rate + effect) * (1 - rate - effect))
    return variances[0] / shares[0] + variances[1] / shares[1]
