"""Monitoring from files to a page, a document for machines, and the manifest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from delinquency import monitoring, report, scoring, storage
from delinquency.settings import read_settings
from delinquency.workflows._commit import commit
from delinquency.workflows._database import fetching, read_or_none
from delinquency.workflows._monitor import Monitored, asked_segment, monitor
from delinquency.workflows._retrain_settings import MonitorSettings
from delinquency.workflows._say import Say, quiet

__all__ = ["limits_of", "monitor_files", "scorer_of"]

Path_ = str | os.PathLike[str]


def scorer_of(path: Path_) -> tuple[scoring.Scorer, str]:
    """Return the scorer of a bundle's folder, or the champion of a registry's, and its hash."""
    registry = storage.Registry(path)
    bundle = registry.load() if registry.stands else storage.load_bundle(storage.must_exist(path))
    return scoring.Scorer.from_bundle(bundle), bundle.hash


def limits_of(
    settings: Path_ | None, limits: monitoring.Limits | Mapping[str, float] | None
) -> monitoring.Limits:
    """Return the limits of a settings file with changes, or whole limits as they are given."""
    if isinstance(limits, monitoring.Limits):
        return limits
    kept = (
        MonitorSettings(format=1) if settings is None else read_settings(MonitorSettings, settings)
    )
    return kept.limits.limits().changed(limits or {})


def monitor_files(
    months: Path_,
    bundle: Path_,
    *,
    as_of: Any,
    out: Path_,
    accounts: Path_ | None = None,
    segment: str | None = None,
    labels: Path_ | None = None,
    look_back: int = 12,
    settings: Path_ | None = None,
    limits: monitoring.Limits | Mapping[str, float] | None = None,
    say: Say = quiet,
) -> Monitored:
    """Monitor from files; write ``monitor.html``, ``monitor.json`` and the manifest.

    Parameters
    ----------
    bundle : path
        A bundle, or a registry, whose champion is taken.
    months, accounts, labels : path or address
        Tables; see `monitor`.
    as_of, segment, look_back, say
        See `monitor`.
    out : path
        Folder to write.
    settings : path, optional
        YAML 1.2 with the limits under ``limits``; see `MonitorSettings`. It may be that of retraining.
    limits : Limits or mapping of str to float, optional
        Limits, or those that differ from the file's.

    Returns
    -------
    Monitored
        What was written.

    Raises
    ------
    InputError
        As `monitor`; mistakes in the file, each with line and column; ``DLQ-202`` and ``DLQ-205`` for
        limits that are none.
    """
    # what people wrote comes first, so that a mistake in it costs no time
    asked_segment(accounts, segment)
    held = limits_of(settings, limits)
    scorer, name = scorer_of(bundle)
    given = {"as_of": as_of, "out": out, "settings": settings, "limits": held, "say": say}
    asked = {"segment": segment, "look_back": look_back}
    return _monitored(months, accounts, labels, scorer, name, **given, **asked)


@fetching("months", "accounts", "labels")
def _monitored(
    months: Path_,
    accounts: Path_ | None,
    labels: Path_ | None,
    scorer: scoring.Scorer,
    name: str,
    *,
    as_of: Any,
    out: Path_,
    settings: Path_ | None,
    limits: monitoring.Limits,
    segment: str | None,
    look_back: int,
    say: Say,
) -> Monitored:
    """Monitor on tables that are at hand."""
    given = {"months": months, "accounts": accounts, "labels": labels, "settings": settings}
    inputs = {role: path for role, path in given.items() if path is not None}
    stamps = storage.stamps_of(inputs.values())
    found = monitor(
        storage.read_table(months),
        scorer,
        as_of=as_of,
        accounts=read_or_none(accounts),
        segment=segment,
        labels=read_or_none(labels),
        look_back=look_back,
        limits=limits,
        say=say,
    )
    say("page")
    held = ", ".join(f"{limit} {value:g}" for limit, value in asdict(limits).items())
    facts = {"bundle": name, "look back": look_back, "limits": held, **storage.versions()}
    html = report.render_sheet(_sheet(found, facts))
    commit(
        out,
        "monitor",
        as_of=as_of,
        inputs=inputs,
        stamps=stamps,
        tables={},
        texts={
            "monitor.html": html.encode(),
            "monitor.json": storage.to_json({**found.as_dict(), "bundle": name}),
        },
        facts={
            "bundle": name,
            "limits": asdict(limits),
            "reasons": [reason.code for reason in found.reasons],
        },
    )
    return found


def _sheet(found: Monitored, facts: dict[str, Any]) -> report.Sheet:
    return report.monitor_sheet(
        as_of=found.as_of,
        reasons=found.reasons,
        limits=found.limits,
        notes=found.notes,
        manifest=facts,
        **{name: getattr(found, name) for name in Monitored.tables},
    )
