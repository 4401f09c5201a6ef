"""From scores to a plan: one row an account, with the rule that chose it and what was removed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema
from delinquency.errors import InputError, Problem
from delinquency.strategy._conditions import holds_for
from delinquency.strategy._facts import Facts, admit_accounts, instant_of
from delinquency.strategy._file import Cell
from delinquency.strategy._gates import Gates
from delinquency.strategy._strategy import Strategy
from delinquency.strategy._treatments import CARE

__all__ = ["assign"]


def assign(
    scores: Any,
    accounts: Any,
    contacts: Any = None,
    *,
    strategy: Strategy | None = None,
    packs: Sequence[Any] = (),
    as_of: Any,
) -> pd.DataFrame:
    """Map each scored account to its treatment.

    Holds come first and are never traded: such an account gets ``care_and_hold``. Then the days
    past due and the band find the cell; its treatments are tried in order, and the first that no
    gate removes is chosen. A precondition that a column denies, or leaves missing, removes the
    treatment. One that nobody supplied a column for removes it from rung 5 up, and goes to
    ``to_confirm`` below.

    Parameters
    ----------
    scores : table
        ``account_id, snapshot_date, probability, points, band``; one snapshot an account. The band
        is used as it stands, unless the strategy fixes its edges in points.
    accounts : table
        ``account_id, days_past_due`` (at the snapshot) and what is known: ``balance``, holds,
        opt-outs (``opt_out_sms`` ...), preconditions named as in ``treatments().requires``.
        Accounts without a score are left out.
    contacts : table, optional
        The contact log.
    strategy : Strategy, optional
        The shipped default when not given.
    packs : sequence of RulePack
        Rule packs to obey.
    as_of : date or time
        The day of the decision; no clock is read.

    Returns
    -------
    DataFrame
        One row an account, sorted by ``account_id``: ``account_id, snapshot_date, as_of, stage,
        band, treatment, also, channel, earliest_at`` (UTC), ``rule, removed`` ("treatment: reasons;
        ..."), ``to_confirm, arm, propensity, value`` (missing until priced), ``decision_id``, the
        SHA-256 of strategy, account, treatment and period.

    Raises
    ------
    InputError
        What `schema.admit` finds in either table; ``DLQ-105`` scores that are missing, ``DLQ-121``
        scored accounts that are not in accounts, ``DLQ-122`` scores from after ``as_of``,
        ``DLQ-123`` bands that the strategy does not know, ``DLQ-124`` several snapshots of an
        account.

    Examples
    --------
    >>> scores = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 2],
    ...         "snapshot_date": "2026-06-30",
    ...         "probability": [0.02, 0.4],
    ...         "points": [640.0, 530.0],
    ...         "band": ["A", "E"],
    ...     }
    ... )
    >>> accounts = pd.DataFrame(
    ...     {"account_id": [1, 2], "days_past_due": [0, 20], "dispute": [False, True]}
    ... )
    >>> plan = assign(scores, accounts, as_of="2026-07-01")
    >>> plan[["stage", "treatment", "rule"]].values.tolist()
    [['pre_due', 'no_action', 'pre_due/A'], ['8-30', 'care_and_hold', 'hold:dispute']]
    """
    if contacts is not None or packs:
        # never accepted and ignored: whoever passes rules relies on them
        raise NotImplementedError("contact logs and rule packs are not wired in yet")
    strategy = Strategy.default() if strategy is None else strategy
    when = instant_of(as_of)
    scored, facts = _joined(scores, accounts, when)
    stage, band = _stages(facts, strategy), _bands(scored, strategy)
    drafted = _Draft(scored, Gates(facts, strategy.treatments), strategy)
    drafted.fill(stage * len(strategy.file.bands) + band)
    return _as_plan(drafted, stage, band, when)


def _joined(scores: Any, accounts: Any, when: pd.Timestamp) -> tuple[pd.DataFrame, Facts]:
    scored = schema.admit(scores, schema.SCORES)
    known = admit_accounts(accounts)
    problems = [*_score_problems(scored, when), *_id_problems(scored, known)]
    if problems:
        raise InputError(*problems)
    row = pd.Index(known["account_id"]).get_indexer(pd.Index(scored["account_id"]))
    table = known.iloc[row].reset_index(drop=True)
    for name in ("probability", "points"):
        if name not in table:
            table[name] = scored[name]
    return scored, Facts(table)


def _score_problems(scored: pd.DataFrame, when: pd.Timestamp) -> list[Problem]:
    problems = []
    for name in ("probability", "points"):
        lacking = int(scored[name].isna().sum())
        if lacking:
            what = f"{lacking:,} of {len(scored):,} scores are missing; there is no default band"
            fix = "score these accounts, or leave them out and say so"
            problems.append(Problem("DLQ-105", what, f"scores.{name}", lacking, fix))
    repeated = int(scored["account_id"].duplicated().sum())
    if repeated:
        fix = "plan one snapshot at a time"
        what = "accounts have more than one snapshot"
        problems.append(Problem("DLQ-124", what, "scores", repeated, fix))
    late = int((scored["snapshot_date"].dt.tz_localize("UTC") > when).sum())
    if late:
        what = f"{late:,} of {len(scored):,} scores are from after as_of"
        problems.append(Problem("DLQ-122", what, "scores.snapshot_date", late, "check as_of"))
    return problems


def _id_problems(scored: pd.DataFrame, known: pd.DataFrame) -> list[Problem]:
    if (scored["account_id"].dtype == "int64") != (known["account_id"].dtype == "int64"):
        what = "ids are integers in one table and text in the other"
        return [Problem("DLQ-121", what, "scores, accounts", fix="export both in one type")]
    lacking = ~scored["account_id"].isin(known["account_id"]).to_numpy(dtype=bool)
    if not lacking.any():
        return []
    count = int(lacking.sum())
    what = f"{count:,} of {len(lacking):,} scored accounts are not in accounts"
    return [Problem("DLQ-121", what, "accounts", count, "pass every scored account")]


def _stages(facts: Facts, strategy: Strategy) -> np.ndarray:
    order = np.argsort([stage.dpd[0] for stage in strategy.file.stages])
    starts = np.array([strategy.file.stages[i].dpd[0] for i in order], dtype="float64")
    days = facts.table["days_past_due"].to_numpy(dtype="float64")
    return order[np.searchsorted(starts, days, side="right") - 1]


def _bands(scored: pd.DataFrame, strategy: Strategy) -> np.ndarray:
    """Return the position of each account's band: by fixed edges, else by the name it came with."""
    bands = strategy.file.bands
    if bands[0].points is not None:
        lows = [-np.inf if b.points is None or b.points[0] is None else b.points[0] for b in bands]
        order = np.argsort(lows)
        points = scored["points"].to_numpy(dtype="float64")
        return order[np.searchsorted(np.array(lows)[order], points, side="right") - 1]
    position = pd.Index([band.band for band in bands]).get_indexer(pd.Index(scored["band"]))
    lacking = int((position < 0).sum())
    if lacking:
        what = f"{lacking:,} of {len(scored):,} rows have a band that the strategy does not know"
        fix = "known bands: " + ", ".join(band.band for band in bands)
        raise InputError(Problem("DLQ-123", what, "scores.band", lacking, fix))
    return position


class _Draft:
    """The columns of a plan while cells fill them in."""

    def __init__(self, scored: pd.DataFrame, gates: Gates, strategy: Strategy) -> None:
        self.scored, self.gates, self.strategy = scored, gates, strategy
        n = len(scored)
        self.text = {
            name: np.full(n, "", dtype=object)
            for name in ("treatment", "also", "channel", "rule", "removed", "to_confirm")
        }
        self.held = gates.facts.held()

    def fill(self, pair: np.ndarray) -> None:
        """Walk through the cells once, each with the accounts of its stage and band."""
        order = np.argsort(pair, kind="stable")
        starts = np.searchsorted(pair[order], np.arange(self._pairs() + 1))
        rows_of = {p: order[starts[p] : starts[p + 1]] for p in range(self._pairs())}
        stages = {s.stage: i for i, s in enumerate(self.strategy.file.stages)}
        bands = {b.band: i for i, b in enumerate(self.strategy.file.bands)}
        for stage, band, rule, cell in self.strategy.rules():
            code = stages[stage] * len(bands) + bands[band]
            rows = rows_of[code]
            if cell.when and len(rows):
                facts = self.gates.facts.table
                columns = [name for name in cell.when if name in facts]
                holds = holds_for(cell.when, facts[columns].iloc[rows])
                rows_of[code], rows = rows[~holds], rows[holds]
            else:
                rows_of[code] = rows[:0]
            if len(rows):
                self._choose(rows, rule, cell)

    def _pairs(self) -> int:
        return len(self.strategy.file.stages) * len(self.strategy.file.bands)

    def _choose(self, rows: np.ndarray, rule: str, cell: Cell) -> None:
        names = [*cell.treatment, *cell.also]
        removed = np.column_stack([self._removed(name, rows) for name in names])
        listed = removed[:, : len(cell.treatment)]
        chosen = np.where(listed.all(axis=1), len(cell.treatment), listed.argmin(axis=1))
        held = self.held[rows]
        code = np.where(held, len(cell.treatment) + 1, chosen)
        options = [*cell.treatment, self.strategy.file.last_resort, CARE]
        self.text["removed"][rows] = self._why(names, rows)
        self.text["rule"][rows] = rule
        self.text["rule"][rows[chosen == len(cell.treatment)]] = f"{rule}/last_resort"
        if held.any():
            self.text["rule"][rows[held]] = self._hold_rules(rows[held])
        for position in np.unique(code):
            here = code == position
            beside = [] if position > len(cell.treatment) else list(cell.also)
            also_removed = removed[here][:, len(cell.treatment) :]
            self._write(rows[here], options[position], beside, also_removed)

    def _removed(self, name: str, rows: np.ndarray) -> np.ndarray:
        masks = [gate.removes[rows] for gate in self.gates.of(name)]
        return np.logical_or.reduce([np.zeros(len(rows), dtype=bool), *masks])

    def _why(self, names: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Return "treatment: reason, reason; ..." for each row; equal patterns are worded once."""
        reasons = [
            (name, gate.reason, gate.removes[rows])
            for name in names
            for gate in self.gates.of(name)
        ]
        code, words = _patterns([mask for *_, mask in reasons], len(rows))
        texts = []
        for pattern in words:
            found: dict[str, list[str]] = {}
            for position in pattern:
                name, reason, _ = reasons[position]
                found.setdefault(name, []).append(reason)
            texts.append("; ".join(f"{name}: {', '.join(why)}" for name, why in found.items()))
        return np.array(texts, dtype=object)[code]

    def _hold_rules(self, rows: np.ndarray) -> np.ndarray:
        facts = self.gates.facts
        names = facts.holds()
        stated = [facts.get(name) for name in names]
        code, words = _patterns([mask[rows] for mask in stated if mask is not None], len(rows))
        texts = ["hold:" + "+".join(names[position] for position in pattern) for pattern in words]
        return np.array(texts, dtype=object)[code]

    def _write(
        self, rows: np.ndarray, name: str, beside: Sequence[str], removed: np.ndarray
    ) -> None:
        treatments = self.strategy.treatments
        self.text["treatment"][rows] = name
        channels = np.array([*treatments[name].channels, ""], dtype=object)
        if name != CARE:
            self.text["channel"][rows] = channels[self.gates.channel(name)[rows]]
        code, words = _patterns([~removed[:, k] for k in range(len(beside))], len(rows))
        also, confirm = [], []
        for pattern in words:
            running = self._compatible(name, [beside[position] for position in pattern])
            also.append("; ".join(running))
            asked = {entry: self.gates.to_confirm(entry) for entry in [name, *running]}
            confirm.append("; ".join(f"{e}: {', '.join(n)}" for e, n in asked.items() if n))
        self.text["also"][rows] = np.array(also, dtype=object)[code]
        if name != CARE:
            self.text["to_confirm"][rows] = np.array(confirm, dtype=object)[code]

    def _compatible(self, name: str, beside: Sequence[str]) -> list[str]:
        """Keep what may run beside the chosen treatment: at most one of a mutex group."""
        groups = {self.strategy.treatments[name].mutex}
        running = []
        for other in beside:
            group = self.strategy.treatments[other].mutex
            if group == "none" or group not in groups:
                running.append(other)
                groups.add(group)
        return running


def _patterns(masks: Sequence[np.ndarray], n: int) -> tuple[np.ndarray, list[list[int]]]:
    """Return a code for each row and, for each code, which masks are true in it."""
    code = np.zeros(n, dtype=np.int64)
    words: list[list[int]] = [[]]
    for position, mask in enumerate(masks):
        code, distinct = pd.factorize(code * 2 + mask)
        words = [
            [*words[number // 2], position] if number % 2 else words[number // 2]
            for number in distinct.tolist()
        ]
    return code, words


def _as_plan(
    draft: _Draft, stage: np.ndarray, band: np.ndarray, when: pd.Timestamp
) -> pd.DataFrame:
    file, scored = draft.strategy.file, draft.scored
    ids = scored["account_id"]
    day = when.tz_localize(None).normalize()
    columns: dict[str, Any] = {
        "account_id": ids,
        "snapshot_date": scored["snapshot_date"],
        "as_of": pd.Series(day, index=ids.index).astype(schema.DATE_DTYPE),
        "stage": np.array([entry.stage for entry in file.stages], dtype=object)[stage],
        "band": np.array([entry.band for entry in file.bands], dtype=object)[band],
        "treatment": draft.text["treatment"],
        "also": draft.text["also"],
        "channel": draft.text["channel"],
        "earliest_at": pd.Series(when, index=ids.index, dtype="datetime64[us, UTC]"),
        "rule": draft.text["rule"],
        "removed": draft.text["removed"],
        "to_confirm": draft.text["to_confirm"],
        "arm": file.role,
        "propensity": 1.0,
        "value": np.nan,
        "decision_id": _decision_ids(draft, day),
    }
    return pd.DataFrame(columns)


def _decision_ids(draft: _Draft, day: pd.Timestamp) -> np.ndarray:
    period = period_of(day, draft.strategy.file.period)
    head = hashlib.sha256(f"{draft.strategy.hash}|".encode())
    result = np.empty(len(draft.scored), dtype=object)
    pairs = zip(draft.scored["account_id"].tolist(), draft.text["treatment"], strict=True)
    for position, (account, treatment) in enumerate(pairs):
        digest = head.copy()
        digest.update(f"{account}|{treatment}|{period}".encode())
        result[position] = digest.hexdigest()
    return result


def period_of(day: pd.Timestamp, period: str) -> str:
    """Return the name of the period that a day lies in.

    Examples
    --------
    >>> (
    ...     period_of(pd.Timestamp("2026-11-23"), "week"),
    ...     period_of(pd.Timestamp("2026-11-23"), "month"),
    ... )
    ('2026-W48', '2026-11')
    """
    if period == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    return day.strftime("%Y-%m" if period == "month" else "%Y-%m-%d")
