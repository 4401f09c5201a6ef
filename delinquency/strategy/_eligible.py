"""What may be done with each account, what may not, by which rules, and from when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.strategy._clock import NEVER
from delinquency.strategy._contacts import ContactLog
from delinquency.strategy._engine import RuleEngine
from delinquency.strategy._facts import Facts, admit_accounts, instant_of, shared_by_person
from delinquency.strategy._gates import Gate, Gates
from delinquency.strategy._patterns import worded
from delinquency.strategy._rules import RulePack, packs_of
from delinquency.strategy._treatments import ARRANGEMENT, Treatment, catalogue

__all__ = ["eligible", "instants", "rules_at_work"]


def eligible(
    accounts: Any,
    contacts: Any = None,
    *,
    at: Any,
    packs: Sequence[RulePack | str] = (),
    house_policy: RulePack | None = None,
    treatments: Mapping[str, Treatment] | Sequence[str] | None = None,
    actors: Sequence[str] = (),
    holidays: Mapping[str, Sequence[Any]] | None = None,
) -> pd.DataFrame:
    """Tell for every account and treatment whether it is allowed, by what it is not, and from when.

    Gates are evaluated in this order, and all that stand in the way are named: holds; opt-outs and
    channels; days past due; preconditions; rules, each with its id; the escalation rule. Several
    packs: the strictest wins. A house policy is one more pack, so it only tightens. What is not
    verified warns and never blocks. **Not legal advice.**

    Parameters
    ----------
    accounts : table
        ``account_id, days_past_due`` and what is known; ``jurisdiction`` ("US-MA"; without one
        every pack binds), ``time_zone`` (IANA name, or several parted by ``|``; without one every
        zone of the place must allow the hour), ``person_id`` (accounts of one person share its
        caps).
    contacts : table, optional
        ``account_id, at, channel, outcome`` and where known ``person_id, inbound, number,
        consented, treatment``. Without a log, caps are left to be confirmed.
    at : date or time
        The planned instant. Contacts after it are not known yet.
    packs : sequence of RulePack or str
        Packs, or ids of shipped ones.
    house_policy : RulePack, optional
        The house's own.
    treatments : mapping or sequence of str, optional
        Which treatments; all 22 by default.
    actors : sequence of str
        Who acts, in the words of the packs (``original_creditor``, ...); every pack binds by
        default.
    holidays : mapping of str to dates, optional
        Public holidays by jurisdiction, for packs that close on them.

    Returns
    -------
    DataFrame
        One row an account and treatment, by account, then in order of the treatments: ``account_id,
        treatment, allowed`` (now), ``channel, earliest_at`` (UTC, missing when it does not become
        allowed by waiting), ``blocked_by, to_confirm, notices, warnings``, texts joined by ``",
        "``.

    Raises
    ------
    InputError
        What `schema.admit` finds; ``DLQ-103`` unknown zones, times or flags; ``DLQ-104`` holds or
        triggers of rules with missing values; ``DLQ-206`` unknown packs or treatments.

    Examples
    --------
    >>> accounts = pd.DataFrame(
    ...     {"account_id": [1], "days_past_due": [20], "time_zone": ["America/New_York"]}
    ... )
    >>> at = "2026-11-23T12:30Z"  # 07:30 in New York
    >>> rows = eligible(
    ...     accounts, at=at, packs=["us.fdcpa_reg_f"], treatments=["agent_call", "contact_repair"]
    ... )
    >>> rows[["treatment", "allowed", "blocked_by"]].values.tolist()
    [['agent_call', False, 'us.f.window'], ['contact_repair', True, '']]
    >>> print(rows["earliest_at"][0])
    2026-11-23 13:00:00+00:00
    """
    when = instant_of(at, "at")
    table = admit_accounts(accounts)
    chosen = _chosen(treatments)
    bound = packs_of(packs, house_policy)
    facts, engine = rules_at_work(table, contacts, when, bound, chosen, actors, holidays)
    return _as_table(table, Gates(facts, chosen, engine), list(chosen))


def rules_at_work(
    table: pd.DataFrame,
    contacts: Any,
    when: pd.Timestamp,
    packs: Sequence[RulePack],
    treatments: Mapping[str, Treatment],
    actors: Sequence[str] = (),
    holidays: Mapping[str, Sequence[Any]] | None = None,
) -> tuple[Facts, RuleEngine]:
    """Return the facts of admitted accounts, the contact log's among them, and the rules."""
    own = sorted({channel for entry in treatments.values() for channel in entry.channels})
    log = None if contacts is None else ContactLog(contacts, table, when, own)
    if log is not None:
        offers = frozenset(
            n for n, t in {**catalogue(), **treatments}.items() if t.mutex == ARRANGEMENT
        )
        # what the house states of an account is later knowledge than a line of the log
        new = {n: v for n, v in log.facts(offers).items() if n not in table}
        table = table.assign(**new)
    table = shared_by_person(table)
    facts = Facts(table)
    return facts, RuleEngine(facts, log, when, packs, actors, holidays)


def _chosen(treatments: Mapping[str, Treatment] | Sequence[str] | None) -> dict[str, Treatment]:
    known = catalogue()
    if treatments is None:
        return dict(known)
    if isinstance(treatments, Mapping):
        return dict(treatments)
    for name in treatments:
        if name not in known:
            fix = did_you_mean(name, known) or "see treatments()"
            raise InputError(Problem("DLQ-206", "unknown treatment", "treatments", fix=fix))
    return {name: known[name] for name in treatments}


def instants(values: np.ndarray) -> pd.Series:
    """Return microseconds as times in UTC; `NEVER` is missing."""
    missing = np.iinfo(np.int64).min  # what numpy reads as no time
    plain = np.where(values == NEVER, missing, values).view("datetime64[us]")
    return pd.Series(pd.DatetimeIndex(plain).tz_localize("UTC"))


def _as_table(table: pd.DataFrame, gates: Gates, names: list[str]) -> pd.DataFrame:
    n, k = len(table), len(names)
    earliest = np.empty((n, k), dtype=np.int64)
    allowed = np.empty((n, k), dtype=bool)
    texts = {
        name: _Texts(n, k)
        for name in ("channel", "blocked_by", "to_confirm", "notices", "warnings")
    }
    for column, name in enumerate(names):
        hard = gates.of(name)
        removed = np.logical_or.reduce([np.zeros(n, dtype=bool), *(g.removes for g in hard)])
        when = np.where(removed, NEVER, gates.earliest(name))
        earliest[:, column] = when
        allowed[:, column] = when <= gates.engine.now
        texts["blocked_by"].fill(column, [*hard, *gates.postponing(name)])
        texts["to_confirm"].fill(column, gates.to_confirm(name))
        texts["notices"].fill(column, gates.notices(name))
        texts["warnings"].fill(column, gates.warnings(name))
        channels = gates.treatments[name].channels
        position = gates.channel(name)
        texts["channel"].fill(column, [Gate(c, position == i) for i, c in enumerate(channels)])
    rows = np.repeat(np.arange(n), k)
    return pd.DataFrame(
        {
            "account_id": table["account_id"].take(rows).reset_index(drop=True),
            "treatment": pd.Categorical.from_codes(np.tile(np.arange(k), n), pd.Index(names)),
            "allowed": allowed.ravel(),
            "channel": texts["channel"].column(),
            "earliest_at": instants(earliest.ravel()),
            **{c: texts[c].column() for c in ("blocked_by", "to_confirm", "notices", "warnings")},
        }
    )


class _Texts:
    """A text column of few distinct texts, filled treatment by treatment."""

    def __init__(self, n: int, k: int) -> None:
        self.codes = np.zeros((n, k), dtype=np.int32)
        self.known: dict[str, int] = {"": 0}

    def fill(self, column: int, gates: Sequence[Gate]) -> None:
        if not gates:
            return
        names = [gate.reason for gate in gates]
        code, said = worded(
            [gate.removes for gate in gates],
            len(self.codes),
            lambda word: ", ".join(dict.fromkeys(names[position] for position in word)),
        )
        place = [self.known.setdefault(text, len(self.known)) for text in said]
        self.codes[:, column] = np.array(place, dtype=np.int32)[code]

    def column(self) -> Any:
        return pd.Categorical.from_codes(self.codes.ravel(), pd.Index(list(self.known)))
