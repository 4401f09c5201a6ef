"""What people look at: one self-contained HTML page, its figures and tables.

`Story` holds what a page tells, as plain numbers and tables; `render_report` turns it into HTML
that loads nothing, runs no script, and escapes every name it was given. `Sheet` and `render_sheet` do the
same for jobs that answer one question after another: monitoring, retraining. The same story gives the
same bytes.
"""

from delinquency.report._compose import (
    audit_rows,
    band_rows,
    confirm_rows,
    driver_rows,
    example_rows,
    plan_by_band,
    plan_rows,
    policy_rows,
    removed_rows,
    waiting_rows,
)
from delinquency.report._figures import draw_drivers, draw_plan
from delinquency.report._monitor import draw_early, draw_shift, monitor_sheet
from delinquency.report._page import render_report
from delinquency.report._retrain import retrain_sheet
from delinquency.report._sheet import Card, Grid, Picture, Section, Sheet, render_sheet
from delinquency.report._story import Intake, Story
from delinquency.report._worth import draw_goals, price_rows, value_rows

__all__ = [
    "Card",
    "Grid",
    "Intake",
    "Picture",
    "Section",
    "Sheet",
    "Story",
    "audit_rows",
    "band_rows",
    "confirm_rows",
    "draw_drivers",
    "draw_early",
    "draw_goals",
    "draw_plan",
    "draw_shift",
    "driver_rows",
    "example_rows",
    "monitor_sheet",
    "plan_by_band",
    "plan_rows",
    "policy_rows",
    "price_rows",
    "removed_rows",
    "render_report",
    "render_sheet",
    "retrain_sheet",
    "value_rows",
    "waiting_rows",
]
