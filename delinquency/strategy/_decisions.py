"""The decision log: what was decided, from what, in a chain that shows every edit.

A log is a folder. ``chain.json`` names each run with the SHA-256 of its files and of the run
before, and is written last: a run that is not in it does not exist. Beside the plan stand its
inputs, so that it can be decided again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from delinquency import storage
from delinquency.errors import InputError, IntegrityError, LockError, Problem
from delinquency.schema import as_date, to_frame
from delinquency.strategy._assign import assign, period_of
from delinquency.strategy._contacts import instants_of
from delinquency.strategy._facts import instant_of
from delinquency.strategy._file import StrategyFile
from delinquency.strategy._rules import PackFile, RulePack, packs_of
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._treatments import Treatment

__all__ = ["read_decisions", "record_decisions", "replay", "verify_decisions"]

CHAIN = "chain.json"
START = "0" * 64


def record_decisions(
    folder: str | os.PathLike[str],
    scores: Any,
    accounts: Any,
    contacts: Any = None,
    *,
    strategy: Strategy | None = None,
    packs: Sequence[RulePack | str] = (),
    house_policy: RulePack | None = None,
    actors: Sequence[str] = (),
    holidays: Mapping[str, Sequence[Any]] | None = None,
    as_of: Any,
) -> pd.DataFrame:
    """Decide, and append what is new to the log.

    A treatment is decided at most once for an account and period, whatever is run again, by
    whatever strategy. The run is in the log wholly or not at all.

    Parameters
    ----------
    folder : path
        The log; made when it is not there.
    scores, accounts, contacts, strategy, packs, house_policy, actors, holidays, as_of
        As for `assign`.

    Returns
    -------
    DataFrame
        The plan's rows that had not been decided before: what is to be carried out.

    Raises
    ------
    InputError
        As `assign`.
    LockError
        ``DLQ-401`` when another process is writing to the log.
    IntegrityError
        ``DLQ-602`` when the log is damaged; nothing is added to it.
    """
    strategy = Strategy.default() if strategy is None else strategy
    bound = packs_of(packs, house_policy)
    settings = {"actors": list(actors), "holidays": _days(holidays)}
    plan = assign(
        scores,
        accounts,
        contacts,
        strategy=strategy,
        packs=bound,
        actors=actors,
        holidays=holidays,
        as_of=as_of,
    )
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):
        entries = _sound_entries(root)
        plan["period"] = period_of(plan["as_of"].iloc[0], strategy.file.period)
        plan["decided"] = _is_new(root, entries, plan)
        run = f"{len(entries) + 1:06d}"
        storage.write_table(plan, root / run / "plan.parquet")
        storage.write_table(to_frame(scores), root / run / "scores.parquet")
        storage.write_table(to_frame(accounts), root / run / "accounts.parquet")
        if contacts is not None:
            storage.write_table(
                _until(contacts, instant_of(as_of)), root / run / "contacts.parquet"
            )
        storage.write_bytes(root / run / "policy.json", _policy(strategy, bound, settings, as_of))
        _commit(root, entries, run)
    return plan[plan["decided"]].drop(columns=["decided", "period"]).reset_index(drop=True)


def _until(contacts: Any, when: pd.Timestamp) -> pd.DataFrame:
    """Leave out what was not known: the log keeps no more of a person than the decision needed."""
    table = to_frame(contacts)
    return table[instants_of(table["at"]) <= when.value // 1000]


def _days(holidays: Mapping[str, Sequence[Any]] | None) -> dict[str, list[str]]:
    given = holidays or {}
    return {p: [str(pd.Timestamp(day).date()) for day in days] for p, days in given.items()}


def _policy(
    strategy: Strategy, packs: Sequence[RulePack], settings: dict[str, Any], as_of: Any
) -> bytes:
    document = {
        "as_of": instant_of(as_of).isoformat(),
        "strategy": strategy.file.model_dump(mode="json"),
        "treatments": {n: t.model_dump(mode="json") for n, t in strategy.treatments.items()},
        "packs": [pack.file.model_dump(mode="json") for pack in packs],
        **settings,
    }
    return json.dumps(document, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Keep the log for one writer; the system frees it when a writer dies."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover - no such lock on this system
        yield
        return
    with (root / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            what = "another process is writing to this log"
            raise LockError(Problem("DLQ-401", what, str(root), fix="wait for it")) from error
        yield


def _is_new(root: Path, entries: list[dict[str, Any]], plan: pd.DataFrame) -> pd.Series:
    """Return which rows decide a treatment that the account has not had in this period."""
    columns = ["account_id", "treatment", "period"]
    known: set[tuple[Any, ...]] = set()
    for entry in entries:
        earlier = storage.read_table(root / entry["run"] / "plan.parquet", columns=columns)
        earlier = earlier[earlier["period"] == plan["period"].iloc[0]]
        known.update(zip(earlier["account_id"].astype(str), earlier["treatment"], strict=True))
    pairs = zip(plan["account_id"].astype(str), plan["treatment"], strict=True)
    return pd.Series([pair not in known for pair in pairs], index=plan.index)


def _commit(root: Path, entries: list[dict[str, Any]], run: str) -> None:
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": storage.sha256_of(path)}
        for path in sorted((root / run).iterdir())
        if not path.name.startswith(".")
    }
    entry = {"run": run, "files": files, "previous": entries[-1]["hash"] if entries else START}
    entry["hash"] = _hash_of(entry)
    text = json.dumps({"format": 1, "entries": [*entries, entry]}, indent=1, sort_keys=True)
    storage.write_bytes(root / CHAIN, (text + "\n").encode())


def _hash_of(entry: Mapping[str, Any]) -> str:
    content = {key: entry[key] for key in ("run", "files", "previous")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _entries(root: Path) -> list[dict[str, Any]]:
    path = root / CHAIN
    if not path.exists():
        return []
    try:
        document = json.loads(path.read_bytes())
        entries = document["entries"]
        sound = all(_described(entry) for entry in entries)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError):
        sound, entries = False, []
    if not sound:
        raise _damaged(path, "the chain cannot be read")
    return entries


def _described(entry: Any) -> bool:
    texts = [entry[key] for key in ("run", "previous", "hash")]
    texts += [file["sha256"] for file in entry["files"].values()]
    sizes = [file["bytes"] for file in entry["files"].values()]
    names = [*entry["files"], entry["run"]]
    plain = all(isinstance(name, str) and Path(name).name == name for name in names)
    return (
        plain and all(isinstance(t, str) for t in texts) and all(isinstance(n, int) for n in sizes)
    )


def _damaged(path: Path, what: str) -> IntegrityError:
    fix = "restore the log from a copy; it is never repaired in place"
    return IntegrityError(Problem("DLQ-602", what, str(path), fix=fix))


def _sound_entries(root: Path) -> list[dict[str, Any]]:
    states = verify_decisions(root) if (root / CHAIN).exists() else pd.DataFrame({"state": []})
    if not (states["state"] == "same").all():
        raise _damaged(root, "files of the log are not what the chain says")
    return _entries(root)


def verify_decisions(folder: str | os.PathLike[str], *, head: str | None = None) -> pd.DataFrame:
    """Hash every file of a log again, and follow the chain.

    Parameters
    ----------
    folder : path
        The log.
    head : str, optional
        The last hash as kept elsewhere, such as in a run manifest: without one, a log that was cut
        or rewritten from some run to its end cannot be told from one that always ended so.

    Returns
    -------
    DataFrame
        ``file, bytes, state``: ``"same"``, ``"changed"``, ``"missing"``, ``"unknown"`` (a file of a
        run that the chain does not name). ``chain.json`` is ``"changed"`` when a link does not
        hold.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when there is no log, or its chain cannot be read.
    """
    root = Path(folder)
    if not (root / CHAIN).is_file():
        raise _damaged(root, "there is no chain of decisions")
    entries = _entries(root)
    previous, linked, rows = START, True, []
    for number, entry in enumerate(entries, start=1):
        linked &= entry["previous"] == previous and entry["hash"] == _hash_of(entry)
        linked &= entry["run"] == f"{number:06d}"
        previous = entry["hash"]
        rows += [
            (f"{entry['run']}/{name}", file["bytes"], _state(root / str(entry["run"]) / name, file))
            for name, file in sorted(entry["files"].items())
        ]
        rows += _strangers(root, entry)
    linked &= head is None or head == previous
    rows.append((CHAIN, (root / CHAIN).stat().st_size, "same" if linked else "changed"))
    return pd.DataFrame(rows, columns=["file", "bytes", "state"])


def _state(path: Path, file: Mapping[str, Any]) -> str:
    if not path.is_file():
        return "missing"
    return "same" if storage.sha256_of(path) == file["sha256"] else "changed"


def _strangers(root: Path, entry: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    folder = root / str(entry["run"])
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        (f"{entry['run']}/{path.name}", path.stat().st_size, "unknown")
        for path in found
        if path.name not in entry["files"]
    ]


def read_decisions(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Return every decision of a verified log, oldest run first, with the run it was made in.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when the log is not what its chain says.
    """
    root = Path(folder)
    plans = []
    for entry in _sound_entries(root):
        plan = storage.read_table(root / entry["run"] / "plan.parquet")
        plans.append(plan[plan["decided"]].drop(columns="decided").assign(run=entry["run"]))
    if not plans:
        raise _damaged(root, "there is no decision in this log")
    return pd.concat(plans, ignore_index=True)


def replay(folder: str | os.PathLike[str], as_of: Any) -> pd.DataFrame:
    """Decide again what was decided on a day, from the recorded inputs, and compare.

    Parameters
    ----------
    folder : path
        A log made by `record_decisions`.
    as_of : date
        The day of the decision; every run of that day is replayed.

    Returns
    -------
    DataFrame
        ``run, account_id, treatment`` (as recorded), ``replayed, same``: whether every column of
        the plan came out the same.

    Raises
    ------
    IntegrityError
        ``DLQ-602`` when the log is not what its chain says.
    InputError
        ``DLQ-126`` when nothing was decided on that day.
    """
    root, day = Path(folder), as_date(as_of)
    found = []
    for entry in _sound_entries(root):
        run = root / entry["run"]
        recorded = storage.read_table(run / "plan.parquet")
        if recorded["as_of"].iloc[0] == day:
            found.append(_compared(run, recorded))
    if not found:
        fix = "see read_decisions(folder)"
        raise InputError(Problem("DLQ-126", "nothing was decided on that day", str(root), fix=fix))
    return pd.concat(found, ignore_index=True)


def _frozen(value: Any) -> Any:
    """Return JSON as our models take it: sequences are tuples."""
    if isinstance(value, dict):
        return {key: _frozen(entry) for key, entry in value.items()}
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list) else value


def _compared(run: Path, recorded: pd.DataFrame) -> pd.DataFrame:
    policy = _frozen(json.loads((run / "policy.json").read_bytes()))
    strategy = Strategy(
        StrategyFile.model_validate(policy["strategy"]),
        {name: Treatment.model_validate(t) for name, t in policy["treatments"].items()},
    )
    packs = [RulePack(PackFile.model_validate(pack)) for pack in policy["packs"]]
    logged = run / "contacts.parquet"
    again = assign(
        storage.read_table(run / "scores.parquet"),
        storage.read_table(run / "accounts.parquet"),
        storage.read_table(logged) if logged.exists() else None,
        strategy=strategy,
        packs=packs,
        actors=policy["actors"],
        holidays=policy["holidays"],
        as_of=policy["as_of"],
    )
    plain = recorded.drop(columns=["decided", "period"])
    same = pd.Series(True, index=recorded.index)
    for name in again.columns:
        ours, theirs = again[name], plain[name]
        same &= (ours == theirs) | (ours.isna() & theirs.isna())
    return pd.DataFrame(
        {
            "run": run.name,
            "account_id": recorded["account_id"],
            "treatment": recorded["treatment"],
            "replayed": again["treatment"],
            "same": same.astype(bool),
        }
    )
