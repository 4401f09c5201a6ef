"""What a strategy must not contain: gaps, overlaps, unknown names, cells that nothing can reach.

Each check looks at the sound parts of a file and says everything it finds, with its place, so a
person repairs a file in one round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from delinquency.errors import Problem, did_you_mean
from delinquency.settings import parts
from delinquency.storage import Document, quoted
from delinquency.strategy._check_pace import pace_problems
from delinquency.strategy._file import Band, Cell, Stage
from delinquency.strategy._house import house_problems, loosened
from delinquency.strategy._treatments import CARE, Treatment

__all__ = ["effective_catalogue", "stated_problems"]

Range = tuple[float, float]
JOIN = "let each begin where the one before it ends"


def stated_problems(document: Document, shipped: Mapping[str, Treatment]) -> list[Problem]:
    """Return what is wrong with the meaning of a file, as far as its parts could be read."""
    data = document.data
    stages, bands = parts(Stage, data.get("stages")), _bands(data.get("bands"))
    treatments = effective_catalogue(data, shipped)
    return [
        *_repeated(document, "stages", {i: s.stage for i, s in stages.items()}),
        *_repeated(document, "bands", {i: b.band for i, b in bands.items()}),
        *_stage_problems(document, stages),
        *_band_problems(document, bands),
        *_catalogue_problems(document, treatments, shipped),
        *_cell_problems(document, stages, bands, treatments),
        *pace_problems(document, parts(Cell, data.get("cells")).values(), treatments),
        *house_problems(document),
    ]


def _bands(data: Any) -> dict[int, Band]:
    return parts(Band, tuple({"band": e} if isinstance(e, str) else e for e in _tuple(data)))


def effective_catalogue(data: Any, shipped: Mapping[str, Treatment]) -> dict[str, Treatment]:
    """Return the treatments that a file works with: shipped, added, replaced, enabled, disabled."""
    own = parts(Treatment, data.get("treatments")).values()
    result = {**shipped, **{entry.treatment: entry for entry in own}}
    for key, enabled in (("enable", True), ("disable", False)):
        for name in _names(data.get(key)):
            if name in result:
                result[name] = result[name].model_copy(update={"enabled": enabled})
    return result


def _names(value: Any) -> tuple[str, ...]:
    entries = (value,) if isinstance(value, str) else value
    return tuple(e for e in entries if isinstance(e, str)) if isinstance(entries, tuple) else ()


def _repeated(document: Document, key: str, names: Mapping[int, str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, name in names.items():
        if name in seen:
            what = f"{key[:-1]} {quoted(name)} stands twice"
            yield Problem("DLQ-207", what, document.at(key, position), fix="rename or remove one")
        seen.add(name)


def _stage_problems(document: Document, stages: Mapping[int, Stage]) -> Iterator[Problem]:
    if not stages or len(stages) != len(document.data["stages"]):
        return  # with a part unreadable, a gap would be a false alarm
    ranges = {
        i: (stage.stage, stage.dpd[0], inf if stage.dpd[1] is None else stage.dpd[1] + 1)
        for i, stage in stages.items()
    }
    yield from _not_joined(document, "stages", "dpd", ranges, 0, days=True)


def _band_problems(document: Document, bands: Mapping[int, Band]) -> Iterator[Problem]:
    edged = {i: band for i, band in bands.items() if band.points is not None}
    if not edged or len(bands) != len(document.data["bands"]):
        return
    for position in bands.keys() - edged.keys():
        what = f"band {quoted(bands[position].band)} has no points while others have"
        fix = "give every band its points, or none"
        yield Problem("DLQ-207", what, document.at("bands", position), fix=fix)
    if len(edged) == len(bands):
        ranges = {i: (band.band, *_open_ended(band)) for i, band in edged.items()}
        yield from _not_joined(document, "bands", "points", ranges, -inf, days=False)
        lows = [low for _, low, _ in ranges.values()]
        if lows != sorted(lows, reverse=True):
            fix = "points rise as risk falls, so the highest points come first"
            where = document.at("bands")
            yield Problem("DLQ-207", "bands are not listed from the safest down", where, fix=fix)


def _open_ended(band: Band) -> Range:
    low, high = band.points or (None, None)
    return (-inf if low is None else low, inf if high is None else high)


def _not_joined(
    document: Document,
    key: str,
    field: str,
    ranges: Mapping[int, tuple[str, float, float]],
    start: float,
    *,
    days: bool,
) -> Iterator[Problem]:
    """Say every overlap and gap of half-open ranges that should cover from `start` to the end."""
    ordered = sorted(ranges.items(), key=lambda item: item[1][1:])
    position, (name, low, reach) = ordered[0]
    if low > start:
        what = f"{key} leave a gap below {quoted(name)}: {_span(start, low, days)}"
        yield Problem("DLQ-207", what, document.at(key, position, field), fix=JOIN)
    for position, (other, low, high) in ordered[1:]:
        at = document.at(key, position, field)
        pair = f"{key} {quoted(name)} and {quoted(other)}"
        if low < reach:
            span = _span(low, min(reach, high), days)
            yield Problem("DLQ-207", f"{pair} overlap on {span}", at, fix=JOIN)
        elif low > reach:
            what = f"{pair} leave a gap: {_span(reach, low, days)}"
            yield Problem("DLQ-207", what, at, fix=JOIN)
        if high >= reach:
            name, reach = other, high
    if reach < inf:
        what = f"{key} leave a gap above {quoted(name)}: {_span(reach, inf, days)}"
        fix = "make the last stage open-ended: [181, null]" if days else "open the top band: null"
        yield Problem("DLQ-207", what, document.at(key, position, field), fix=fix)


def _span(low: float, high: float, days: bool) -> str:
    if not days:
        return f"[{low:g}, {high:g})"
    if high == inf:
        return f"DPD {low:g} and more"
    return f"DPD {low:g}" if high - low == 1 else f"DPD {low:g} to {high - 1:g}"


def _catalogue_problems(
    document: Document, treatments: Mapping[str, Treatment], shipped: Mapping[str, Treatment]
) -> Iterator[Problem]:
    own = parts(Treatment, document.data.get("treatments"))
    yield from _repeated(document, "treatments", {i: t.treatment for i, t in own.items()})
    for key in ("enable", "disable"):
        for name in _names(document.data.get(key)):
            if name not in treatments:
                yield _unknown("treatment", name, treatments, document.at(key))
    care = treatments[CARE]
    if not care.enabled or not care.overrides_all or care.rung or care.channels:
        where = document.at("disable" if not care.enabled else "treatments")
        what = f"{CARE} must stay enabled, at rung 0 and without contact: every hold leads to it"
        yield Problem("DLQ-209", what, where, fix="leave it as it is shipped")
    for position, entry in own.items():
        base = shipped.get(entry.treatment)
        if base is not None:
            yield from loosened(document, position, entry, base)


def _unknown(kind: str, name: str, known: Mapping[str, Any], where: str) -> Problem:
    near = did_you_mean(name, known)
    fix = near or "known: " + ", ".join(list(known)[:30])
    return Problem("DLQ-206", f"unknown {kind} {quoted(name)}", where, fix=fix)


def _cell_problems(
    document: Document,
    stages: Mapping[int, Stage],
    bands: Mapping[int, Band],
    treatments: Mapping[str, Treatment],
) -> Iterator[Problem]:
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
    if len(cells) == len(_tuple(document.data.get("cells"))):
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
    found = [e.get(name) if isinstance(e, dict) else e for e in _tuple(entries)]
    return dict.fromkeys(entry for entry in found if isinstance(entry, str))


def _tuple(value: Any) -> tuple[Any, ...]:
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
                yield _unknown(kind, name, named[kind], where)
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
        yield _unknown("treatment", name, treatments, where)
    elif entry.requires or entry.rung or entry.channels or not entry.enabled or entry.overrides_all:
        what = f"{quoted(name)} cannot be the last resort: something may remove it"
        yield Problem("DLQ-209", what, where, fix="use no_action, or one without preconditions")
