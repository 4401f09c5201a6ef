"""What people write and what people open: configurations and pages full of mischief. R9, R21."""

import csv
import random
import sys
import tempfile
from collections import Counter
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pandas as pd

from delinquency.evaluation import read_goals
from delinquency.report import render_report
from delinquency.settings import read_settings
from delinquency.strategy import RulePack, Strategy, export_plan
from delinquency.workflows import RetrainSettings

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
from strategy_fuzz import STRATEGY, damaged, outcome, unchecked  # noqa: E402 - found from there

RETRAINING = """\
format: 1
months: months.parquet
registry: champions
window: {learn: 6, judge: 2}
label: {dpd: 60, within: 12}
windows: [3, 6]
gates: {max_auc_loss: 0.01, must_gain: false}
"""
GOALS = """\
format: 1
goals:
  - goal: june
    metric: cure
    target: 0.4
    start: 2026-06-01
    end: 2026-06-30
    days_past_due: [1, 29]
    guardrails: {complaints_per_1000: 2}
"""


def configurations(times, seed=0, trusting=False):
    """Damage a strategy, a rule pack, retraining settings or goals: accepted, or refused by name.

    `trusting` reads as if nothing could be wrong: the negative control.
    """
    chance, counts = random.Random(seed), Counter()
    folder = resources.files("delinquency.strategy").joinpath("data/packs")
    packs = [folder.joinpath(f"{name}.yaml").read_text("utf-8") for name in ("us.tcpa", "ie.cpc")]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "settings.yaml"

        def from_file(read):
            def reader(text, name):
                file.write_text(text, "utf-8", "surrogatepass")
                return read(file)

            return reader

        kinds = [
            (Strategy.from_text, lambda: STRATEGY, "strategy.yaml"),
            (RulePack.from_text, lambda: chance.choice(packs), "pack.yaml"),
            (from_file(lambda f: read_settings(RetrainSettings, f)), lambda: RETRAINING, file.name),
            (from_file(read_goals), lambda: GOALS, file.name),
        ]
        sound = {outcome(read, text(), name) for read, text, name in kinds}
        assert sound == {"accepted"}, "what is to be damaged is not sound"
        for number in range(times):
            read, text, name = (unchecked, kinds[0][1], "x") if trusting else kinds[number % 4]
            counts[outcome(read, damaged(text(), chance), name)] += 1
    counts["configurations"] = times
    counts["no clear answer"] = times - counts["accepted"] - counts["refused"]
    return dict(counts)


PIECES = [
    *("<script>", "</script>", "<img src=x onerror=", "alert(1)", '"', "'", ">", "</style>", "{{", "}}"),
    *("{%", "%}", "javascript:", "&lt;", "&#60;", "-->", "]]>", "\u202e", "观察", "\x0b", "url(//e.vil)"),
    *("=", "+", "-", "@", "\t", "\r", "\n", "＝", "|", "cmd", "HYPERLINK(", "a", " ", "7*191", "`"),
]  # fmt: skip
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")


def active_content(times, seed=0, careless=False):
    """Names full of mark-up, formulas and templates, on the page and in the table for a spreadsheet.

    `careless` writes both as others do: the negative control.
    """
    from tests.report.test_page import hostile_story

    chance, counts = random.Random(seed), Counter()
    plain = Elements(render_report(hostile_story("plain")))
    with tempfile.TemporaryDirectory() as place:
        for _ in range(times):
            name = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 6)))
            page = f"<p>{name}</p>" if careless else render_report(hostile_story(name))
            found = Elements(page)
            counts["names"] += 1
            counts["marked up by a name"] += (
                not (found.names <= plain.names) or "1337" in found.text
            )
            counts["loads something"] += found.loads
            counts["cells a spreadsheet runs"] += _runs(Path(place) / "plan.csv", name, careless)
    return dict(counts)


class Elements(HTMLParser):
    """The names of tags and attributes of a page, its text, and whether anything leads elsewhere."""

    def __init__(self, page):
        super().__init__()
        self.names, self.text, self.loads = set(), "", False
        self.feed(page)
        self.close()

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        self.names |= {tag, *(f"{tag} {name}" for name, _ in attrs)}
        for name, value in attrs:
            self.loads |= name in ("src", "srcset", "action", "srcdoc")
            self.loads |= name.endswith("href") and not str(value).startswith("#")


def _runs(path, name, careless):
    table = pd.DataFrame({"account_id": [name, "1"], "reasons": [[name], ["x"]], "points": -1.5})
    if careless:
        table.to_csv(path, index=False)
    else:
        export_plan(table, path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    return sum(cell.startswith(STARTS) for cell in cells if cell not in ("-1.5", ""))
