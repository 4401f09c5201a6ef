"""Committing the files of a run that is computed before it is written: all at once, the manifest last."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import schema, storage

__all__ = ["commit"]

Path_ = str | os.PathLike[str]


def commit(
    out: Path_,
    job: str,
    *,
    as_of: Any,
    inputs: Mapping[str, Path_],
    tables: Mapping[str, pd.DataFrame],
    texts: Mapping[str, bytes] | None = None,
    bundle: storage.Bundle | None = None,
    facts: Mapping[str, Any] | None = None,
    stamps: storage.Stamps | None = None,
) -> dict[str, Any]:
    """Write the files of a run and its manifest, show all of them at once, and return the manifest.

    What stands in the folder is replaced; the same content again changes nothing.

    Parameters
    ----------
    out : path
        The run's folder.
    job : str
        What was done.
    as_of : date
        For which day.
    inputs : mapping of str to path
        What was read, by role.
    tables : mapping of str to DataFrame
        File name to table; the first is what `delinquency.storage.read_table` reads of the folder.
    texts : mapping of str to bytes, optional
        File name to content, such as a report.
    bundle : Bundle, optional
        Kept in the folder ``bundle``.
    facts : mapping, optional
        What else the manifest should say: reconciliation, hashes of bundle and strategy.
    stamps : mapping, optional
        From `delinquency.storage.stamps_of` before the inputs were read; then nothing is shown that says
        it was made of what has been written to since.
    """
    contents = {name: storage.table_bytes(table) for name, table in tables.items()}
    contents |= dict(texts or {})
    settings = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    settings |= {"bundle": bundle.hash} if bundle else {}
    day = str(schema.as_date(as_of).date())
    keys = {"as_of": day, "inputs": inputs, "settings": settings, "new_version": True}
    with storage.open_run(out, job, **keys, stamps=stamps) as run:
        if run.committed:
            return run.committed
        for name, content in contents.items():
            run.write(name, content)
        if bundle:
            run.step("bundle", lambda folder: (_saved(bundle, folder), {}))
        rows = {name: len(table) for name, table in tables.items()}
        return run.commit({"rows": rows, "main": next(iter(tables), ""), **(facts or {})})


def _saved(bundle: storage.Bundle, folder: Path) -> list[str]:
    return [f"bundle/{part}" for part in storage.save_bundle(bundle, folder / "bundle")]
