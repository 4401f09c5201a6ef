"""The door of a policy's value: the log, and the policy that is asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema
from delinquency.errors import InputError, Problem, did_you_mean

__all__ = ["Log", "admit_log", "admit_policy", "wanted_of"]

# what a log holds beside what was known: ids, and what came after the treatment
_NOT_KNOWN = frozenset(
    "account_id person_id value paid cost complaint collected recovered cured rolled bad".split()
)


@dataclass(frozen=True)
class Log:
    """A log past the door: treatments, cells and persons as numbers."""

    treatment: np.ndarray
    reward: np.ndarray
    propensity: np.ndarray
    person: np.ndarray
    names: pd.Index
    features: np.ndarray
    cell: np.ndarray
    cells: list[str]


def admit_policy(policy: Any, table: pd.DataFrame, treatment: str) -> Any:
    """Return one treatment, or one row of probabilities, for each row of the log."""
    if isinstance(policy, Callable):
        policy = policy(table)
    if isinstance(policy, str):
        if policy not in table or policy == treatment:
            raise InputError(
                Problem("DLQ-181", "no such column holds the policy", "policy", fix="name another")
            )
        policy = table[policy]
    if hasattr(policy, "__arrow_c_stream__") and len(np.shape(policy)) == 2:
        policy = schema.to_frame(policy, "policy")  # polars and Arrow: columns keep their names
    shape = np.shape(policy)
    if len(shape) not in (1, 2) or shape[0] != len(table):
        what = f"expected one treatment or one row of probabilities for each of {len(table):,} rows"
        raise InputError(
            Problem("DLQ-181", what, "policy", fix="one entry for each row of the log")
        )
    return policy


def admit_log(
    table: pd.DataFrame,
    names: dict[str, str],
    features: Sequence[str] | None,
    cells: tuple[str, ...],
) -> Log:
    """Check the log and lay it out as arrays."""
    needed = [names["treatment"], names["reward"], names["propensity"], *cells, *(features or ())]
    lacking = [name for name in needed if name not in table]
    if lacking or table.empty:
        hints = [did_you_mean(name, map(str, table.columns)) or "add it" for name in lacking]
        raise InputError(
            *(
                Problem("DLQ-102", f'column "{name}" is missing', "log", 1, hint)
                for name, hint in zip(lacking, hints, strict=True)
            ),
            *(
                [Problem("DLQ-100", "no rows", "log", 0, "there is nothing to evaluate")]
                if table.empty
                else []
            ),
        )
    _refuse_values(table, names)
    matrix = _features_of(table, names, features)
    codes, treatments = pd.factorize(table[names["treatment"]].astype(str), sort=True)
    alone = np.arange(len(table))
    known = names["person"] in table
    person = pd.factorize(table[names["person"]], sort=True)[0] if known else alone
    cell, labels = np.zeros(len(table), dtype="int64"), ["all"]
    if cells:
        text = table[list(cells)].astype(str).agg(" / ".join, axis=1)
        cell, found = pd.factorize(text, sort=True)
        labels = [str(label) for label in found]
    numbers = {name: table[names[name]].to_numpy("float64") for name in ("reward", "propensity")}
    at = (codes, numbers["reward"], numbers["propensity"], person)
    return Log(*at, pd.Index(treatments), matrix, cell, labels)


def _features_of(
    table: pd.DataFrame, names: dict[str, str], features: Sequence[str] | None
) -> np.ndarray:
    """Return what the model of the reward may use (n, features), NaN for missing."""
    if features is None:
        numeric = table.select_dtypes("number").columns
        beside = {*names.values(), *_NOT_KNOWN, *schema.audit_only(numeric)}
        features = [name for name in numeric if name not in beside]
    schema.refuse_protected(features, "features")
    try:
        return table[list(features)].to_numpy("float64", na_value=np.nan)
    except (TypeError, ValueError):
        what, fix = "some features are no numbers", "encode text as numbers, or leave it out"
        raise InputError(Problem("DLQ-103", what, "features", fix=fix)) from None


def _refuse_values(table: pd.DataFrame, names: dict[str, str]) -> None:
    problems = []
    for role in ("treatment", "person"):
        if names[role] in table and table[names[role]].isna().any():
            count = int(table[names[role]].isna().sum())
            problems.append(
                Problem(
                    "DLQ-104",
                    f"values are missing in {count:,} rows",
                    f"log.{names[role]}",
                    count,
                    "fill them, or leave the rows out",
                )
            )
    reward = pd.to_numeric(table[names["reward"]], errors="coerce").to_numpy("float64")
    if not np.isfinite(reward).all():
        count = int((~np.isfinite(reward)).sum())
        fix = "leave immature rows out; who paid nothing has paid 0"
        what = f"values are missing or no numbers in {count:,} rows"
        problems.append(Problem("DLQ-104", what, f"log.{names['reward']}", count, fix))
    chance = pd.to_numeric(table[names["propensity"]], errors="coerce").to_numpy("float64")
    wrong = ~((chance > 0) & (chance <= 1))
    if wrong.any():
        count = int(wrong.sum())
        what = f"propensities are not above 0 and at most 1 in {count:,} rows"
        fix = "log the chance that the treatment given had when it was chosen"
        problems.append(Problem("DLQ-180", what, f"log.{names['propensity']}", count, fix))
    if problems:
        raise InputError(*problems)


def wanted_of(chosen: Any, known: Log) -> tuple[np.ndarray, Log]:
    """Return the policy's probabilities over all treatments, logged and wanted."""
    if np.ndim(chosen) == 2:
        table = chosen if isinstance(chosen, pd.DataFrame) else pd.DataFrame(np.asarray(chosen))
        if not isinstance(chosen, pd.DataFrame) and table.shape[1] == len(known.names):
            table.columns = known.names
        labels = pd.Index(table.columns.astype(str))
        try:
            share = table.to_numpy("float64", na_value=np.nan)
        except (TypeError, ValueError):
            share = np.full(table.shape, np.nan)
        if not (np.isfinite(share).all() and (share >= 0).all() and np.allclose(share.sum(1), 1)):
            what = "probabilities of a row are missing, below 0 or do not add up to 1"
            raise InputError(Problem("DLQ-181", what, "policy", fix="one column a treatment"))
        if labels.has_duplicates:
            what = "two columns have the name of one treatment"
            raise InputError(Problem("DLQ-181", what, "policy", fix="one column a treatment"))
    else:
        entries = pd.Series(np.asarray(chosen))
        if entries.isna().any():
            count = int(entries.isna().sum())
            what, fix = f"treatments are missing in {count:,} rows", "doing nothing has a name, too"
            raise InputError(Problem("DLQ-181", what, "policy", count, fix))
        codes, found = pd.factorize(entries.astype(str))
        labels, share = pd.Index(found), np.zeros((len(codes), len(found)))
        share[np.arange(len(codes)), codes] = 1.0
    names = known.names.append(labels.difference(known.names))
    wanted = np.zeros((len(share), len(names)))
    wanted[:, names.get_indexer(labels)] = share
    return wanted, Log(**{**known.__dict__, "names": names})
