"""A strategy file: what it says, and how it answers when it is wrong."""

import json
import math
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.strategy import (
    Strategy,
    catalogue,
    check_strategy,
    json_schema,
    show_strategy,
    treatments,
)

SMALL = """\
format: 1
name: small
stages:
  - {stage: early, dpd: [0, 30]}
  - {stage: late, dpd: [31, null]}
bands: [A, B]
cells:
  - {stage: [early, late], band: A, treatment: no_action}
  - stage: early
    band: B
    treatment: [digital_reminder, agent_call]
  - {stage: late, band: B, treatment: [agent_call, instalment_plan]}
"""


def refusal(text, name="strategy.yaml"):
    with pytest.raises(InputError) as caught:
        Strategy.from_text(text, name)
    return str(caught.value).splitlines()


def test_the_catalogue_has_the_22_treatments_in_both_languages():
    """Every treatment has a name and a text for agents in English and Chinese."""
    table = treatments()

    assert len(table) == 22
    assert (treatments("zh")[["name", "text"]] != table[["name", "text"]]).all().all()
    assert table.loc[~table["enabled"], "treatment"].tolist() == ["partner_notice"]


def test_every_paragraph_of_the_guide_has_a_treatment():
    """P.1 to P.10 and M.1 to M.4 can all be reached from a plan."""
    served = {code for entry in catalogue().values() for code in entry.source}

    assert served >= {f"P.{n}" for n in range(1, 11)} | {f"M.{n}" for n in range(1, 5)}


def test_a_file_is_read_from_where_the_person_says(tmp_path):
    """The path in a message is the path that was typed."""
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL.replace("treatment: no_action", "treatmnt: no_action"))

    with pytest.raises(InputError) as caught:
        Strategy.load(path)

    assert str(caught.value).startswith(f"{path}:8:37: DLQ-202 unknown key")
    assert 'did you mean "treatment"?' in str(caught.value)


def test_the_table_reads_as_stage_by_band():
    """A manager reads the table without the file."""
    table = Strategy.from_text(SMALL).table()

    assert table.loc["early", "B"] == "digital_reminder, else agent_call"
    assert table.loc["late", "A"] == "no_action"


def test_comments_and_layout_do_not_change_the_hash_but_content_does():
    """The hash stands for what the file says, not for how it is written."""
    first = Strategy.from_text(SMALL)

    assert (
        Strategy.from_text("# a comment\n" + SMALL.replace("[A, B]", '["A","B"]')).hash
        == first.hash
    )
    assert Strategy.from_text(SMALL.replace("[0, 30]", "[0, 29]").replace("[31", "[30")).hash != (
        first.hash
    )


BROKEN = [
    ("treatment: no_action", "treatmnt: no_action", "8:37: DLQ-202", 'did you mean "treatment"?'),
    ("bands: [A, B]", "bands: [A, B]\nbands: [A]", "7:1: DLQ-203", "stands twice"),
    ("name: small\n", "", "1:1: DLQ-204", '"name" is missing'),
    ("name: small", "name: 7", "2:7: DLQ-205", "put it in quotes"),
    ("[0, 30]", "[0, .inf]", "4:29: DLQ-205", "infinite"),
    ("[0, 30]", '[0, "30"]', "4:29: DLQ-205", "whole number"),
    ("agent_call]", "agent_cal]", "11:35: DLQ-206", 'did you mean "agent_call"?'),
    ("band: B\n", "band: C\n", "10:11: DLQ-206", 'unknown band "C"'),
    ("[31, null]", "[30, null]", "5:24: DLQ-207", 'stages "early" and "late" overlap on DPD 30'),
    ("[31, null]", "[33, null]", "5:24: DLQ-207", "leave a gap: DPD 31 to 32"),
    ("[31, null]", "[31, 90]", "5:24: DLQ-207", "gap above"),
    ("[0, 30]", "[1, 30]", "4:25: DLQ-207", 'gap below "early": DPD 0'),
    ("bands: [A, B]", "bands: [A, B, A]", "6:15: DLQ-207", "stands twice"),
    ("bands: [A, B]", "bands: [A, B, C]", "7:1: DLQ-208", 'stage "early", band "C"'),
    ("stage: [early, late], band: A", "stage: early, band: A", "7:1: DLQ-208", "no cell"),
    (
        "  - stage: early\n    band: B",
        "  - stage: early\n    band: [A, B]",
        "9:5: DLQ-208",
        "unreach",
    ),
    ("[digital_reminder, agent_call]", "[no_action, agent_call]", "11:28: DLQ-208", "nothing ever"),
    ("[digital_reminder, agent_call]", "debt_sale", "11:16: DLQ-209", "covers DPD 180"),
    ("[digital_reminder, agent_call]", "care_and_hold", "11:16: DLQ-209", "only a hold"),
    (
        "treatment: [agent_call, inst",
        "treatment: [partner_notice, inst",
        "12:40: DLQ-209",
        "disabled",
    ),
    (
        "    treatment: [digital_reminder, agent_call]",
        "    treatment: agent_call\n    when: {valid_phone: false}",
        "11:16: DLQ-209",
        "it requires valid_phone",
    ),
    ("name: small", "name: small\nlast_resort: agent_call", "3:14: DLQ-209", "last resort"),
    ("name: small", "name: small\ndisable: care_and_hold", "3:10: DLQ-209", "must stay enabled"),
    ("name: small", "name: small\nenable: partner_notce", "3:9: DLQ-206", "partner_notice"),
    ("format: 1", "format: 2", "1:9: DLQ-205", "expected 1"),
    ("name: small", "name: small\ntimeout_days: {1: 0}", "3:19: DLQ-205", "greater than"),
    (
        "name: small",
        "name: small\ntimeout_days: {10: 3}",
        "3:16: DLQ-205",
        "expected the form ^[0-9]$",
    ),
    ("name: small", "name: small\ntimeout_days: {5: 9}", "3:19: DLQ-208", "leads nowhere"),
    (
        "name: small",
        "name: small\ndwell_days: {1: 5}\ntimeout_days: {1: 4}",
        "4:19: DLQ-209",
        "must be stayed on for 5",
    ),
    ("bands: [A, B]", "bands: &x [A, B]", "6:8: DLQ-201", "anchor"),
    ("bands: [A, B]", "bands: !!set [A, B]", "6:8: DLQ-201", "tag"),
]


@pytest.mark.parametrize(("old", "new", "place", "words"), BROKEN)
def test_a_mistake_is_answered_with_its_place_and_its_rule(old, new, place, words):
    """Each kind of mistake is one line: file, line, column, rule, fix."""
    assert old in SMALL

    lines = refusal(SMALL.replace(old, new, 1))

    assert [line for line in lines if line.startswith(f"strategy.yaml:{place}") and words in line]


def test_all_mistakes_are_told_at_once():
    """A person repairs a file in one round."""
    text = SMALL.replace("[31, null]", "[30, null]").replace("band: B\n", "band: X\n", 1)

    lines = refusal(text.replace("treatment: no_action", "treatmnt: no_action"))

    assert [line.split(": DLQ")[0] for line in lines] == [
        "strategy.yaml:5:24",
        "strategy.yaml:8:37",
        "strategy.yaml:10:11",
    ]


EDGES = "bands: [{band: A, points: [%s]}, {band: B, points: [%s]}]"


@pytest.mark.parametrize(
    ("upper", "lower", "words"),
    [
        ("580, null", "null, 590", 'bands "B" and "A" overlap on [580, 590)'),
        ("580, null", "null, 570", 'bands "B" and "A" leave a gap: [570, 580)'),
        ("null, 580", "580, null", "not listed from the safest down"),
        ("600, 590", "null, 590", "the lower edge is not below the upper"),
    ],
)
def test_band_edges_cover_all_points_once(upper, lower, words):
    """Overlaps and gaps of bands are named with the points they concern."""
    lines = refusal(SMALL.replace("bands: [A, B]", EDGES % (upper, lower)))

    assert any(words in line and line.startswith("strategy.yaml:6:") for line in lines)


@pytest.mark.parametrize(
    "text",
    ["", "# only a comment\n", "[1, 2]", "- a", "just text", "a: [", "a: 'x", "\x00", "? [a]\n: b",
     "%YAML 1.1\n---\na: 1", "--- 1\n--- 2", "[" * 5000, "{" * 5000, "a: *b", "&a [*a, *a]",
     "\ufeff", "a: 1\n\tb: 2", "a: !!python/object/apply:os.system [id]", "x" * (2 << 20)],
)  # fmt: skip
def test_what_is_no_strategy_is_one_clear_line(text):
    """Empty files, lists, cut files, bombs and other documents get one line each."""
    lines = refusal(text)

    assert len(lines) == 1
    assert "DLQ-201" in lines[0]


def test_a_file_that_is_not_there_or_no_text_is_one_line(tmp_path):
    """The person sees the path, never a traceback."""
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00name")
    for name in ("binary.yaml", "absent.yaml", "."):
        with pytest.raises(InputError, match="DLQ-201"):
            Strategy.load(tmp_path / name)


def test_yaml_is_1_2_so_no_is_text_and_a_time_is_no_number():
    """The traps of YAML 1.1 are closed."""
    strategy = Strategy.from_text(
        SMALL.replace("treatment: no_action", "treatment: no_action, rule: NO", 1)
    )

    assert strategy.file.cells[0].rule == "NO"
    lines = refusal(SMALL.replace("[0, 30]}", "[0, 30]}\n  - 21:00"))
    assert any("mapping" in line for line in lines)


def brief(schema):
    """Leave out what pydantic 2.7 says beside what newer ones say: the same again."""
    if isinstance(schema, list):
        return [brief(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    again = {"enum"} if "const" in schema else set()
    again |= {"propertyNames"} if "patternProperties" in schema else set()
    again |= {"additionalProperties"} if schema.get("additionalProperties") is True else set()
    return {key: brief(entry) for key, entry in schema.items() if key not in again}


def test_the_schema_for_editors_is_current():
    """The shipped JSON schema is what the models generate."""
    shipped = resources.files("delinquency.strategy").joinpath("data/strategy.schema.json")

    assert brief(json.loads(shipped.read_text("utf-8"))) == brief(json_schema())


def test_a_treatment_of_ones_own_may_tighten_but_not_loosen():
    """A shipped treatment may be replaced by a stricter one only."""
    own = """\
treatments:
  - treatment: agent_call
    name: {en: Call, zh: 电话}
    rung: RUNG
    mutex: contact
    dpd: [5, 90]
    capacity: agent_hours
    channels: [phone]
    requires: [valid_phone, in_window, under_cap, not_on_holdEXTRA]
    text: {en: Call., zh: 致电。}
"""
    stricter = own.replace("RUNG", "4").replace("EXTRA", ", supervisor_ok")
    looser = own.replace("RUNG", "1").replace(", not_on_holdEXTRA", "")

    assert Strategy.from_text(stricter + SMALL).treatments["agent_call"].dpd == (5, 90)
    assert [line[: line.index(" ")] for line in refusal(looser + SMALL)] == [
        "strategy.yaml:2:5:"
    ] * 2


def test_a_thousand_cells_load_quickly():
    """Big tables are no burden; the limit of the promise is measured in benchmarks."""
    stages = "".join(f"  - {{stage: s{i}, dpd: [{i}, {i}]}}\n" for i in range(199))
    bands = ", ".join(f"B{i}" for i in range(5))
    cells = "".join(
        f"  - {{stage: s{i}, band: B{j}, treatment: no_action}}\n"
        for i in range(200)
        for j in range(5)
    )
    text = (
        f"format: 1\nname: big\nstages:\n{stages}  - {{stage: s199, dpd: [199, null]}}\n"
        f"bands: [{bands}]\ncells:\n{cells}"
    )

    assert len(Strategy.from_text(text).rules()) == 1000


@given(st.text(alphabet="[]{}:,-\n 'AB01&*!|>?%@#\"\t\\~.null", max_size=120))
def test_no_text_gets_a_traceback(text):
    """Whatever is typed, the answer is a refusal of ours."""
    try:
        Strategy.from_text(text)
    except InputError as error:
        assert error.code.startswith("DLQ-2")


@given(st.data())
def test_a_damaged_strategy_is_accepted_or_refused_with_its_place(data):
    """Any cut or edit of a good file ends in a strategy or in lines that name the file."""
    start = data.draw(st.integers(0, len(SMALL)))
    end = data.draw(st.integers(start, min(len(SMALL), start + 40)))
    inserted = data.draw(st.text(alphabet="[]{}:,- \nabc019&.\"'", max_size=8))
    try:
        Strategy.from_text(SMALL[:start] + inserted + SMALL[end:])
    except InputError as error:
        assert all(
            str(problem).startswith(("strategy.yaml", "DLQ-201")) for problem in error.problems
        )


def test_default_numbers_are_finite():
    """Nothing in the shipped treatments is infinite or missing."""
    numbers = [value for entry in catalogue().values() for value in entry.parameters.values()]

    assert numbers
    assert all(math.isfinite(value) for value in numbers)
    assert np.isfinite([entry.dpd for entry in catalogue().values()]).all()


HOUSE = """\
packs: [us.fdcpa_reg_f, cn.cbirc_card_2011]
house:
  - {id: h.1, kind: contact_window, mode: executable, severity: block, evidence: primary,
     channels: [phone], window: {allow: ["%s", "20:00"]}}
  - {id: h.2, kind: contact_cap, mode: executable, severity: block, evidence: primary,
     channels: [phone], cap: {counts: attempts, max: %d, days: 7, unit: account}}
  - {id: h.3, kind: tenor_cap, mode: executable, severity: block, evidence: primary,
     treatments: [instalment_plan], require: {plan_tenor_months: {at_most: %d}}}
"""


def test_a_house_policy_that_loosens_a_rule_is_refused():
    """Longer hours, more calls, a longer term: each with its place and the rule it would loosen."""
    assert Strategy.from_text(SMALL + HOUSE % ("09:00", 3, 36))

    lines = refusal(SMALL + HOUSE % ("07:30", 9, 72))

    assert [line.split(" loosens ")[1].split(".")[-2] for line in lines] != []
    assert any("loosens us.f.window: it is open at 07:30" in line for line in lines)
    assert any(
        "loosens us.f.call_cap: it permits 9 where 7 are permitted" in line for line in lines
    )
    assert any("loosens cn.card.instalment: its limit on plan_tenor" in line for line in lines)
    assert all(line.startswith("strategy.yaml:") and "DLQ-209" in line for line in lines)


def test_a_parameter_of_a_shipped_treatment_may_only_be_tightened():
    """A plan of 72 months under a shipped name is no instalment plan of ours."""
    entry = catalogue()["instalment_plan"]
    text = json.dumps([{**entry.model_dump(mode="json"), "parameters": {"max_tenor_months": 72.0}}])

    lines = refusal(SMALL + f"treatments: {text}\n")

    assert len(lines) == 1
    assert "loosens its parameter" in lines[0]


def test_unknown_packs_and_rules_without_a_condition_are_refused():
    """A typo must not mean no rules; a rule that says nothing is a mistake."""
    lines = refusal(
        SMALL + "packs: us.fdcpa_regf\nhouse:\n"
        "  - {id: h, kind: x, mode: executable, evidence: primary, channels: [phone]}\n"
        "  - {id: i, kind: x, mode: executable, evidence: unchecked, always: true,\n"
        "     channels: [phone]}\n"
    )

    assert any('did you mean "us.fdcpa_reg_f"?' in line for line in lines)
    assert any("needs a condition" in line for line in lines)
    actor = refusal(SMALL + "actors: original_creditr\n")
    assert any('did you mean "original_creditor"?' in line for line in actor)
    assert any("must say unverified: true" in line for line in lines)


def test_check_and_show_are_for_people(tmp_path):
    """A table of problems, a text of the strategy; a good file has notes only."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(SMALL + "packs: us.nyc.dcwp2026\n")
    bad.write_text(SMALL.replace("[31, null]", "[30, null]"))

    assert set(check_strategy(good)["level"]) == {"note"}
    assert check_strategy(good)["what"].str.contains("only warn: us.nyc.contact_cap").any()
    assert check_strategy(bad).loc[0, ["level", "code"]].tolist() == ["error", "DLQ-207"]
    assert "early  (days past due 0 to 30)" in show_strategy(good)
    assert "Not legal advice" in show_strategy()
