"""What people look at: one self-contained HTML page, its figures and tables.

`Story` holds what a page tells, as plain numbers and tables; `render_report` turns it into HTML
that loads nothing, runs no script, and escapes every name it was given. The same story gives the
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
from delinquency.report._page import render_report
from delinquency.report._story import Intake, Story
from delinquency.report._worth import draw_goals, price_rows, value_rows

__all__ = [
    "Intake",
    "Story",
    "audit_rows",
    "band_rows",
    "confirm_rows",
    "draw_drivers",
    "draw_goals",
    "draw_plan",
    "driver_rows",
    "example_rows",
    "plan_by_band",
    "plan_rows",
    "policy_rows",
    "price_rows",
    "removed_rows",
    "render_report",
    "value_rows",
    "waiting_rows",
]
