"""Reasons to train again: none without cause, each with figure, limit, since when, in two languages."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from delinquency.errors import InputError
from delinquency.monitoring import Limits, judge_segments, retrain_reasons

DAYS = pd.to_datetime(["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"])


def shifts(**columns):
    """The score and one feature over four months, quiet but for what is given."""
    quiet = {"psi": 0.01, "low": 0.0, "high": 0.03, "noise": 0.002, "noise_95": 0.004}
    rows = []
    for kind, name, use in (("score", "points", np.nan), ("feature", "dpd_max_3m", 0.3)):
        part = pd.DataFrame({"snapshot_date": DAYS, "kind": kind, "name": name, "use": use})
        rows.append(part.assign(**quiet, n=10_000, n_reference=9000))
    table = pd.concat(rows, ignore_index=True).assign(missing=0.1, missing_reference=0.1)
    return table.assign(**columns) if columns else table


def matured(**columns):
    """Four months in which promises held, but for what is given."""
    table = pd.DataFrame({"month": DAYS, "n": 5000, "bads": 250, "expected": 0.05})
    table = table.assign(intercept=0.02, intercept_low=-0.1, intercept_high=0.14)
    return table.assign(auc=0.84, auc_low=0.82, auc_high=0.86).assign(**columns)


def reads(**columns):
    days = DAYS[2:]
    table = pd.DataFrame({"snapshot_date": days, "age": [2, 1], "within": 3, "n": 5000})
    table = table.assign(expected=250.0, share_expected=[0.7, 0.4], bads=[180, 95])
    table = table.assign(expected_so_far=[175.0, 100.0], low=[150.0, 80.0], high=[200.0, 120.0])
    table = table.assign(ratio=[180 / 175, 0.95], outside=False)
    return table.assign(**columns)


def segments(**columns):
    table = pd.DataFrame({"segment": ["prime", "thin"], "n": 2000, "bads": 100, "expected": 0.05})
    table = table.assign(auc=0.8, auc_low=0.78, auc_high=0.82)
    return table.assign(intercept=0.0, intercept_low=-0.2, intercept_high=0.2, **columns)


def only(reasons):
    (reason,) = reasons
    return reason


def test_nothing_given_or_nothing_wrong_is_an_empty_list():
    """No reason is not a reason."""
    assert retrain_reasons() == []
    quiet = {"stability": shifts(), "outcomes": matured(), "early": reads(), "auc": 0.85}
    assert retrain_reasons(**quiet, segments=judge_segments(outcomes=segments())) == []


def test_a_shifted_score_says_since_when():
    """The first of the months in a row that reach the latest one, not a lone one before."""
    table = shifts()
    scores = table["kind"] == "score"
    table.loc[scores, "psi"] = [0.2, 0.05, 0.15, 0.18]
    table.loc[scores, "low"] = [0.15, 0.02, 0.11, 0.14]
    reason = only(retrain_reasons(stability=table))

    assert (reason.code, reason.figure, reason.limit) == ("score_shift", 0.18, 0.1)
    assert reason.since == "2026-03-31"
    assert "PSI 0.180 (0.140 to 0.030)" in reason.en
    assert "0.0040" in reason.zh
    assert reason.evidence["n"] == 10_000


def test_what_has_passed_is_no_reason():
    """The latest month decides."""
    table = shifts()
    table.loc[table["kind"] == "score", "low"] = [0.3, 0.3, 0.3, 0.05]

    assert retrain_reasons(stability=table) == []


def test_an_index_whose_interval_reaches_below_the_limit_is_no_reason():
    """A small sample makes a large index out of nothing."""
    table = shifts(psi=0.4, low=0.05, high=0.9)

    assert retrain_reasons(stability=table) == []


def test_features_count_when_the_score_leans_on_them():
    """The same shift of a feature that takes part in one decision of a hundred is none."""
    table = shifts()
    table.loc[table["kind"] == "feature", ["psi", "low"]] = [0.5, 0.4]

    reason = only(retrain_reasons(stability=table))
    assert (reason.code, reason.since) == ("feature_shift", "2026-01-31")
    assert reason.evidence["features"] == ["dpd_max_3m"]
    assert retrain_reasons(stability=table.assign(use=0.01)) == []


def test_missing_values_that_come_or_go():
    """From one in ten to one in five; three standard errors are about 0.014."""
    reason = only(retrain_reasons(stability=shifts(missing=0.2)))
    assert (reason.code, reason.figure) == ("missing_shift", pytest.approx(0.1))
    assert "10.0% to 20.0%" in reason.en

    assert retrain_reasons(stability=shifts(missing=0.16, n=200)) == []
    assert only(retrain_reasons(stability=shifts(missing=0.0))).code == "missing_shift"


@pytest.mark.parametrize(("shift", "word", "zh"), [(0.4, "low", "低"), (-0.4, "high", "高")])
def test_probabilities_that_are_wrong(shift, word, zh):
    """Too low and too high, in the latest month, beyond limit and chance."""
    far = {"intercept": shift, "intercept_low": shift - 0.1, "intercept_high": shift + 0.1}
    reason = only(retrain_reasons(outcomes=matured(**far)))

    assert (reason.code, reason.figure, reason.since) == ("calibration", shift, "2026-01-31")
    assert f"too {word}" in reason.en
    assert "250 bads came where 250.0 were promised" in reason.en
    assert zh in reason.zh
    assert (
        retrain_reasons(outcomes=matured(**far | {"intercept_low": -0.5, "intercept_high": 0.9}))
        == []
    )
    assert retrain_reasons(outcomes=matured(**far), limits=Limits(log_odds=0.5)) == []


def test_a_score_that_ranks_worse_than_at_training():
    """The upper end must lie below; without the figure of training nothing is said."""
    fallen = matured(auc=0.78, auc_low=0.75, auc_high=0.81)
    reason = only(retrain_reasons(outcomes=fallen, auc=0.85))

    assert (reason.code, reason.limit) == ("rank_order", pytest.approx(0.82))
    assert retrain_reasons(outcomes=fallen) == []
    assert retrain_reasons(outcomes=fallen, auc=0.83) == []


def test_months_without_figures_are_no_reason():
    """Their figures are missing, and missing is not beyond a limit."""
    blank = dict.fromkeys(["auc", "auc_low", "auc_high", "intercept", "intercept_low"], np.nan)

    assert retrain_reasons(outcomes=matured(**blank, intercept_high=np.nan), auc=0.9) == []


def test_an_early_read_is_told_by_the_fullest_snapshot():
    """1.6 times after two of three months."""
    reason = only(retrain_reasons(early=reads(bads=[280, 150], ratio=[1.6, 1.5], outside=True)))

    assert (reason.code, reason.figure, reason.since) == ("early_read", 1.6, "2026-03-31")
    assert "280 bads after 2 of 3 months" in reason.en
    assert "1.60 倍" in reason.zh
    assert only(retrain_reasons(early=reads(ratio=0.5, outside=True))).figure == 0.5
    assert retrain_reasons(early=reads(ratio=1.2, outside=True)) == []
    assert retrain_reasons(early=reads(ratio=1.6, outside=False)) == []


def test_segments_are_tested_together():
    """One of two at p = 0.03 does not survive Holm; one at 0.0001 does."""
    table = segments()
    table.loc[1, ["intercept", "intercept_low", "intercept_high"]] = [0.3, 0.03, 0.57]
    assert retrain_reasons(segments=judge_segments(outcomes=table)) == []

    table.loc[1, ["intercept", "intercept_low", "intercept_high"]] = [0.4, 0.2, 0.6]
    reason = only(retrain_reasons(segments=judge_segments(outcomes=table)))
    assert reason.code == "segment_calibration"
    assert "100 bads came where 100.0 were promised (log-odds +0.40, +0.20 to +0.60" in reason.en
    assert "segment thin" in reason.en
    assert "客群 thin" in reason.zh


def test_in_a_row_asks_for_that_many_months():
    """Two of the latest three are a run of one or two, never three."""
    table = matured()
    far = {"intercept": 0.4, "intercept_low": 0.3, "intercept_high": 0.5}
    table.loc[2:, list(far)] = list(far.values())

    assert only(retrain_reasons(outcomes=table, limits=Limits(in_a_row=2))).since == "2026-03-31"
    assert retrain_reasons(outcomes=table, limits=Limits(in_a_row=3)) == []


def test_reasons_are_json_and_read_as_words():
    """A missing figure of the evidence is null, a date is text."""
    row = matured(intercept=0.4, intercept_low=0.3, intercept_high=0.5, slope=np.nan)
    reason = only(retrain_reasons(outcomes=row))

    back = json.loads(json.dumps(reason.as_dict(), allow_nan=False))
    assert back["evidence"]["month"] == "2026-04-30"
    assert back["evidence"]["slope"] is None
    assert str(reason) == reason.en


@pytest.mark.parametrize(
    "wrong", [{"score_psi": -1.0}, {"auc_loss": np.nan}, {"early_ratio": 1.0}, {"in_a_row": 0}]
)
def test_limits_that_make_no_sense_are_refused(wrong):
    """Before anything is compared with them."""
    with pytest.raises(InputError, match=f"DLQ-205 limits.{next(iter(wrong))}"):
        replace(Limits(), **wrong)


def test_promised_bads_of_which_none_came_are_a_reason():
    """300 promised and none seen: no curve can be fitted, and yet nothing could be further off."""
    none = dict.fromkeys(["intercept", "intercept_low", "intercept_high", "auc"], np.nan)
    silent = matured(**none, bads=0, n=1000, expected=0.3)
    reason = only(retrain_reasons(outcomes=silent))

    assert reason.code == "calibration"
    assert "0 bads came where 300.0 were promised" in reason.en
    assert "too high" in reason.en
    json.dumps(reason.as_dict(), allow_nan=False)
    few = matured(**none, bads=0, n=5, expected=0.3)
    assert retrain_reasons(outcomes=few) == []


def test_only_bads_where_few_were_promised_are_a_reason():
    """The other end: all of a hundred went bad."""
    none = dict.fromkeys(["intercept", "intercept_low", "intercept_high", "auc"], np.nan)
    reason = only(retrain_reasons(outcomes=matured(**none, bads=100, n=100, expected=0.3)))

    assert (reason.code, reason.figure > 0) == ("calibration", True)


def test_every_wrong_limit_is_told_at_once():
    """All problems of one pass together."""
    with pytest.raises(InputError) as caught:
        Limits(score_psi=-1, in_a_row=0, missing=np.inf)

    assert [problem.where.partition(".")[2] for problem in caught.value.problems] == [
        *("score_psi", "missing", "in_a_row")
    ]
