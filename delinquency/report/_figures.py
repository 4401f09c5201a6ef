"""Figures of the report, and how they become light SVG in the colours of the page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["draw_drivers", "draw_plan", "short", "to_svg"]

# Each colour of the style stands for a variable of the page's sheet, so that dark mode reaches
# figures.
_COLOURS = {
    "#0b6b70": "var(--accent)",
    "#1f2a33": "var(--ink)",
    "#66727d": "var(--muted)",
    "#d9dfe4": "var(--line)",
}
_ACCENT, _INK, _MUTED, _LINE = _COLOURS

_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": _MUTED,
    "axes.grid": True,
    "axes.labelcolor": _MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.prop_cycle": f"cycler('color', ['{_ACCENT}', '{_MUTED}'])",
    "errorbar.capsize": 2,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 11,
    "font.sans-serif": ["DejaVu Sans"],
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 2,
    "svg.fonttype": "none",  # text stays text: lighter, and a screen reader can read it
    "text.color": _INK,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.major.pad": 6,
    "xtick.major.size": 0,
    "ytick.major.pad": 6,
    "ytick.major.size": 0,
}


def draw_drivers(table: pd.DataFrame, ax: Any) -> Any:
    """Draw what drives a score: a bar a feature, the strongest on top.

    Parameters
    ----------
    table : DataFrame
        ``feature, share, sign``, most important first.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same ``ax``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame({"feature": ["dpd_max_3m"], "share": [0.4], "sign": [1]})
    >>> draw_drivers(table, Figure().subplots()).get_yticklabels()[0].get_text()
    'dpd_max_3m ▲'
    """
    place = np.arange(len(table))
    marks = {1: " ▲", -1: " ▼"}
    names = [
        short(feature) + marks.get(0 if pd.isna(sign) else int(sign), "")
        for feature, sign in zip(table["feature"], table["sign"], strict=True)
    ]
    ax.barh(place, table["share"], color="C0", alpha=0.35, height=0.66)
    for y, share in zip(place, table["share"], strict=True):
        ax.annotate(f"{share:.0%}", (share, y), (4, 0), textcoords="offset points", va="center")
    ax.set_yticks(place, names)
    ax.set_xlim(0, float(table["share"].max() or 1) * 1.15)
    ax.set_xticks([])
    ax.spines[["bottom", "left"]].set_visible(False)
    ax.grid(visible=False)
    ax.tick_params(axis="y", labelcolor=ax.xaxis.label.get_color())
    ax.invert_yaxis()
    return ax


def draw_plan(table: pd.DataFrame, ax: Any) -> Any:
    """Draw a plan: a row a treatment, a column a band, shaded by its share of the band.

    Parameters
    ----------
    table : DataFrame
        ``treatment, band, n`` in long form; treatments and bands keep the order they first come in.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same ``ax``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame({"treatment": ["call", "none"], "band": ["B", "A"], "n": [3, 7]})
    >>> [text.get_text() for text in draw_plan(table, Figure().subplots()).texts]
    ['100%', '100%']
    """
    from matplotlib.patches import Rectangle

    counts = plan_counts(table)
    shares = (counts / counts.sum().replace(0, np.nan)).to_numpy(dtype="float64")
    for y, x in np.argwhere(shares > 0):
        share = float(shares[y, x])
        # a tenth of the shade at least, so that a small cell is still seen to be there
        shade = 0.1 + 0.6 * share
        ax.add_patch(Rectangle((x - 0.47, y - 0.44), 0.94, 0.88, color="C0", alpha=shade, lw=0))
        text = "<1%" if share < 0.005 else f"{share:.0%}"
        ax.text(x, y, text, ha="center", va="center")
    ax.set(xlim=(-0.5, counts.shape[1] - 0.5), ylim=(counts.shape[0] - 0.5, -0.5))
    ax.set_xticks(np.arange(counts.shape[1]), [short(name, 10) for name in counts.columns])
    ax.set_yticks(np.arange(counts.shape[0]), [short(in_words(name)) for name in counts.index])
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    return ax


def plan_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return accounts by treatment (rows) and band (columns), in the order they first come in."""
    counts = table.pivot_table(
        index="treatment", columns="band", values="n", aggfunc="sum", sort=False
    )
    return counts.reindex(pd.unique(table["treatment"])).fillna(0)


def in_words(name: Any) -> str:
    """Return a name as people say it: ``agent_call`` is "agent call"."""
    return str(name).replace("_", " ")


def short(name: Any, length: int = 28) -> str:
    """Return a name on one line, cut to a length that leaves room for the figure."""
    text = " ".join(str(name).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def to_svg(
    draw: Callable[[Any], Any], name: str, label: str, size: tuple[float, float] = (5.2, 4.2)
) -> tuple[str, dict[str, str]]:
    """Draw one figure and return it as SVG, with the style rules its classes need.

    Parameters
    ----------
    draw : callable
        Takes an ``ax`` and draws.
    name : str
        Short and unique on the page: prefix of its classes and salt of its ids.
    label : str
        What a screen reader says.
    size : (float, float)
        Width and height in inches of 72 units.

    Returns
    -------
    (str, dict of str to str)
        The SVG element, and its rules by class.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        # a person's own style must not change the page
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        matplotlib.rcParams["svg.hashsalt"] = name
        # the page's own fonts draw the text; what the measuring font lacks does not matter
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        # names without end are cut by the page, not a reason to have none
        warnings.filterwarnings("ignore", "constrained_layout not applied", UserWarning)
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return _inline(file.getvalue(), name, label)


def _inline(text: str, name: str, label: str) -> tuple[str, dict[str, str]]:
    """Strip what a page does not need, and move inline styles into classes, as the CSP asks."""
    box = re.search(r'viewBox="([^"]+)"', text)
    body = re.sub(r"^.*?<svg[^>]*>", "", text, flags=re.S).rpartition("</svg>")[0]
    for waste in (r"<metadata>.*?</metadata>", r"<style.*?</style>", r"<!--.*?-->"):
        body = re.sub(waste, "", body, flags=re.S)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    rules: dict[str, str] = {}

    def lighter(match: re.Match[str]) -> str:
        tag = match[0].replace("xlink:href", "href")
        tag = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", tag)
        tag = re.sub(r' d="([^"]+)"', lambda m: f' d="{_rounded(m[1])}"', tag)
        return re.sub(r' style="([^"]*)"', classed, tag)

    def classed(match: re.Match[str]) -> str:
        rule = _rule(match[1])
        return f' class="{rules.setdefault(rule, f"{name}{len(rules)}")}"' if rule else ""

    # only inside tags: what stands between them may be a name that looks like an attribute
    body = re.sub(r"<[^>]+>", lighter, body)
    body = re.sub(r">\s+<", "><", body)
    assert box is not None  # matplotlib always writes one
    svg = f'<svg viewBox="{box[1]}" role="img" aria-label="{escape(label)}">{body.strip()}</svg>'
    return svg, {class_: rule for rule, class_ in rules.items()}


def _rounded(path: str) -> str:
    """Return path data to a hundredth of a unit: a tenth of what an eye can tell."""
    short = re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), path)
    return " ".join(short.split())


def _rule(style: str) -> str:
    """Return a style as the page wants it: its own colours, its own fonts, sizes kept."""
    for colour, variable in _COLOURS.items():
        style = style.replace(colour, variable)
    # matplotlib names its measuring font; the page inherits its own
    style = re.sub(r"font: (?:[a-z0-9]+ )*?([\d.]+px) [^;]*", r"font-size: \1", style)
    return style.strip().rstrip(";")
