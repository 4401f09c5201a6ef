"""The run manifest: written last, names every file of a run with its hash."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency.errors import IntegrityError, Problem
from delinquency.storage._commit import sha256_of, write_bytes

__all__ = [
    "describe",
    "read_manifest",
    "shown",
    "to_json",
    "verify",
    "versions",
    "weigh",
    "write_manifest",
]

NAME = "run_manifest.json"
RUNS, CURRENT = ".runs", "current"  # where a run keeps its versions, and which is shown
_PACKAGES = ("delinquency", "numpy", "pandas", "pyarrow", "scikit-learn", "lightgbm", "numba")


def to_json(document: Any) -> bytes:
    r"""Return JSON with sorted keys and no NaN, the same bytes for the same content.

    Raises
    ------
    ValueError
        For a number that is not finite: JSON has no word for it, and each reader has its own.

    Examples
    --------
    >>> to_json({"b": 1, "a": "Zürich"}).decode()
    '{\n "a": "Zürich",\n "b": 1\n}\n'
    """
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def shown(run: str | os.PathLike[str]) -> Path:
    """Return the folder of the version that a run shows now.

    Read everything through one answer: asked twice, it may name two versions.

    Examples
    --------
    >>> shown("a-folder-that-is-no-run")
    PosixPath('a-folder-that-is-no-run')
    """
    link = Path(run) / RUNS / CURRENT
    try:
        return link.parent / link.readlink()
    except OSError:
        return Path(run)


def write_manifest(
    folder: str | os.PathLike[str],
    document: Mapping[str, Any],
    files: Iterable[str] | Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Write ``run_manifest.json`` with size and SHA-256 of each file of the run, and return it.

    Parameters
    ----------
    folder : path
        The run's folder; the files are named relative to it.
    document : dict
        What the run says of itself: job, as_of, inputs, reconciliation, gates, versions.
    files : iterable of str, or mapping of str to its ``bytes`` and ``sha256``
        The outputs. A file that is not there is an error, so the manifest never promises more.

    Returns
    -------
    dict
        The document, with ``outputs`` and ``run_id``, which is the hash of all the rest.

    Raises
    ------
    FileNotFoundError
        When a file is not there.
    EnvironmentFailure
        ``DLQ-501`` when the disk refuses.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_bytes(folder / "note.txt", b"done")
    >>> written = write_manifest(folder, {"job": "note"}, ["note.txt"])
    >>> read_manifest(folder) == written
    True
    >>> verify(folder)["state"].tolist()
    ['same']
    """
    root = Path(folder)
    given = files if isinstance(files, Mapping) else {name: weigh(root / name) for name in files}
    outputs = {name: dict(given[name]) for name in sorted(given)}
    manifest = {**document, "outputs": outputs}
    manifest["run_id"] = hashlib.sha256(to_json(manifest)).hexdigest()[:16]
    write_bytes(root / NAME, to_json(manifest))
    return manifest


def weigh(path: Path) -> dict[str, Any]:
    """Return what a manifest says of a file: its ``bytes`` and ``sha256``."""
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def read_manifest(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the manifest of a run.

    Parameters
    ----------
    folder : path
        The version that is shown: ask `shown` first where other runs may be committed meanwhile.

    Raises
    ------
    IntegrityError
        ``DLQ-601`` when there is none or it is damaged: then there is no run. A manifest spelt in
        another way than we write is damaged, were it only by a space.

    Examples
    --------
    >>> read_manifest("a-folder-that-is-no-run")
    Traceback (most recent call last):
        ...
    delinquency.errors.IntegrityError: DLQ-601 ...: no run manifest. fix: the run did not finish, ...
    """
    path = Path(folder) / NAME
    manifest, promised, sound = {}, "", False
    try:
        content = path.read_bytes()
        manifest = json.loads(content)
        spelt = to_json(manifest) == content
        promised = manifest.pop("run_id")
        same = promised == hashlib.sha256(to_json(manifest)).hexdigest()[:16]
        outputs = manifest["outputs"]
        sound = spelt and same and all(_described(entry) for entry in outputs.values())
    except FileNotFoundError as error:
        fix = "the run did not finish, or this is not a run's folder"
        raise IntegrityError(Problem("DLQ-601", "no run manifest", str(path), fix=fix)) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    if not sound:
        fix = "run again; do not edit the manifest"
        raise IntegrityError(Problem("DLQ-601", "the manifest is damaged", str(path), fix=fix))
    return {**manifest, "run_id": promised}


def _described(entry: Any) -> bool:
    return isinstance(entry, dict) and {"bytes", "sha256"} <= entry.keys()


def verify(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Hash every file of a run again and hold it against the manifest.

    Parameters
    ----------
    folder : path
        The run's folder; of one that keeps versions the one that is shown.

    Returns
    -------
    DataFrame
        One row a file: ``file``, ``bytes``, ``state`` (``"same"``, ``"changed"``, ``"missing"``; of a
        run that shows its versions also ``"unknown"``, a file that no manifest names).

    Raises
    ------
    IntegrityError
        ``DLQ-601`` when the manifest is missing or damaged.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_bytes(folder / "note.txt", b"done")
    >>> _ = write_manifest(folder, {"job": "note"}, ["note.txt"])
    >>> write_bytes(folder / "note.txt", b"Done")
    >>> verify(folder)
           file  bytes    state
    0  note.txt      4  changed
    """
    root = shown(folder)
    outputs = read_manifest(root)["outputs"]
    rows = []
    for name, entry in outputs.items():
        path = root / name
        if not path.is_file():
            state = "missing"
        else:
            state = "same" if sha256_of(path) == entry["sha256"] else "changed"
        rows.append((name, entry["bytes"], state))
    if root != Path(folder):  # a version's folder holds nothing but its files
        found = {path.relative_to(root).as_posix(): path for path in root.rglob("*")}
        strange = [name for name in found if name not in outputs and name != NAME]
        rows += [(n, found[n].stat().st_size, "unknown") for n in strange if found[n].is_file()]
    return pd.DataFrame(rows, columns=["file", "bytes", "state"])


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a manifest says of an input: its path as given, bytes, and SHA-256.

    Of a folder the hash is that of the sorted names and hashes of its files.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "months.csv"
    >>> write_bytes(file, b"account_id")
    >>> describe(file)["bytes"], len(describe(file)["sha256"])
    (10, 64)
    """
    source = Path(path)
    if source.is_file():
        return {"path": str(path), "bytes": source.stat().st_size, "sha256": sha256_of(source)}
    files = sorted(entry for entry in source.rglob("*") if entry.is_file())
    lines = "".join(f"{file.relative_to(source).as_posix()} {sha256_of(file)}\n" for file in files)
    size = sum(file.stat().st_size for file in files)
    return {"path": str(path), "bytes": size, "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a result.

    Examples
    --------
    >>> sorted(versions())
    ['delinquency', 'lightgbm', 'numba', 'numpy', 'pandas', 'pyarrow', 'python', 'scikit-learn']
    """
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
