"""What a strategy must not contain: gaps, overlaps, unknown names, cells that nothing can reach.

Each check looks at the sound parts of a file and says everything it finds, with its place, so a
person repairs a file in one round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from delinquency.errors import Problem
from delinquency.settings import parts
from delinquency.storage import Document, quoted
from delinquency.strategy._check_cells import as_tuple, cell_problems, unknown
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
        *cell_problems(document, stages, bands, treatments),
        *pace_problems(document, parts(Cell, data.get("cells")).values(), treatments),
        *house_problems(document),
    ]


def _bands(data: Any) -> dict[int, Band]:
    return parts(Band, tuple({"band": e} if isinstance(e, str) else e for e in as_tuple(data)))


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
                yield unknown("treatment", name, treatments, document.at(key))
    care = treatments[CARE]
    if not care.enabled or not care.overrides_all or care.rung or care.channels:
        where = document.at("disable" if not care.enabled else "treatments")
        what = f"{CARE} must stay enabled, at rung 0 and without contact: every hold leads to it"
        yield Problem("DLQ-209", what, where, fix="leave it as it is shipped")
    for position, entry in own.items():
        base = shipped.get(entry.treatment)
        if base is not None:
            yield from loosened(document, position, entry, base)
