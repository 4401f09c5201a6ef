"""Gates: what a run must pass before it is committed, on figures worked by hand."""

import json

import numpy as np
import pytest
from faults.world import scorer
from scipy.stats import chi2

from delinquency.errors import GateError, InputError
from delinquency.workflows._gates import GATES, GateLimits, failed, judge, override
from delinquency.workflows._shift import psi, psi_noise

ROWS = {"scores": 990, "refused": 10}


def run_of(**changes):
    """The summary of a sound run of a thousand accounts, with changes in its parts."""
    summary = {
        "reconciliation": {"read": 1000, "scored": 990, "refused": 10},
        "refused": {"missing: dpd_last": 10},
        "levels": {"status": {"rows": 5000, "unknown": 0}},
        "distribution": {
            "points_step": 5,
            "points": {"480": 300, "520": 300, "560": 390},
            "reference_points": {},
            "bands": {"A": 390, "B": 300, "C": 300},
            "probability": {"A": 0.05, "B": 0.2, "C": 0.5},
            "standing": {"current": 0.1, "late": 0.4},
            "standing_accounts": {"current": 700, "late": 200},
            "missing": {"dpd_last": 10, "dpd_max_3m": 0},
        },
    }
    for part, values in changes.items():
        summary[part] = {**summary[part], **values}
    return summary


def states(run, last=None, rows=None, **keywords):
    gates = judge(run, scorer(), rows_written=rows or ROWS, last=last, **keywords)
    return {gate.gate: gate.state for gate in gates}


def test_a_sound_run_passes_and_says_what_it_could_not_judge():
    """There is no run before it, and the bundle keeps no reference."""
    found = states(run_of())

    assert tuple(found) == GATES
    assert set(found.values()) == {"passed", "not judged"}
    assert [name for name, state in found.items() if state == "passed"] == [
        "reconciliation",
        "refused",
        "rank_order",
        "levels",
    ]


@pytest.mark.parametrize(
    ("gate", "changes"),
    [
        ("reconciliation", {"reconciliation": {"read": 1001}}),
        ("refused", {"reconciliation": {"read": 1001, "refused": 11}}),
        ("rank_order", {"distribution": {"probability": {"A": 0.2, "B": 0.1, "C": 0.5}}}),
        ("rank_order", {"distribution": {"standing": {"current": 0.4, "late": 0.1}}}),
        ("levels", {"levels": {"status": {"rows": 5000, "unknown": 6}}}),
    ],
)
def test_a_gate_stops_what_it_is_for(gate, changes):
    """One thing is wrong, one gate fails."""
    run = run_of()
    for part, values in changes.items():
        run[part] = {**run[part], **values}
    rows = {"scores": 990, "refused": run["reconciliation"]["refused"]}

    assert [name for name, state in states(run, rows=rows).items() if state == "failed"] == [gate]


def test_rows_that_are_not_in_the_files_stop_the_run():
    """990 scored, 989 rows written: somebody would be lost."""
    found = states(run_of(), rows={"scores": 989, "refused": 10})

    assert found["reconciliation"] == "failed"


def test_a_run_that_scored_nobody_is_stopped():
    """Zero scored and zero written reconcile, and are a failure all the same."""
    counts = {"read": 10, "scored": 0, "refused": 10}
    found = states(run_of(reconciliation=counts), rows={"scores": 0, "refused": 10})

    assert found["reconciliation"] == found["refused"] == "failed"


def test_the_run_before_is_the_measure_of_shift_and_missing():
    """The same again passes; everybody twenty points lower, or a feature gone, does not."""
    last = run_of()
    lower = run_of(distribution={"points": {"460": 300, "500": 300, "540": 390}})
    gone = run_of(distribution={"missing": {"dpd_last": 10, "dpd_max_3m": 51}})

    assert set(states(run_of(), last).values()) == {"passed", "not judged"}
    assert states(lower, last)["shift_last"] == "failed"
    assert states(lower, last)["quantiles_last"] == "failed"
    assert states(gone, last)["missing_last"] == "failed"
    assert states(run_of(distribution={"missing": {"dpd_max_3m": 49}}), last)["missing_last"] == (
        "passed"
    )


def test_a_run_before_that_scored_nobody_is_no_measure():
    """Somebody had let it pass by an override; the next run goes without a comparison."""
    empty = {"points": {}, "bands": {}, "probability": {}, "missing": {}}
    found = states(run_of(), run_of(distribution=empty))

    assert found["shift_last"] == found["quantiles_last"] == found["missing_last"] == "not judged"


def test_psi_is_that_of_the_textbook():
    """Siddiqi's sum, by hand: (0.4 - 0.5) ln(0.8) + (0.6 - 0.5) ln(1.2)."""
    assert psi([40, 60], [50, 50]) == pytest.approx(-0.1 * np.log(0.8) + 0.1 * np.log(1.2))
    assert psi([5, 5], [7, 7]) == 0


def test_sampling_alone_seldom_reaches_the_noise_of_psi():
    """One in twenty of 2,000 pairs of samples of one population, within what chance allows."""
    rng = np.random.default_rng(0)
    limit = psi_noise(800, 500, 10, 0.05)
    draws = [
        psi(rng.multinomial(800, [0.1] * 10), rng.multinomial(500, [0.1] * 10)) for _ in range(2000)
    ]

    assert limit == pytest.approx(chi2.isf(0.05, 9) * (1 / 800 + 1 / 500))
    assert 0.03 < np.mean(np.array(draws) > limit) < 0.07


def test_small_samples_are_not_stopped_by_chance():
    """Forty accounts drawn anew: PSI above 0.1 is what chance gives."""
    rng = np.random.default_rng(1)
    cells = [str(480 + 5 * k) for k in range(20)]
    found = []
    for _ in range(50):
        points = [
            dict(zip(cells, map(int, rng.multinomial(60, [0.05] * 20)), strict=True))
            for _ in range(2)
        ]
        now, last = (run_of(distribution={"points": part}) for part in points)
        found.append(states(now, last)["shift_last"])

    assert found.count("failed") == 0


def test_limits_are_the_callers():
    """A house may be stricter."""
    assert states(run_of(), limits=GateLimits(refused=0.005))["refused"] == "failed"


def test_an_override_needs_a_gate_and_a_reason():
    """A misspelt gate is answered with the right one."""
    gates = judge(run_of(), scorer(), rows_written=ROWS, limits=GateLimits(refused=0.0))

    with pytest.raises(InputError, match='did you mean "refused"'):
        override(gates, {"refusd": "known"})
    with pytest.raises(InputError, match="no reason given"):
        override(gates, {"refused": " "})
    assert failed(override(gates, {"refused": "feed of the merger, ticket 12"}), "out") is None
    with pytest.raises(GateError, match="DLQ-303"):
        raise failed(gates, "out")


def test_the_summary_is_json():
    """It stands in a manifest."""
    gates = judge(run_of(), scorer(), rows_written=ROWS)

    assert json.loads(json.dumps([gate.as_dict() for gate in gates]))[0]["gate"] == "reconciliation"
