"""Caps over a whole plan: contacts that each may have alone, and that all together would break.

A contact is one channel of one account: what runs beside a treatment on its own channel is said in
the same call, and counts once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.strategy._clock import release
from delinquency.strategy._draft import Draft
from delinquency.strategy._effects import channels_of
from delinquency.strategy._rule_models import Rule

__all__ = ["share_caps"]


def share_caps(draft: Draft) -> None:
    """Take out of a plan the contacts that break a cap together.

    A cap adds up what it names: the contacts of an account, or of all accounts of a person. Chosen
    treatments go before what runs beside them, then the longest overdue goes first. A treatment
    beyond the cap gives way to the last resort, one beside it is left out.
    """
    caps = draft.gates.engine.caps()
    if not caps:
        return
    planned, again = _planned(draft), True
    while again:
        # what is left out may bring the rest forward, to a day with less room: so once more
        again = False
        for rule, applies in caps:
            over = _beyond(draft, rule, planned[applies[planned["row"]]])
            if len(over):
                _leave_out(draft, rule, over)
                planned, again = _planned(draft), True


def _planned(draft: Draft) -> pd.DataFrame:
    """Return ``row, channel, name, beside``: each treatment with a channel, the chosen ones first."""
    rows = np.flatnonzero(draft.text["channel"] != "")
    chosen = (rows, draft.text["channel"][rows], draft.text["treatment"][rows], False)
    found: list[tuple[np.ndarray, np.ndarray, Any, bool]] = [chosen]
    beside = np.flatnonzero(draft.text["also"] != "")
    code, texts = pd.factorize(draft.text["also"][beside])
    for number, text in enumerate(texts):
        for name in str(text).split("; "):
            channels = draft.strategy.treatments[name].channels
            here = beside[code == number]
            position = draft.gates.channel(name)[here]
            here, position = here[position >= 0], position[position >= 0]
            if len(here):
                found.append((here, np.array(channels, dtype=object)[position], name, True))
    names = ("row", "channel", "name", "beside")
    parts = [pd.DataFrame(dict(zip(names, part, strict=True))) for part in found]
    return pd.concat(parts, ignore_index=True)


def _beyond(draft: Draft, rule: Rule, planned: pd.DataFrame) -> pd.DataFrame:
    """Return what goes with the contacts for which a cap leaves no room."""
    # most accounts have one contact, and most persons one account
    unit = _units(draft, rule)[planned["row"]]
    planned = planned.assign(unit=unit)[np.bincount(unit, minlength=1)[unit] > 1]
    on = planned["channel"].isin(channels_of(rule))
    bound = on | planned["name"].isin(rule.treatments)
    counts = on.astype("int64") if rule.channels else pd.Series(1, index=planned.index)
    table = planned.assign(bound=bound, counts=counts)[bound | (counts > 0)]
    table["contact"] = table.groupby(["row", "channel"], sort=False).ngroup()
    single = table[~table["contact"].duplicated()]
    dpd = draft.gates.dpd[single["row"]]
    # what the cap counts but does not bind uses up its room, whoever comes first
    single = single.iloc[np.lexsort((single["row"], -dpd, single["beside"], single["bound"]))]
    used = single.groupby("unit")["counts"].cumsum() - single["counts"]
    # the first of a unit has room, or its own gate would have put it off
    later = single[single["bound"] & (used > 0)]
    if not len(later):
        return later
    over = used[later.index] >= _free(draft, rule, later["row"].to_numpy())
    return table[table["contact"].isin(later.loc[over, "contact"])]


def _units(draft: Draft, rule: Rule) -> np.ndarray:
    """Return for each account whose contacts are added up with its own."""
    table = draft.gates.facts.table
    if rule.cap is None or rule.cap.unit == "account" or "person_id" not in table:
        return np.arange(draft.n)
    return pd.factorize(table["person_id"])[0]


def _free(draft: Draft, rule: Rule, rows: np.ndarray) -> np.ndarray:
    """Return how many more contacts a cap permits on the day of the planned ones."""
    cap, engine = rule.cap, draft.gates.engine
    assert cap is not None
    free = np.full(len(rows), cap.max, dtype=np.int64)
    if engine.log is None:
        return free
    times = engine.counted(rule)[rows]
    for k in range(cap.max):
        ends = release(times[:, k], engine.zone[rows], engine.zones, days=cap.days)
        free -= ends > draft.earliest[rows]
    return free


def _leave_out(draft: Draft, rule: Rule, over: pd.DataFrame) -> None:
    """Let chosen treatments give way to the last resort, and take out what runs beside them."""
    chosen = over[~over["beside"]]
    for name, rows in chosen.groupby("name", sort=False)["row"]:
        _give_way(draft, rule, str(name), rows.to_numpy())
    beside = over[~over["row"].isin(chosen["row"])]
    gone = beside.groupby("row", sort=False)["name"].agg("; ".join)
    rows = gone.index.to_numpy()
    running = {name: draft.text[name][rows] for name in ("treatment", "also")}
    alike = pd.DataFrame({**running, "gone": gone.to_numpy()})
    for here in alike.groupby(list(alike), sort=False).indices.values():
        name, also, out = alike.iloc[here[0]]
        left = [other for other in also.split("; ") if other not in out.split("; ")]
        for other in out.split("; "):
            draft.note(rows[here], other, rule.id)
        draft.tell(rows[here], name, left)


def _give_way(draft: Draft, rule: Rule, name: str, rows: np.ndarray) -> None:
    draft.note(rows, name, rule.id)
    draft.text["rule"][rows] = draft.text["rule"][rows] + "/shared_cap"
    draft.text["treatment"][rows] = draft.strategy.file.last_resort
    for column in ("also", "channel", "postponed", "to_confirm", "notices", "warnings"):
        draft.text[column][rows] = ""
    draft.earliest[rows] = draft.gates.engine.now
    draft.propensity[rows] = 1.0
