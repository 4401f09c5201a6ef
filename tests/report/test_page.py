"""The page: what it says, what it never does, and that it says it twice in the same bytes."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from delinquency import evaluation
from delinquency.errors import GateError, InputError
from delinquency.report import Intake, Story, render_report
from tests.report.made_up import band_table, plan_table, scores, story

VOID = {"meta", "wbr", "br", "path", "use"}


class Reader(HTMLParser):
    """Collects tags, attributes and text; every element must be closed in order."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page():
    return render_report(story())


def test_the_same_story_gives_the_same_bytes(page):
    """A second demo run must give the same file hash."""
    assert render_report(story()) == page


def test_the_page_is_light_and_whole(page):
    """Light enough for a phone, every element closed, every section there."""
    reader = Reader(page)

    assert len(page.encode()) < 400_000
    assert reader.open == []
    assert reader.tags.count("svg") == 8
    assert [v for k, v in reader.attributes if k == "id" and v.isalpha()][:5] == [
        "intake",
        "score",
        "bands",
        "months",
        "drivers",
    ]


def test_the_page_loads_nothing_and_runs_nothing(page):
    """No script, address, inline style or handler; the policy allows only its own sheet."""
    reader = Reader(page)
    names = {name for name, _ in reader.attributes}
    sheet = re.search(r"<style>(.*?)</style>", page, flags=re.S)[1]
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = dict(reader.attributes)

    assert not {"script", "iframe", "img", "link", "object", "embed", "form"} & set(reader.tags)
    assert not [name for name in names if name.startswith("on")]
    assert not {"style", "src", "srcset", "action", "srcdoc"} & names
    assert all(v.startswith("#") for k, v in reader.attributes if k in ("href", "xlink:href"))
    assert not re.search(r"url\((?!#)|@import|https?:(?!//www\.w3\.org)", page)
    assert (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'"
        in [v for k, v in reader.attributes if k == "content"]
    )
    assert policy["name"] in {"viewport", "referrer"}


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><svg onload=alert(1)>",
    'x" style="}</style><b>',
    ' style="}body{display:none}" id="roc0"',
    "{{ 7*191 }}{% raw %}",
    "$\\frac{1}{0}$ _^ 100%",
    "javascript:alert(1)",
    "-->]]><!--",
    "观察 𝒳 \u202e",
    "no end " * 60,
]


def hostile_story(name):
    """Every text of the story is the hostile name."""
    y, probability = scores(300)
    base = story(bands=band_table(y, probability))

    def poison(table):
        poisoned = table.copy()
        for column in table.columns:
            if column == "reasons" or column == "needs" or column == "treatments":
                poisoned[column] = [[name, name]] * len(table)
            elif not pd.api.types.is_numeric_dtype(table[column].dtype):
                poisoned[column] = [f"{name}{row}" for row in range(len(table))]
        return poisoned

    tables = ("checks", "bands", "drivers", "examples", "plan", "removed", "waiting")
    tables = (*tables, "packs", "value", "prices", "goals", "confirm", "policy")
    # months are dates, and no names
    changes = {table: poison(getattr(base, table)) for table in tables}
    texts = dict.fromkeys(("title", "as_of", "source", "target", "sample"), name)
    intake = Intake(
        rows=1, accounts=1, scored=1, first_month=name, last_month=name, facts={name: name}
    )
    # the curves carry no names
    curves = dict.fromkeys(("roc", "gains", "calibration"))
    audit = {name: poison(base.audit["Region"])}
    texts["favoured"] = name
    more = {
        "audit": audit,
        "unknowns": [name],
        "reproduce": [name],
        "manifest": {name: name},
        "intake": intake,
    }
    return story(**changes, **texts, **curves, **more)


@pytest.fixture(scope="module")
def plain_shape():
    reader = Reader(render_report(hostile_story("plain")))
    return reader.tags, sorted({name for name, _ in reader.attributes})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_comes_out_as_text(name, plain_shape):
    """Tags and attributes are those of a page of plain names, and the name can be read."""
    page = render_report(hostile_story(name))
    reader = Reader(page)
    sheet = re.search(r"<style>(.*?)</style>", page, flags=re.S)[1]

    kept = [tag for tag in reader.tags if tag not in ("wbr", "g", "use", "path")]
    assert kept == [tag for tag in plain_shape[0] if tag not in ("wbr", "g", "use", "path")]
    assert {k for k, _ in reader.attributes} <= set(plain_shape[1])
    assert reader.open == []
    assert " ".join(name.split()) in reader.text
    assert "display:none}body" not in sheet and "body{display" not in sheet
    assert "1337" not in reader.text


def test_the_escaping_test_can_fail():
    """Without autoescape the same reader finds the hostile tag: the check above is not blind."""
    reader = Reader(f"<p>{HOSTILE[0]}</p>")

    assert "script" in reader.tags


def test_headings_say_the_finding(page):
    """The numbers of the tables stand in the headings, in words."""
    text = Reader(page).text

    assert "30,000 accounts came in, 29,988 were scored and 12 refused" in text
    assert "The checks found three things to know and nothing that stops the work" in text
    assert "The score puts a bad account above a good one 81 times in 100" in text
    assert "The probabilities are as true as a sample of this size can tell" in text
    assert "Band E goes bad 8 times as often as band A, and the order holds" in text
    assert "Three of its features carry 52% of what it learnt" in text
    assert "the most common, no action, goes to 53%" in text


def test_chinese_names_stand_beside_the_english_ones(page):
    """And are marked as Chinese, so that a browser picks the right glyphs and voice."""
    assert '<th scope="row">agent call <span lang="zh">人工电话</span></th>' in page


def test_a_bare_story_is_a_page():
    """Everything but what came in may be missing, and the page then says so little."""
    intake = Intake(rows=12, accounts=2, scored=2)
    text = Reader(render_report(Story("A book", "today", "made up", "30 days late", intake))).text

    assert "2 accounts came in and every one was scored" in text
    assert "Nobody has written down what is not known" in text
    assert "AUC" not in text


def test_bands_without_outcomes_show_the_promise_alone():
    """A scoring run knows no outcomes; nothing is drawn or said about them."""
    y, probability = scores(500)
    bands = band_table(y, probability).assign(bad_rate=np.nan, low=np.nan, high=np.nan)
    changed = story(bands=bands, discrimination=None, calibration=None, roc=None, gains=None)
    text = Reader(render_report(changed)).text

    assert "five bands, with no outcomes to judge them by yet" in text
    assert "nan" not in text.lower().replace("financ", "")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("checks", "The checks found nothing to report"),
        ("plan", "The plan is empty"),
        ("drivers", "Nothing drives this score"),
    ],
)
def test_empty_tables_are_told_and_not_drawn(part, words):
    """An empty table is an answer."""
    empty = getattr(story(), part).iloc[:0]

    assert words in Reader(render_report(story(**{part: empty}))).text


def test_findings_turn_when_the_numbers_turn():
    """A heading is computed: probabilities too low, and an order that breaks."""
    y, probability = scores()
    bands = band_table(y, probability)
    bands.loc[2, "bad_rate"] = 0.9
    page = render_report(
        story(calibration=evaluation.calibration(y, probability / 1.5), bands=bands)
    )

    assert "The probabilities are too low, by more than chance" in page
    assert "but the order breaks" in page


def test_accounts_that_do_not_add_up_stop_the_report():
    """Scored and refused are all that came in, or there is no page."""
    with pytest.raises(
        GateError, match="DLQ-310 intake: 20 scored \\+ 3 refused is not 24 accounts"
    ):
        Intake(rows=1, accounts=24, scored=20, refused=3)


def test_tables_without_their_columns_are_refused_together():
    """Both tables are named in one pass, with the nearest column."""
    plan = plan_table().rename(columns={"treatment": "treatmnt"})
    with pytest.raises(InputError) as caught:
        story(plan=plan, checks=pd.DataFrame({"rule": []}))

    assert [problem.where for problem in caught.value.problems] == ["story.checks", "story.plan"]
    assert 'did you mean "treatmnt"' in str(caught.value)


def test_a_story_is_not_changed_by_telling_it():
    """Rendering works on what it is given and leaves it alone."""
    told = story()
    before = {name: getattr(told, name).copy() for name in ("plan", "bands", "checks", "drivers")}
    render_report(told)

    for name, table in before.items():
        pd.testing.assert_frame_equal(getattr(told, name), table)


def test_a_style_of_the_person_does_not_change_the_page(page):
    """Somebody's matplotlib settings are theirs, and stay as they were."""
    import matplotlib

    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "red"}):
        again = render_report(story())
        assert matplotlib.rcParams["lines.linewidth"] == 9

    assert again == page


def test_importing_the_report_does_not_import_matplotlib():
    """Batch scoring should not pay for figures it does not draw."""
    # LightGBM 4.5 imports matplotlib by itself
    others = "import sys, lightgbm; sys.modules.pop('matplotlib', None)"
    seen = "print('matplotlib' in sys.modules, 'jinja2' in sys.modules)"
    code = f"{others}; import delinquency.report; {seen}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_a_page_is_made_of_any_book(seed):
    """A handful of accounts, one bad, equal scores, empty bands, months of one class: no "nan"."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    y = np.concatenate([[0, 1], rng.integers(0, 2, n - 2) * rng.integers(0, 2)])
    p = [rng.random(n), np.full(n, 0.3), rng.integers(0, 2, n).astype(float)][seed % 3]
    letters = list("ABCDEFGHIJKL")
    band = pd.Categorical(rng.choice(letters[: 1 + seed % 9], n), categories=letters, ordered=True)
    months = rng.choice(pd.date_range("2001-01-31", periods=1 + seed % 30, freq="ME"), n)
    people = pd.DataFrame({"town": rng.choice(list("xyz"), n), "age": rng.random(n)})
    changed = story(
        discrimination=evaluation.discrimination(y, p),
        calibration=evaluation.calibration(y, p, simulations=20),
        roc=evaluation.roc(y, p),
        gains=evaluation.gains(y, p),
        bands=evaluation.by_band(y, p, band),
        months=evaluation.by_month(y, p, months, simulations=5),
        audit=evaluation.audit(
            y, p, people, favoured=rng.integers(0, 2, n), least=1 + seed % 4, simulations=5
        ),
    )
    text = Reader(render_report(changed)).text

    assert not re.search(r"\b(nan|NaN|inf|None)\b", text)
