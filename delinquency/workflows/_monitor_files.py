"""Monitoring from files to a page, a document for machines, and the manifest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from delinquency import monitoring, report, scoring, storage
from delinquency.workflows._database import fetching, read_or_none
from delinquency.workflows._files import commit
from delinquency.workflows._monitor import Monitored, asked_segment, monitor
from delinquency.workflows._say import Say, quiet

__all__ = ["monitor_files", "scorer_of"]

Path_ = str | os.PathLike[str]


def scorer_of(path: Path_) -> tuple[scoring.Scorer, str]:
    """Return the scorer of a bundle's folder, or the champion of a registry's, and its hash."""
    registry = storage.Registry(path)
    is_registry = (Path(path) / "changes.jsonl").is_file()
    bundle = registry.load() if is_registry else storage.load_bundle(path)
    return scoring.Scorer.from_bundle(bundle), bundle.hash


@fetching("months", "accounts", "labels")
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
    limits: monitoring.Limits | None = None,
    say: Say = quiet,
) -> Monitored:
    """Monitor from files; write ``monitor.html``, ``monitor.json`` and the manifest.

    Parameters
    ----------
    bundle : path
        A bundle, or a registry, whose champion is taken.
    months, accounts, labels : path or address
        Tables; see `monitor`.
    as_of, segment, look_back, limits, say
        See `monitor`.
    out : path
        Folder to write.
    """
    asked_segment(accounts, segment)  # before anything is read
    scorer, name = scorer_of(bundle)
    given = {"months": months, "accounts": accounts, "labels": labels}
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
    facts = {"bundle": name, "look back": look_back, **storage.versions()}
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
        facts={"bundle": name, "reasons": [reason.code for reason in found.reasons]},
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
