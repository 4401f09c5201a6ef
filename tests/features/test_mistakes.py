"""Four mistakes found in well-ranked public solutions, each asked of every feature it could touch."""

import pandas as pd
import pytest

from delinquency.errors import InputError
from delinquency.features import FeatureSpec, build_features


def history(days, due, paid):
    """One account, one row a month, ending in June 2026."""
    months = pd.period_range(end="2026-06", periods=len(days), freq="M")
    return pd.DataFrame(
        {
            "account_id": 1,
            "month": months,
            "days_past_due": days,
            "amount_due": due,
            "amount_paid": paid,
        }
    )


def features_of(months):
    return build_features(months, as_of="2026-06-30", spec=FeatureSpec()).iloc[0]


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level("ERROR", "delinquency")


def test_early_is_never_late():
    """A customer who pays twice the due ahead of time has no late month of any kind."""
    got = features_of(history([0] * 6, [100.0] * 6, [200.0] * 6))

    late = [name for name in got.index if name.startswith("dpd") and "over" not in name]
    assert len(late) > 40
    assert not got[late].drop([name for name in late if name.endswith("rank")]).any()
    assert got[["current_streak_6m", "worst_streak_6m"]].tolist() == [0, 0]
    assert got[["months_since_dpd30_6m", "months_since_dpd1"]].isna().all()
    assert got[["clean_streak", "clean_streak_max_6m"]].tolist() == [6, 6]


def test_days_early_cannot_enter_as_negative_days_past_due():
    """A signed delay is refused at the door: its sign would be guessed."""
    with pytest.raises(InputError, match="DLQ-106"):
        features_of(history([-12, 0], [100.0, 100.0], [100.0, 100.0]))


def test_under_paid_means_paid_below_due():
    """Sides the right way round: 150 of 100 is no shortfall, 60 of 100 is one."""
    over = features_of(history([0, 0, 0], [100.0] * 3, [150.0] * 3))
    under = features_of(history([0, 0, 0], [100.0] * 3, [100.0, 60.0, 100.0]))

    assert over[["short_count_3m", "shortfall_share_3m", "full_share_3m"]].tolist() == [0, 0, 1]
    assert pd.isna(over["months_since_short"])
    assert over["paid_to_due_3m"] == 1.5
    assert under["short_count_3m"] == 1
    assert under["shortfall_share_3m"] == pytest.approx(40 / 300)
    assert under["full_share_3m"] == pytest.approx(2 / 3)
    assert under["months_since_short"] == 1
    assert under["payment_ratio_min_3m"] == 0.6


def test_a_late_count_counts_late_months_only():
    """One late month of six is one, and six late months are six."""
    once = features_of(history([0, 0, 40, 0, 0, 0], [100.0] * 6, [100.0, 100, 0, 200, 100, 100]))
    always = features_of(history([95] * 6, [100.0] * 6, [0.0] * 6))

    counts = [f"dpd{days}_count_6m" for days in (1, 7, 30, 60, 90)]
    assert once[[*counts, "missed_count_6m", "short_count_6m"]].tolist() == [1, 1, 1, 0, 0, 1, 1]
    assert always[[*counts, "missed_count_6m", "short_count_6m"]].tolist() == [6] * 7
    assert once["n_obs_6m"] == always["n_obs_6m"] == 6


def test_a_window_keeps_its_months_not_whole_loans():
    """Old trouble of a loan that is still running stays outside a short window, whatever the feature."""
    old = [90] * 12 + [0] * 12
    due, paid = [100.0] * 24, [0.0] * 12 + [100.0] * 12
    troubled = features_of(history(old, due, paid))
    clean = features_of(history([0] * 24, due, [100.0] * 24))

    short = [name for name in troubled.index if name.endswith(("_3m", "_6m", "_12m"))]
    assert (
        len(short) == 3 * (23 - 7 + 19 - 6 + 4) + 2
    )  # all windowed ones without balance, two ratios
    pd.testing.assert_series_equal(troubled[short], clean[short])
    assert troubled["dpd90_count_24m"] == 12
    assert troubled["months_since_dpd90"] == 12
