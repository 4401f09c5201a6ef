"""The page: template, style and figures become one file that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import pandas as pd

from delinquency import evaluation
from delinquency.report._figures import draw_drivers, draw_plan, in_words, plan_counts, to_svg
from delinquency.report._findings import findings, in_short
from delinquency.report._story import Story
from delinquency.report._worth import draw_goals

__all__ = ["NOTHING", "environment", "read", "render_report", "safe"]

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'"


def render_report(story: Story) -> str:
    """Return the report as one self-contained HTML page.

    Parameters
    ----------
    story : Story

    Returns
    -------
    str
        HTML 5 in UTF-8. It loads nothing, has no script, and its content security policy allows
        none; every text of the story is escaped. The same story gives the same text.

    Examples
    --------
    >>> from delinquency.report import Intake, Story
    >>> intake = Intake(rows=12, accounts=2, scored=2)
    >>> page = render_report(Story("A <b>book", "30 September 2005", "made up", "30+", intake))
    >>> "<script" in page, "A &lt;b&gt;book" in page
    (False, True)
    """
    figures, rules = _figures(story)
    style = read("style.css") + "\n".join(f".{name}{{{rule}}}" for name, rule in rules.items())
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = environment().from_string(read("page.html.j2"))
    return template.render(
        story=story,
        figures=figures,
        found=findings(story),
        short=in_short(story),
        plan=_plan_table(story.plan),
        policy=_policy_table(story.policy),
        worth=any(_some(table) for table in (story.goals, story.value, story.prices)),
        style=safe(style),
        content_policy=f"{NOTHING}; style-src 'sha256-{digest}'",
    )


def read(name: str) -> str:
    """Return a file that stands beside this one."""
    return files(__package__ or __name__).joinpath(name).read_text(encoding="utf-8")


def safe(text: str) -> Any:
    """Say that a text of ours needs no escaping."""
    from markupsafe import Markup

    return Markup(text)


def environment() -> Any:
    """Return the templates' surroundings: everything escaped, nothing undefined, our filters."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(
        code=_code,
        count=_count,
        amount=_amount,
        figure=_figure,
        month=_month,
        items=_items,
        plain=_plain,
        rows=_rows,
        share=_share,
        words=in_words,
    )
    return environment


def _figures(story: Story) -> tuple[dict[str, Any], dict[str, str]]:
    """Draw what the story has tables for."""
    parts = {
        "roc": (story.roc, evaluation.draw_roc, "ROC curve", (5.0, 4.0)),
        "gains": (story.gains, evaluation.draw_gains, "Gains curve", (5.0, 4.0)),
        "calibration": (
            getattr(story.calibration, "table", None),
            evaluation.draw_calibration,
            "Calibration with its noise band",
            (5.0, 4.0),
        ),
        "bands": (story.bands, evaluation.draw_bands, "Bad rate by band", (5.0, 3.8)),
        "months": (story.months, evaluation.draw_months, "Bad rate by month", (5.0, 3.8)),
        "drivers": (_top(story.drivers), draw_drivers, "Drivers of the score", (5.4, 4.4)),
        "goals": (story.goals, draw_goals, "Goals as shares of target", _goals_size(story.goals)),
        "plan": (story.plan, draw_plan, "Plan by band", _plan_size(story.plan)),
    }
    figures: dict[str, Any] = dict.fromkeys(parts)
    rules: dict[str, str] = {}
    for name, (table, draw, label, size) in parts.items():
        if table is not None and len(table):
            svg, own = to_svg(lambda ax, d=draw, t=table: d(t, ax), name, label, size)
            figures[name] = safe(svg)
            rules |= own
    return figures, rules


def _top(drivers: pd.DataFrame | None) -> pd.DataFrame | None:
    return None if drivers is None else drivers.head(12)


def _plan_size(plan: pd.DataFrame | None) -> tuple[float, float]:
    rows = 0 if plan is None else plan["treatment"].nunique()
    return 5.4, 0.9 + 0.42 * rows


def _some(table: pd.DataFrame | None) -> bool:
    return table is not None and len(table) > 0


def _goals_size(goals: pd.DataFrame | None) -> tuple[float, float]:
    return 5.4, 0.9 + 0.5 * (0 if goals is None else len(goals))


def _plan_table(plan: pd.DataFrame | None) -> Any:
    """Return treatments with their Chinese names, accounts a band, and totals."""
    if plan is None or plan.empty:
        return None
    counts = plan_counts(plan).astype("int64")
    chinese = plan.drop_duplicates("treatment").set_index("treatment")["zh"]
    rows = [
        {"treatment": name, "zh": chinese[name], "counts": list(row), "total": sum(row)}
        for name, row in zip(counts.index, counts.to_numpy().tolist(), strict=True)
    ]
    return {"bands": list(counts.columns), "rows": rows, "totals": counts.sum().tolist()}


def _policy_table(policy: pd.DataFrame | None) -> Any:
    """Return the policy as a grid: a row a stage, a column a band."""
    if policy is None or policy.empty:
        return None
    cells = {
        (stage, band): treatments
        for stage, band, treatments in zip(
            policy["stage"], policy["band"], policy["treatments"], strict=True
        )
    }
    bands = list(dict.fromkeys(policy["band"]))
    rows = [
        {"stage": stage, "cells": [cells.get((stage, band), "") for band in bands]}
        for stage in dict.fromkeys(policy["stage"])
    ]
    return {"bands": bands, "rows": rows}


def _rows(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return a table as plain rows; a missing value is None."""
    if table is None:
        return []
    records = table.astype(object).where(table.map(_there), None).to_dict("records")
    return [{str(name): value for name, value in record.items()} for record in records]


def _there(value: Any) -> bool:
    missing = pd.isna(value)
    return not missing if isinstance(missing, bool) else True


def _code(value: Any) -> Any:
    """Return a name that may break after its underscores, escaped."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=_)", str(value)))


def _count(value: Any) -> str:
    return "–" if value is None or pd.isna(value) else f"{int(value):,}"


def _share(value: Any, digits: int = 1) -> str:
    return "–" if value is None or pd.isna(value) else f"{float(value):.{digits}%}"


def _figure(value: Any, digits: int = 3) -> str:
    return "–" if value is None or pd.isna(value) else f"{float(value):,.{digits}f}"


def _amount(value: Any) -> str:
    """Return money without pennies, and a share with them."""
    if value is None or pd.isna(value):
        return "–"
    return f"{float(value):,.0f}" if abs(float(value)) >= 100 else f"{float(value):,.3g}"


def _month(value: Any) -> str:
    return pd.Timestamp(value).strftime("%Y-%m")


def _items(value: Any) -> list[str]:
    """Return the parts of a list, or a text as the only part."""
    if value is None or value == "":
        return []
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [str(value)]
    return [str(part) for part in value]


def _plain(value: Any) -> str:
    """Return a number with thousands, anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}"
