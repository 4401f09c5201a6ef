"""Exports that load elsewhere without running there, and the early-warning list."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency import storage
from delinquency.errors import InputError
from delinquency.strategy import Strategy, assign, early_warning, export_dialler, export_plan


@pytest.fixture
def plan(book):
    scores, accounts = book((20, "C"), (5, "B"), (20, "D"), time_zone="America/New_York")
    return assign(scores, accounts, as_of="2026-07-01T03:00Z", packs=["us.fdcpa_reg_f"])


def test_parquet_gives_back_the_plan(plan, tmp_path):
    """Nothing is lost on the way."""
    export_plan(plan, tmp_path / "plan.parquet")

    pd.testing.assert_frame_equal(
        storage.read_table(tmp_path / "plan.parquet"), plan, check_dtype=False
    )


@given(st.text(max_size=20))
def test_no_text_of_a_csv_is_a_formula(tmp_path_factory, text):
    """Whatever an account is called, a spreadsheet shows it and runs nothing."""
    file = tmp_path_factory.mktemp("csv") / "plan.csv"
    export_plan(pd.DataFrame({"account_id": ["x", text], "n": [-1, 2]}), file)

    cells = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    starts = tuple("=+-@\t\r\n＝＋－＠")
    assert not cells["account_id"].str.lstrip(" \u3000\ufeff").str.startswith(starts).any()
    assert cells["n"].tolist() == ["-1", "2"]


def test_the_dialler_file_has_its_documented_columns(plan, tmp_path):
    """Calls only, the earliest first, never before the permitted hour."""
    count = export_dialler(plan, tmp_path / "calls.txt")

    lines = (tmp_path / "calls.txt").read_text("utf-8").splitlines()
    assert count == 2
    assert lines[0].startswith("RECORD_ID|ACCOUNT|CAMPAIGN|CHANNEL|NOT_BEFORE_UTC|STAGE|BAND|RULE|")
    assert [line.split("|")[1] for line in lines[1:]] == ["1", "3"]
    assert lines[1].split("|")[4] == "2026-07-01T12:00:00Z"  # 08:00 in New York
    assert {line.count("|") for line in lines} == {10}


def test_a_mapping_of_ones_own_and_a_column_that_is_not_there(plan, tmp_path):
    """The mapping is the reader's to choose; a typo is answered."""
    export_dialler(plan, tmp_path / "a.txt", columns={"ID": "account_id"}, channels=["sms", "app"])
    assert (tmp_path / "a.txt").read_text().splitlines() == ["ID", "2"]
    with pytest.raises(InputError, match="did you mean"):
        export_dialler(plan, tmp_path / "b.txt", columns={"ID": "acount_id"})
    assert not (tmp_path / "b.txt").exists()


def test_the_script_is_that_of_the_house_where_it_has_its_own(plan, tmp_path):
    """An agent reads what the strategy's file says, in one of the two languages."""
    own = """
treatments:
  - treatment: agent_call
    name: {en: Call, zh: 电话}
    rung: 4
    mutex: contact
    dpd: [5, 180]
    capacity: agent_hours
    channels: [phone]
    requires: [valid_phone, in_window, under_cap, not_on_hold]
    text: {en: Say who you are., zh: 请先表明身份。}
"""
    house = Strategy.from_text(own + Strategy.default_text())
    for lang, script in (("en", "Say who you are."), ("zh", "请先表明身份。")):
        columns = {"SCRIPT": "script"}
        export_dialler(plan, tmp_path / "a.txt", columns=columns, lang=lang, strategy=house)
        assert (tmp_path / "a.txt").read_text("utf-8").splitlines()[1] == script
    with pytest.raises(InputError, match="DLQ-103 lang"):
        export_dialler(plan, tmp_path / "b.txt", lang="fr")


def test_texts_of_a_dialler_file_keep_to_their_line(plan, tmp_path):
    """A line end or a bar in a text would shift every field after it."""
    export_dialler(
        plan.assign(rule="a|b\nc"), tmp_path / "a.txt", columns={"R": "rule", "T": "stage"}
    )

    assert (tmp_path / "a.txt").read_text().splitlines()[1] == "a/b c|8-30"


def test_the_early_warning_list_is_gentle(book):
    """Only current accounts, most likely first, and the gentlest useful step for each."""
    scores, accounts = book(*[(0, "E")] * 5, (40, "E"))
    scores["probability"] = [0.3, 0.5, 0.05, 0.4, 0.6, 0.9]
    scores["reason_1"] = ["pays later each month", None, "x", "x", "x", "x"]
    accounts["hardship_evidence"] = [False, True, False, False, False, False]
    accounts["vulnerable"] = [False, False, False, True, False, False]
    accounts["opt_out_app"] = accounts["opt_out_sms"] = accounts["opt_out_email"] = [
        False, False, False, False, True, False,
    ]  # fmt: skip
    accounts["long_good_record"] = False

    found = early_warning(scores, accounts, as_of="2026-07-01", at_least=0.2)

    assert found["account_id"].tolist() == [5, 2, 4, 1]
    assert found["step"].tolist() == ["no_action", "extension", "care_and_hold", "pre_due_reminder"]
    assert found["reasons"].tolist()[-1] == "pays later each month"


def test_nobody_likely_is_an_empty_list_and_no_probability_is_refused(book):
    """An empty list is an answer here."""
    tables = book((0, "A"))

    assert early_warning(*tables, as_of="2026-07-01", at_least=0.9).empty
    with pytest.raises(InputError, match="DLQ-103"):
        early_warning(*tables, as_of="2026-07-01", at_least=20)


def test_early_warning_refuses_ids_of_another_type_and_other_languages(book):
    """Nobody was likely, it said: the ids of the two tables had not met."""
    scores, accounts = book((0, "E"), (0, "D"))
    with pytest.raises(InputError, match="DLQ-115 scores, accounts"):
        other = accounts.assign(account_id=accounts["account_id"].astype(str))
        early_warning(scores, other, as_of="2026-07-01", at_least=0.05)
    with pytest.raises(InputError, match="DLQ-103 lang"):
        early_warning(scores, accounts, as_of="2026-07-01", at_least=0.05, lang="fr")
    with pytest.raises(InputError, match="DLQ-103 at_least"):
        early_warning(scores, accounts, as_of="2026-07-01", at_least="0.05")
