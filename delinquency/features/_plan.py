"""What is asked for, worked out once: dates, windows, features, and the loops that write them."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.features._blocks import BLOCKS, CORE, entries, whole
from delinquency.features._feature import Feature
from delinquency.features._person import PERSON
from delinquency.features._rows import Block
from delinquency.features._spec import WINDOWS, FeatureSpec, checked_windows
from delinquency.schema import as_date

__all__ = ["Plan", "plan_features", "snapshot_dates"]

_LOG = logging.getLogger("delinquency")


@dataclass(frozen=True)
class Plan:
    """Everything that the rows do not decide.

    Parameters
    ----------
    dates : tuple of Timestamp
        Snapshot dates, rising.
    windows : tuple of int
        Rising.
    blocks : tuple of Block
        Which loops run; together they hold every wanted feature.
    wanted : tuple of Feature
        The columns of the result.
    threads : int
        How many chunks are computed at a time.
    person : tuple of Feature
        Wanted views across a person's accounts, which no loop writes.
    """

    dates: tuple[pd.Timestamp, ...]
    windows: tuple[int, ...]
    blocks: tuple[Block, ...]
    wanted: tuple[Feature, ...]
    threads: int
    person: tuple[Feature, ...] = ()

    @cached_property
    def written(self) -> tuple[Feature, ...]:
        """What the loops write, column by column; a batch should not work it out again."""
        return tuple(feature for block in self.blocks for feature in block.entries(self.windows))

    @cached_property
    def inputs(self) -> frozenset[str]:
        """Columns of the months that the loops read."""
        return frozenset(name for feature in self.written for name in feature.inputs)

    @cached_property
    def picks(self) -> np.ndarray | slice:
        """Where the wanted features stand among the written."""
        if self.wanted == self.written:
            return slice(None)
        place = {feature.name: column for column, feature in enumerate(self.written)}
        return np.array([place[feature.name] for feature in self.wanted])


def plan_features(
    columns: Collection[str],
    as_of: Any,
    snapshots: Iterable[Any] | None,
    windows: Sequence[int],
    spec: FeatureSpec | None,
    threads: int | None,
) -> Plan:
    """Return the plan for a table with these columns; the arguments are those of `build_features`."""
    dates = snapshot_dates(as_of, snapshots)
    lengths = _windows(windows, spec)
    blocks = (CORE,) if spec is None else BLOCKS
    wanted = _wanted(entries(lengths, blocks) if spec is None else whole(lengths), spec, columns)
    person = tuple(feature for feature in wanted if feature in PERSON)
    wanted = [feature for feature in wanted if feature not in person]
    names = {feature.name for feature in wanted}
    running = tuple(b for b in blocks if not names.isdisjoint(f.name for f in b.entries(lengths)))
    workers = threads or os.cpu_count() or 1
    return Plan(dates, lengths, running, tuple(wanted), workers, person)


def snapshot_dates(as_of: Any, snapshots: Iterable[Any] | None) -> tuple[pd.Timestamp, ...]:
    """Return the snapshot dates, rising; one of the two arguments is given."""
    if (as_of is None) == (snapshots is None):
        fix = "give as_of=... or snapshots=[...]; the clock is never read"
        raise InputError(Problem("DLQ-103", "expected one kind of snapshot date", "as_of", fix=fix))
    if snapshots is None:
        return (as_date(as_of),)
    dates = tuple(sorted(as_date(date, "snapshots") for date in snapshots))
    if not dates or len(set(dates)) < len(dates):
        what = "expected one or more snapshot dates, each once"
        raise InputError(Problem("DLQ-103", what, "snapshots", len(dates), "drop the repeats"))
    return dates


def _windows(windows: Sequence[int], spec: FeatureSpec | None) -> tuple[int, ...]:
    given = checked_windows(windows)
    if spec is None:
        return given
    if given not in (WINDOWS, spec.windows):
        what = "windows differ from those of the spec"
        raise InputError(Problem("DLQ-205", what, "windows", fix="give them in the spec alone"))
    return spec.windows


def _wanted(
    features: Sequence[Feature], spec: FeatureSpec | None, columns: Collection[str]
) -> list[Feature]:
    """Return the features to hand out: those chosen, less those whose inputs are not there."""
    chosen = _chosen(features, spec) if spec is not None else list(features)
    off = [feature for feature in chosen if not set(feature.inputs).issubset(columns)]
    if not off:
        return chosen
    lacking = sorted({name for feature in off for name in feature.inputs} - set(columns))
    listed = ", ".join(f'"{name}"' for name in lacking)
    if (spec is not None and spec.names is not None) or len(off) == len(chosen):
        what = f"{len(off)} of {len(chosen)} chosen features need {listed}"
        fix = "add the columns (person_id with accounts=...) or choose other features"
        raise InputError(Problem("DLQ-102", what, "months", len(off), fix))
    families = ", ".join(dict.fromkeys(feature.family for feature in off))
    _LOG.warning(
        "months lack %s: %d of %d features are off (%s)", listed, len(off), len(chosen), families
    )
    return [feature for feature in chosen if feature not in off]


def _chosen(features: Sequence[Feature], spec: FeatureSpec) -> list[Feature]:
    names = [feature.name for feature in features]
    families = list(dict.fromkeys(feature.family for feature in features))
    problems = [
        Problem("DLQ-206", f'unknown {kind} "{name}"', "spec", fix=did_you_mean(name, known))
        for kind, given, known in (
            ("family", spec.families, families),
            ("feature", spec.names, names),
        )
        for name in given or ()
        if name not in known
    ]
    if problems:
        raise InputError(*problems)
    chosen = [
        feature
        for feature in features
        if (spec.families is None or feature.family in spec.families)
        and (spec.names is None or feature.name in spec.names)
    ]
    if not chosen:
        what = "families and names have no feature in common"
        raise InputError(Problem("DLQ-206", what, "spec", 0, "loosen one of them"))
    return chosen
