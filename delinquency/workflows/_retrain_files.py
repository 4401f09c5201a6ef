"""Retraining from a file of settings to a folder of evidence, and the champion's changes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import report, schema, scoring, storage
from delinquency.errors import InputError, Problem
from delinquency.settings import read_settings
from delinquency.workflows._commit import commit
from delinquency.workflows._database import fetching, read_or_none
from delinquency.workflows._retrain import Retrained, retrain
from delinquency.workflows._retrain_settings import RetrainSettings
from delinquency.workflows._say import Say, quiet

__all__ = ["RetrainRun", "promote_files", "retrain_files", "roll_back_files"]

Path_ = str | os.PathLike[str]


@dataclass(frozen=True)
class RetrainRun:
    """What a retraining run did.

    Parameters
    ----------
    result : Retrained
        What was found, and what is advised.
    change : Change or None
        The change of the champion; None when it stayed.
    candidate, champion : str
        Hashes of the candidate's bundle, and of the champion it was compared with (empty: none).
    """

    result: Retrained
    change: storage.Change | None
    candidate: str
    champion: str


def retrain_files(
    settings: Path_,
    *,
    out: Path_,
    as_of: Any = None,
    promote: bool = False,
    say: Say = quiet,
) -> RetrainRun:
    """Retrain by a file of settings; leave one folder of evidence, and change the champion if told to.

    The evidence is ``retrain.json``, ``retrain.html``, the candidate's ``bundle``, the judging
    accounts ``judged.parquet`` and the manifest. It is complete before the champion is touched.

    Parameters
    ----------
    settings : path
        YAML 1.2; see `RetrainSettings`. Its paths are seen from its folder; its tables may be
        addresses in a database.
    out : path
        Folder of evidence.
    as_of : date, optional
        Instead of the one in the file; one of the two must be given.
    promote : bool
        Make the candidate champion when it passes every gate, if the champion is still the one it was
        compared with.
    say : callable
        Told what is being done.

    Returns
    -------
    RetrainRun
        What was found, and whether the champion changed.

    Raises
    ------
    InputError
        Mistakes in the file, each with line and column; tables that cannot be used.
    LockError
        ``DLQ-411`` when somebody else has changed the champion meanwhile; the evidence stays.
    """
    wanted = read_settings(RetrainSettings, settings)
    home = Path(settings).parent
    people = None if wanted.accounts is None else _place(home, wanted.accounts)
    keys = {"settings": settings, "out": out, "as_of": as_of, "promote": promote, "say": say}
    return _retrained(wanted, _place(home, wanted.months), people, **keys)


def _place(home: Path, named: str) -> Path_:
    return named if storage.is_database(named) else home / named


@fetching("months", "accounts")
def _retrained(
    wanted: RetrainSettings,
    months: Path_,
    accounts: Path_ | None,
    *,
    settings: Path_,
    out: Path_,
    as_of: Any,
    promote: bool,
    say: Say,
) -> RetrainRun:
    """Retrain on tables that are at hand."""
    given = {"settings": Path(settings), "months": months, "accounts": accounts}
    inputs = {role: path for role, path in given.items() if path is not None}
    stamps = storage.stamps_of(inputs.values())
    date = schema.as_date(_given(as_of, wanted, settings))
    registry = storage.Registry(Path(settings).parent / wanted.registry)
    champion = registry.champion
    theirs = None if champion is None else scoring.Scorer.from_bundle(registry.load(champion))
    found = retrain(
        storage.read_table(months),
        as_of=date,
        champion=theirs,
        settings=wanted,
        accounts=read_or_none(accounts),
        say=say,
    )
    say("evidence")
    bundle = found.candidate.scorer.to_bundle()
    manifest = _evidence(out, found, bundle, champion or "", inputs, stamps)
    change = None
    if promote and found.decision == "promote":
        say("champion")
        change = registry.promote(
            registry.add(bundle),
            expected=champion,
            as_of=date.date(),
            note="; ".join(gate.words for gate in found.gates),
            evidence={"run": manifest["run_id"], "folder": Path(out).name},
            prove=scoring.Scorer.from_bundle,
        )
    return RetrainRun(found, change, bundle.hash, champion or "")


def _given(as_of: Any, wanted: RetrainSettings, settings: Path_) -> Any:
    if as_of is None and wanted.as_of is None:
        fix = "give --as-of, or as_of in the file"
        raise InputError(Problem("DLQ-204", "no as_of is given", os.fspath(settings), fix=fix))
    return wanted.as_of if as_of is None else as_of


def _evidence(
    out: Path_,
    found: Retrained,
    bundle: storage.Bundle,
    champion: str,
    inputs: dict[str, Path_],
    stamps: storage.Stamps,
) -> dict[str, Any]:
    facts = {"candidate": bundle.hash, "champion": champion or "none yet", **storage.versions()}
    said = {**found.as_dict(), "candidate": bundle.hash, "champion": champion}
    sheet = report.retrain_sheet(
        as_of=found.as_of,
        decision=found.decision,
        gates=pd.DataFrame([gate.__dict__ for gate in found.gates]),
        compared=found.sentences,
        learn=found.facts["learn"],
        judge=found.facts["judge"],
        notes=found.notes,
        manifest=facts,
        **{name: getattr(found, name) for name in Retrained.tables},
    )
    return commit(
        out,
        "retrain",
        as_of=found.as_of,
        inputs=inputs,
        stamps=stamps,
        tables={"judged.parquet": found.rows},
        texts={
            "retrain.html": report.render_sheet(sheet).encode(),
            "retrain.json": storage.to_json(said),
        },
        bundle=bundle,
        facts={"decision": found.decision, "candidate": bundle.hash, "champion": champion},
    )


def promote_files(
    registry: Path_, bundle: Path_, *, expected: str | None, as_of: Any, note: str
) -> storage.Change:
    """Make the bundle of a folder champion by hand, such as the candidate of an evidence folder.

    Parameters
    ----------
    registry, bundle : path
        Folder of the registry, made when it is not there; folder or ``.zip`` file of the bundle.
    expected : str or None
        Whole hash of the champion as the caller knows it; None when there is none yet.
    as_of : date
        The day it is done for.
    note : str
        Why, for those who read the log.

    Returns
    -------
    Change
        The new line of the registry's log.

    Raises
    ------
    LockError
        ``DLQ-411`` when the champion is not the one expected.
    InputError, IntegrityError
        ``DLQ-109`` when there is no bundle; ``DLQ-602`` to ``DLQ-606`` when it is damaged or cannot score.
    """
    kept = storage.Registry(registry)
    name = kept.add(storage.load_bundle(storage.must_exist(bundle)))
    return kept.promote(
        name,
        expected=expected,
        as_of=schema.as_date(as_of).date(),
        note=note,
        prove=scoring.Scorer.from_bundle,
    )


def roll_back_files(registry: Path_, *, expected: str, as_of: Any, note: str) -> storage.Change:
    """Make the champion before this one champion again.

    Parameters
    ----------
    registry : path
        Its folder.
    expected : str
        Whole hash of the champion that is to go.
    as_of, note
        As for `promote_files`.

    Returns
    -------
    Change
        The new line of the registry's log.

    Raises
    ------
    LockError
        ``DLQ-411`` when the champion is not the one expected, ``DLQ-412`` when there is no earlier one.
    InputError, IntegrityError
        ``DLQ-109`` when there is no registry; ``DLQ-602`` to ``DLQ-606`` when it is damaged.
    """
    return storage.Registry(storage.must_exist(registry)).roll_back(
        expected=expected,
        as_of=schema.as_date(as_of).date(),
        note=note,
        prove=scoring.Scorer.from_bundle,
    )
