"""The plan of a batch run, part by part behind the scores, as one plan of the whole book would be.

An account's treatment depends on the account, and on the others of its person: facts, caps and the arm of
an experiment are shared. So a part of the plan needs the scores and standing of its own accounts, and of
those accounts elsewhere whose person has one in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from delinquency import features, history, schema, storage
from delinquency import strategy as strategies
from delinquency.errors import GateError, InputError, Problem
from delinquency.workflows._plan import instant_of_plan, zone_doubts
from delinquency.workflows._say import Say

__all__ = ["Planner"]

_ROW = 2048  # bytes that an account costs on its way into a plan, texts and all
_SCORES = ["account_id", "snapshot_date", "probability", "points", "band"]


class Planner:
    """Plans the parts of a run.

    Parameters
    ----------
    strategy : Strategy
        Which treatment goes where.
    as_of : Timestamp
        The day of the run.
    accounts, contacts : DataFrame, optional
        As for `plan`; both are held as they are, beside what the stream needs.
    rules : mapping
        ``packs, house_policy, actors, at`` as for `plan`.
    memory : int
        Bytes; how many accounts may be held whose person has accounts in several parts.
    """

    def __init__(
        self,
        strategy: strategies.Strategy,
        as_of: pd.Timestamp,
        accounts: Any,
        contacts: Any,
        rules: Mapping[str, Any],
        memory: int,
    ) -> None:
        rules = dict(rules)
        when = instant_of_plan(rules.pop("at"), as_of)
        self.strategy, self.as_of = strategy, as_of
        self.settings = {"strategy": strategy, "as_of": when, **rules}
        self.accounts = None if accounts is None else schema.admit(accounts, schema.ACCOUNTS)
        self.contacts = None if contacts is None else schema.to_frame(contacts, "contacts")
        self.warnings = zone_doubts(self.contacts)
        self.most = memory // _ROW

    def standing(self, batch: features.FeatureBatch) -> list[pd.DataFrame]:
        """Return where the accounts of a batch stand, with their facts; nothing where none is known."""
        if not len(batch.values):
            return []
        facts = self.accounts
        if facts is not None:
            ids = batch.months["account_id"]
            low, high = pd.Index(facts["account_id"]).searchsorted([ids.iloc[0], ids.iloc[-1]])
            low = min(int(low), len(facts) - 1)  # a stranger, where none of them has facts
            facts = facts.iloc[low : int(high) + 1]
        return [history.positions(batch.months, self.as_of, facts)]

    def write(self, run: storage.Run, how: str, scored: int, say: Say) -> dict[str, Any]:
        """Write the plan of every part of a run; return what the manifest says of it.

        Raises
        ------
        InputError
            As for `plan`; ``DLQ-189`` when more accounts than fit belong to persons whose accounts lie
            in several parts.
        GateError
            ``DLQ-306`` when not each scored account got one row.
        """
        parts = [_Part(run.folder, file) for file in sorted((run.folder / storage.WORK).iterdir())]
        apart = self._apart(parts)
        rows, treatments, policy = 0, Counter[str](), ""
        for number, part in enumerate(parts):
            made = run.step(f"plan {part.file.stem} {how}", self._work(part, apart, number == 0))
            rows += made["rows"]
            treatments.update(made["treatments"])
            policy = made["policy"] or policy
            say(f"plan of {rows:,} accounts")
        if rows != scored:
            what = f"gate reconciliation failed: {scored:,} accounts scored, {rows:,} planned"
            raise GateError(Problem("DLQ-306", what, str(run.root), abs(rows - scored)))
        told = {"strategy": self.strategy.hash, "policy": policy}
        return {**told, "rows": rows, "treatments": dict(sorted(treatments.items()))}

    def _work(self, part: _Part, apart: _Apart | None, first: bool) -> Any:
        def work(folder: Path) -> tuple[list[str], dict[str, Any]]:
            scores = part.scores()
            if scores is None or scores.empty:
                return [], {"rows": 0, "treatments": {}, "policy": ""}
            table = self._planned(scores, part.standing(), apart, first)
            storage.write_table(table, folder / part.plan)
            counts = table["treatment"].value_counts().to_dict()
            facts = {"rows": len(table), "treatments": {str(k): int(n) for k, n in counts.items()}}
            return [part.plan], {**facts, "policy": str(table["policy"].iloc[0])}

        return work

    def _planned(
        self, scores: pd.DataFrame, standing: pd.DataFrame, apart: _Apart | None, first: bool
    ) -> pd.DataFrame:
        ours = scores["account_id"]
        if apart is not None:
            scores, standing = apart.beside(scores, standing)
        # the first part reads the whole log, so that what is wrong anywhere in it is said
        contacts = self.contacts if first else _of_these(self.contacts, standing)
        plan = strategies.assign(scores, standing, contacts, **self.settings)
        return plan if len(plan) == len(ours) else plan[plan["account_id"].isin(ours)]

    def _apart(self, parts: Sequence[_Part]) -> _Apart | None:
        """Return the accounts of persons that have accounts in several parts."""
        if len(parts) < 2 or self.accounts is None or "person_id" not in self.accounts:
            return None
        persons = [np.unique(_hashes(part.standing(["person_id"]))) for part in parts]
        several, counts = np.unique(np.concatenate(persons), return_counts=True)
        several = several[counts > 1]
        held, scores, standing = 0, [], []
        for part in parts:
            some = np.isin(_hashes(part.standing(["person_id"])), several)
            held += int(some.sum())
            if held > self.most:
                what = "accounts of persons whose accounts lie far apart do not fit the memory"
                fix = "number the accounts of a person in a row, give more --memory, or use `plan`"
                raise InputError(Problem("DLQ-189", what, "accounts.person_id", held, fix))
            if some.any():
                standing.append(part.standing()[some])
                known = part.scores()
                if known is not None:
                    scores.append(known[known["account_id"].isin(standing[-1]["account_id"])])
        return _Apart(pd.concat(scores), pd.concat(standing)) if scores else None


@dataclass(frozen=True)
class _Part:
    """One part of a run: what it left for the plan, and where its rows go."""

    folder: Path
    file: Path

    @property
    def plan(self) -> str:
        """The part of the plan; a run in one piece has one file."""
        whole = (self.folder / "scores.parquet").is_file()
        return "plan.parquet" if whole else f"plan.parquet/{self.file.name}"

    def standing(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        return storage.read_table(self.file, columns=columns)

    def scores(self) -> pd.DataFrame | None:
        """Return the scores of the part; None where nobody was scored."""
        scores = self.folder / "scores.parquet"
        scores = scores if scores.is_file() else scores / self.file.name
        return storage.read_table(scores, columns=_SCORES) if scores.is_file() else None


@dataclass(frozen=True)
class _Apart:
    """Scores and standing of the accounts whose persons have accounts in several parts."""

    scores: pd.DataFrame
    standing: pd.DataFrame

    def beside(
        self, scores: pd.DataFrame, standing: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Add to a part the other accounts of its persons."""
        theirs = self.standing["person_id"].isin(standing["person_id"])
        theirs &= ~self.standing["account_id"].isin(standing["account_id"])
        more = self.standing[theirs]
        if more.empty:
            return scores, standing
        with_scores = self.scores[self.scores["account_id"].isin(more["account_id"])]
        return (
            pd.concat([scores, with_scores], ignore_index=True),
            pd.concat([standing, more], ignore_index=True),
        )


def _hashes(standing: pd.DataFrame) -> np.ndarray:
    # two persons of one hash only make each other's accounts be looked at
    return pd.util.hash_array(standing["person_id"].to_numpy())


def _of_these(contacts: pd.DataFrame | None, standing: pd.DataFrame) -> pd.DataFrame | None:
    """Return the contacts of some accounts and their persons."""
    if contacts is None or "account_id" not in contacts:
        return contacts
    theirs = contacts["account_id"].isin(standing["account_id"])
    if "person_id" in contacts and "person_id" in standing:
        theirs |= contacts["person_id"].isin(standing["person_id"])
    return contacts[theirs] if theirs.any() else contacts.iloc[:1]  # of somebody else
