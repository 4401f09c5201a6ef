"""What a cell must not be: unreachable, without effect, for an arm that is none, or missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from delinquency.errors import Problem, did_you_mean
from delinquency.settings import parts
from delinquency.storage import Document, quoted
from delinquency.strategy._file import Band, Cell, Stage
from delinquency.strategy._treatments import Treatment

__all__ = ["as_tuple", "cell_problems", "unknown"]


def unknown(kind: str, name: str, known: Mapping[str, Any], where: str) -> Problem:
    """Return the problem of a name that is none, with the nearest one that is."""
    near = did_you_mean(name, known)
    fix = near or "known: " + ", ".join(list(known)[:30])
    return Problem("DLQ-206", f"unknown {kind} {quoted(name)}", where, fix=fix)


def cell_problems(
    document: Document,
    stages: Mapping[int, Stage],
    bands: Mapping[int, Band],
    treatments: Mapping[str, Treatment],
) -> Iterator[Problem]:
    """Say what is wrong with cells: names, order, arms, and pairs that no cell serves."""
    cells = parts(Cell, document.data.get("cells"))
    by_stage = {stage.stage: stage for stage in stages.values()}
    by_band = {band.band: band for band in bands.values()}
    # a broken entry is reported once, where it stands; its name is known all the same
    named = {
        "stage": _written(document, "stages", "stage"),
        "band": _written(document, "bands", "band"),
        "treatment": dict.fromkeys([*treatments, *_written(document, "treatments", "treatment")]),
    }
    arms = _arms(document.data.get("experiment"))
    closed: set[tuple[str, str, str]] = set()
    rules: set[str] = set()
    for position, cell in cells.items():
        at = ("cells", position)
        yield from _name_problems(document, at, cell, named)
        yield from _choice_problems(document, at, cell, by_stage, treatments)
        if cell.rule in rules:
            what = f"rule {quoted(cell.rule)} stands twice"
            yield Problem("DLQ-208", what, document.at(*at, "rule"), fix="give each its own id")
        rules |= {cell.rule} if cell.rule else set()
        yield from _arm_problems(document, at, cell, arms)
        own = cell.arm or arms
        pairs = dict.fromkeys((s, b, arm) for s in cell.stage for b in cell.band for arm in own)
        hidden = [pair for pair in pairs if pair in closed]
        if hidden:
            what = (
                f"a cell is unreachable in {_pair(hidden[0])}: one without conditions stands before"
            )
            fix = "put the cell with conditions first, or remove one"
            yield Problem("DLQ-208", what, document.at(*at), len(hidden), fix)
        closed |= set() if cell.when else set(pairs)
    if len(cells) == len(as_tuple(document.data.get("cells"))):
        open_pairs = [
            (s, b, arm)
            for s in by_stage
            for b in by_band
            for arm in arms
            if (s, b, arm) not in closed
        ]
        yield from _gaps(document, open_pairs)
    yield from _last_resort(document, treatments)


def _arms(trial: Any) -> tuple[str, ...]:
    """Return the arms whose accounts need cells; without an experiment there is one, unnamed."""
    given = trial.get("arms") if isinstance(trial, dict) else None
    if not isinstance(given, dict):
        return ("",)
    return tuple(arm for arm in given if arm != trial.get("hold_out")) or ("",)


def _arm_problems(
    document: Document, at: tuple[str, int], cell: Cell, arms: tuple[str, ...]
) -> Iterator[Problem]:
    for index, arm in enumerate(cell.arm):
        if arm not in arms:
            near = did_you_mean(arm, arms)
            fix = near or "name it under experiment: arms; a hold-out has no cells"
            where = document.at(*at, "arm", index)
            yield Problem("DLQ-206", f"unknown arm {quoted(arm)}", where, fix=fix)


def _pair(pair: tuple[str, str, str]) -> str:
    arm = f", arm {quoted(pair[2])}" if pair[2] else ""
    return f"stage {quoted(pair[0])}, band {quoted(pair[1])}{arm}"


def _gaps(document: Document, pairs: list[tuple[str, str, str]]) -> Iterator[Problem]:
    if pairs:
        more = f" and {len(pairs) - 3} more" if len(pairs) > 3 else ""
        said = "; ".join(_pair(pair) for pair in pairs[:3]) + more
        fix = "add a cell without conditions for each"
        what = f"no cell without conditions for {said}"
        yield Problem("DLQ-208", what, document.key("cells"), len(pairs), fix)


def _written(document: Document, key: str, name: str) -> dict[str, None]:
    entries = document.data.get(key)
    found = [e.get(name) if isinstance(e, dict) else e for e in as_tuple(entries)]
    return dict.fromkeys(entry for entry in found if isinstance(entry, str))


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return a list of a file, an empty one where something else stands."""
    return value if isinstance(value, tuple) else ()


def _name_problems(
    document: Document, at: tuple[str, int], cell: Cell, named: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    for key in ("stage", "band", "treatment", "also"):
        kind = "treatment" if key == "also" else key
        given: tuple[str, ...] = getattr(cell, key)
        for index, name in enumerate(given):
            where = document.at(*at, key, index)
            if name not in named[kind]:
                yield unknown(kind, name, named[kind], where)
            elif name in given[:index]:
                what = f"{kind} {quoted(name)} stands twice in a cell"
                yield Problem("DLQ-208", what, where, fix="keep one")


def _choice_problems(
    document: Document,
    at: tuple[str, int],
    cell: Cell,
    stages: Mapping[str, Stage],
    treatments: Mapping[str, Treatment],
) -> Iterator[Problem]:
    here = [stages[name] for name in cell.stage if name in stages]
    listed = [("treatment", i, n) for i, n in enumerate(cell.treatment)]
    listed += [("also", i, n) for i, n in enumerate(cell.also)]
    sure = None
    for key, index, name in listed:
        entry = treatments.get(name)
        where = document.at(*at, key, index)
        if entry is None:
            continue
        if reason := _never(entry, here) or _denied(entry, cell):
            what = f"{quoted(name)} can never be chosen here: {reason}"
            yield Problem("DLQ-209", what, where, fix="take it out, or move it to another cell")
        if key == "treatment" and sure:
            what = f"{quoted(name)} is unreachable: nothing ever removes {quoted(sure)} before it"
            yield Problem("DLQ-208", what, where, fix="change the order, or remove it")
        if key == "treatment" and not sure and _always(entry, here):
            sure = name
        if key == "also" and _excluded(entry, cell, treatments):
            what = f"{quoted(name)} can never run beside this cell's treatments: same mutex group"
            yield Problem("DLQ-209", what, where, fix="list it under treatment instead")
    for stage in here:
        yield from _empty_condition(document, at, cell, stage)


def _never(entry: Treatment, here: list[Stage]) -> str:
    if not entry.enabled:
        return "it is disabled"
    if entry.overrides_all:
        return "only a hold leads to it"
    low, high = entry.dpd
    for stage in here:
        last = inf if stage.dpd[1] is None else stage.dpd[1]
        if low > last or high < stage.dpd[0]:
            return f"it covers DPD {low} to {high}, which stage {quoted(stage.stage)} does not meet"
    return ""


def _denied(entry: Treatment, cell: Cell) -> str:
    """Say which precondition the cell's own conditions deny."""
    for need in entry.requires:
        test = cell.when.get(need)
        if test is not None and test.equals is False:
            return f"it requires {need}, and the cell asks for accounts without it"
    return ""


def _always(entry: Treatment, here: list[Stage]) -> bool:
    if not entry.enabled or entry.requires or entry.rung >= 5 or entry.channels:
        return False
    return all(entry.dpd[0] <= s.dpd[0] and (s.dpd[1] or inf) <= _reach(entry) for s in here)


def _reach(entry: Treatment) -> float:
    return inf if entry.dpd[1] >= 9999 else entry.dpd[1]


def _excluded(entry: Treatment, cell: Cell, treatments: Mapping[str, Treatment]) -> bool:
    groups = {treatments[name].mutex for name in cell.treatment if name in treatments}
    return entry.mutex != "none" and groups == {entry.mutex}


def _empty_condition(
    document: Document, at: tuple[str, int], cell: Cell, stage: Stage
) -> Iterator[Problem]:
    test = cell.when.get("days_past_due")
    if test is None:
        return
    low, high = test.bounds()
    last = inf if stage.dpd[1] is None else stage.dpd[1]
    if low > last or high < stage.dpd[0]:
        what = f"the condition on days_past_due can never hold in stage {quoted(stage.stage)}"
        where = document.at(*at, "when", "days_past_due")
        yield Problem("DLQ-208", what, where, fix="change it, or the stage of the cell")


def _last_resort(document: Document, treatments: Mapping[str, Treatment]) -> Iterator[Problem]:
    name = document.data.get("last_resort", "no_action")
    if not isinstance(name, str):
        return
    where = document.at("last_resort")
    entry = treatments.get(name)
    if entry is None:
        yield unknown("treatment", name, treatments, where)
    elif entry.requires or entry.rung or entry.channels or not entry.enabled or entry.overrides_all:
        what = f"{quoted(name)} cannot be the last resort: something may remove it"
        yield Problem("DLQ-209", what, where, fix="use no_action, or one without preconditions")
