"""A sheet: sections of sentences, figures and tables that become one page, for whoever has run a job."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from delinquency.report import _page as page
from delinquency.report._figures import to_svg

__all__ = ["Card", "Grid", "Picture", "Section", "Sheet", "render_sheet"]


@dataclass(frozen=True)
class Picture:
    """A figure: what draws it on an ``ax``, what a screen reader says, and the text below it."""

    draw: Callable[[Any], Any]
    label: str
    caption: str = ""
    size: tuple[float, float] = (5.4, 3.8)


@dataclass(frozen=True)
class Grid:
    """A table, and how each of its columns is shown.

    Parameters
    ----------
    table : DataFrame
    columns : mapping of str to (str, str)
        Column to heading and kind: ``text``, ``count``, ``share``, ``figure``, ``fine`` (four digits),
        ``signed``, ``month`` or ``day``.
    caption : str
    """

    table: pd.DataFrame
    columns: Mapping[str, tuple[str, str]]
    caption: str = ""

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """Headings, and whether they stand over numbers."""
        return [
            (head, kind not in ("text", "month", "day")) for head, kind in self.columns.values()
        ]

    @property
    def rows(self) -> list[list[str]]:
        """Cells as text."""
        kinds = [kind for _, kind in self.columns.values()]
        cells = self.table[list(self.columns)].astype("object").to_numpy().tolist()
        return [[_cell(v, k) for v, k in zip(row, kinds, strict=True)] for row in cells]


@dataclass(frozen=True)
class Card:
    """A finding that must be seen, in two languages."""

    title: str
    en: str
    zh: str = ""


@dataclass(frozen=True)
class Section:
    """One question and its answer; the heading is the answer."""

    name: str
    question: str
    answer: str
    sentences: Sequence[str] = ()
    cards: Sequence[Card] = ()
    pictures: Sequence[Picture] = ()
    grids: Sequence[Grid] = ()


@dataclass(frozen=True)
class Sheet:
    """A page: head, numbers, sections, what is not known, and how it was made.

    No table may carry an account's or a person's id: the page is made to be passed on.

    Examples
    --------
    >>> grid = Grid(pd.DataFrame({"a": [0.25]}), {"a": ("Share <b>", "share")})
    >>> section = Section("one", "How much?", "A quarter", grids=[grid])
    >>> html = render_sheet(Sheet("A page", "30 June 2026", [section]))
    >>> "25.0%" in html, "Share &lt;b&gt;" in html, "<script" in html
    (True, True, False)
    """

    title: str
    as_of: str
    sections: Sequence[Section]
    kicker: str = "Delinquency"
    intro: str = ""
    numbers: Sequence[tuple[str, str, str]] = ()
    unknowns: Sequence[str] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)


def render_sheet(sheet: Sheet) -> str:
    """Return a sheet as one self-contained HTML page.

    It loads nothing, has no script, its content security policy allows none, and every text is
    escaped. The same sheet gives the same text.

    Parameters
    ----------
    sheet : Sheet
    """
    rules: dict[str, str] = {}
    drawn: dict[str, list[tuple[Any, str]]] = {}
    for section in sheet.sections:
        drawn[section.name] = []
        for number, picture in enumerate(section.pictures):
            name = f"{section.name}{chr(97 + number)}"
            svg, own = to_svg(picture.draw, name, picture.label, picture.size)
            rules |= own
            drawn[section.name].append((page.safe(svg), picture.caption))
    style = page.read("style.css") + "\n".join(f".{n}{{{rule}}}" for n, rule in rules.items())
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = page.environment().from_string(page.read("sheet.html.j2"))
    return template.render(
        sheet=sheet,
        drawn=drawn,
        style=page.safe(style),
        content_policy=f"{page.NOTHING}; style-src 'sha256-{digest}'",
    )


def _cell(value: Any, kind: str) -> str:
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return "–"
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if kind in ("month", "day"):
        return pd.Timestamp(value).strftime("%Y-%m" if kind == "month" else "%Y-%m-%d")
    shown = {
        "count": lambda v: f"{v:,.0f}",
        "share": lambda v: f"{v:.1%}",
        "figure": lambda v: f"{v:,.3f}",
        "fine": lambda v: f"{v:,.4f}",
        "signed": lambda v: f"{v:+,.3f}",
    }
    return shown.get(kind, str)(value)
