"""Looking back at a run: whether every file is what it was, and whether it comes out the same again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from delinquency import storage
from delinquency import strategy as strategies
from delinquency.errors import GateError, InputError, Problem
from delinquency.workflows._database import fetching
from delinquency.workflows._gates import GATES
from delinquency.workflows._say import Say, quiet
from delinquency.workflows._score import COMMITTED, JOB, bundle_file, score_files

__all__ = ["rescore", "verify"]

Path_ = str | os.PathLike[str]
_SAID = {"months": "data", "bundle": "model"}  # how an input is called in the answer
_FOR_THE_PLAN = ("strategy", "house_policy", "accounts", "contacts")


def verify(run: Path_, *, decisions: Path_ | None = None) -> pd.DataFrame:
    """Hash every file of a run again, and follow the chain of a decision log.

    Parameters
    ----------
    run : path
        Folder of a run, or of a decision log.
    decisions : path, optional
        A decision log to be verified with it.

    Returns
    -------
    DataFrame
        ``file, bytes, state``: ``"same"``, ``"changed"``, ``"missing"`` or ``"unknown"``.

    Raises
    ------
    InputError
        ``DLQ-109`` when nothing is there: a mistyped path is no damage.
    IntegrityError
        ``DLQ-601`` when there is no sound manifest, ``DLQ-602`` when a log cannot be read.
    """
    for place in (run, decisions):
        if place is not None:
            storage.must_exist(place)
    if (Path(run) / "chain.json").is_file() and not (Path(run) / "run_manifest.json").exists():
        return strategies.verify_decisions(run)
    files = storage.verify(run)
    if decisions is None:
        return files
    log = strategies.verify_decisions(decisions)
    log["file"] = [f"{Path(decisions).name}/{name}" for name in log["file"]]
    return pd.concat([files, log], ignore_index=True)


@fetching("months")
def rescore(
    run: Path_,
    *,
    months: Path_ | None = None,
    bundle: Path_ | None = None,
    memory: str | int = "1GiB",
    say: Say = quiet,
) -> pd.DataFrame:
    """Score again what a run scored, and say what differs: data, model, configuration, versions, results.

    Parameters
    ----------
    run : path
        Folder of a scoring run.
    months, bundle : path, optional
        Where its inputs are now; where they were, if not given. Months that came from a database must
        be given: the manifest keeps no login.
    memory, say
        As for `score_files`.

    Returns
    -------
    DataFrame
        One row a thing: ``what, state, detail``, of a run with
        a plan also each of its inputs; ``state`` is ``"same"``, ``"differs"`` or ``"gone"``.

    Raises
    ------
    InputError
        ``DLQ-109`` when the folder is not there, or a place that is given for an input; ``DLQ-120`` when
        it holds another kind of run.
    IntegrityError
        ``DLQ-601`` when there is no sound manifest.
    EnvironmentFailure
        When disk or memory do not suffice; that says nothing of the run.
    """
    for place in (run, months, bundle):
        if place is not None:
            storage.must_exist(place)
    root = storage.shown(run)
    manifest = storage.read_manifest(root)
    if manifest.get("job") != JOB:
        what = f"this is a run of {manifest.get('job')!r}, not of scoring"
        raise InputError(Problem("DLQ-120", what, str(run), fix="give the folder of `score`"))
    was = manifest["inputs"]
    paths = _paths(was, months, bundle)
    rows = [
        (_SAID.get(role, role), *_input(bundle_file(path) if role == "bundle" else path, was[role]))
        for role, path in paths.items()
    ]
    if any(state == "gone" for _, state, _ in rows):
        rows.append(("results", "gone", "an input is gone, so nothing can be computed again"))
        return _table(rows)
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "run"
        try:
            _score_again(manifest, paths, again, memory, say)
        except (InputError, GateError) as error:
            rows.append(("configuration", "differs", f"it cannot be run any more: {error.code}"))
            results = "differs", "nothing came out"
        else:
            rows.append(("configuration", "same", str(manifest["settings"])))
            results = _results(root, storage.shown(again))
    rows += [("versions", *_versions(manifest["versions"])), ("results", *results)]
    return _table(rows)


def _paths(was: Mapping[str, Any], months: Path_ | None, bundle: Path_ | None) -> dict[str, Path]:
    """Return where the inputs are, by role: where they are said to be now, else where they were."""
    model = Path(was["bundle"]["path"])
    model = model.parent if model.name == "manifest.json" else model
    return {
        "months": Path(months or was["months"]["path"]),
        "bundle": Path(bundle or model),
        **{role: Path(was[role]["path"]) for role in _FOR_THE_PLAN if role in was},
    }


def _score_again(
    manifest: Mapping[str, Any], paths: Mapping[str, Path], out: Path, memory: str | int, say: Say
) -> None:
    """Score once more with the settings of a run; no gate stops what is only looked at."""
    settings = dict(manifest["settings"])
    settings |= {role: path for role, path in paths.items() if role in _FOR_THE_PLAN}
    settings |= settings.pop("plan", {})
    score_files(
        paths["months"],
        paths["bundle"],
        as_of=manifest["as_of"],
        out=out,
        memory=memory,
        override=dict.fromkeys(GATES, "computed again for an audit"),
        say=_but_committed(say),
        **settings,
    )


def _but_committed(say: Say) -> Say:
    """Return a teller that does not say of a run in a temporary folder that it was committed."""
    return lambda text: None if text.startswith(COMMITTED) else say(text)


def _table(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["what", "state", "detail"])


def _input(path: Path, was: Mapping[str, Any]) -> tuple[str, str]:
    if not path.exists():
        return "gone", f"{path} is not there"
    now = storage.describe(storage.shown(path))
    if now["sha256"] == was["sha256"]:
        return "same", f"SHA-256 {was['sha256'][:16]}"
    return "differs", f"{was['bytes']:,} bytes then, {now['bytes']:,} now; another SHA-256"


def _versions(was: Mapping[str, str]) -> tuple[str, str]:
    now = storage.versions()
    other = [f"{name} {was.get(name)} -> {now[name]}" for name in now if was.get(name) != now[name]]
    return ("differs", ", ".join(other)) if other else ("same", f"python {now['python']}, ...")


def _results(was: Path, now: Path) -> tuple[str, str]:
    """Compare file by file, and account by account where the files are not the same."""
    files = [storage.read_manifest(folder)["outputs"] for folder in (was, now)]
    if files[0] == files[1] and (storage.verify(was)["state"] == "same").all():
        return "same", f"{len(files[0])} files, byte for byte"
    try:
        names = [name for name in ("scores", "refused", "plan") if _holds(files[0], name)]
        pairs = [[_rows(folder, name) for folder in (was, now)] for name in names]
    except InputError:
        return "differs", "a file of the run is gone or damaged; verify names it"
    told = [line for then, again in pairs if (line := _apart(then, again))]
    if told:
        return "differs", "; ".join(told)
    count = len(pairs[0][0]) + len(pairs[1][0])
    return "same", f"{count:,} accounts, bit for bit; the files are parted otherwise"


def _holds(files: Mapping[str, Any], name: str) -> bool:
    return any(Path(file).parts[0] == f"{name}.parquet" for file in files)


def _rows(folder: Path, name: str) -> pd.DataFrame:
    table = storage.read_table(folder / f"{name}.parquet")
    return table.set_index("account_id").sort_index().drop(columns="bundle", errors="ignore")


def _apart(then: pd.DataFrame, again: pd.DataFrame) -> str:
    """Return in words what two tables of accounts differ in; nothing where they are the same."""
    if not then.index.equals(again.index):
        lost = len(then.index.difference(again.index))
        return f"{lost:,} accounts are gone, {len(again.index.difference(then.index)):,} are new"
    names = then.columns.union(again.columns)
    blank = pd.Series(index=then.index, dtype=object)
    odd = {name: _differ(then.get(name, blank), again.get(name, blank)) for name in names}
    odd = {name: cells for name, cells in odd.items() if cells.any()}
    if not odd:
        return ""
    told = f"{np.logical_or.reduce(list(odd.values())).sum():,} of {len(then):,} accounts"
    if "points" in odd:
        return (
            f"{told}, by up to {float((then['points'] - again['points']).abs().max()):.3g} points"
        )
    return f"{told}, in {', '.join(odd)}"


def _differ(one: pd.Series, other: pd.Series) -> np.ndarray:
    return ((one != other) & ~(one.isna() & other.isna())).to_numpy(dtype=bool, na_value=True)
