"""A made-up book, realistic in its figures, for looking at the page and for testing it."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from delinquency.evaluation import (
    by_band,
    by_group,
    by_month,
    calibration,
    discrimination,
    gains,
    roc,
)
from delinquency.report import Intake, Story

BANDS = list("ABCDE")
CHINESE = {
    "no_action": "观察/自愈",
    "pre_due_reminder": "还款提醒/早期预警",
    "digital_reminder": "短信/邮件/APP 提醒",
    "ai_voice_call": "智能语音外呼",
    "agent_call": "人工电话",
    "instalment_plan": "个性化分期",
    "demand_letter": "催告函/律师函",
    "care_and_hold": "关怀/暂停催收",
}


def scores(n=9000, seed=7):
    """True probabilities with the spread of a card book, and outcomes drawn from them."""
    rng = np.random.default_rng(seed)
    odds = rng.gumbel(-2.1, 1.0, size=n)
    probability = 1 / (1 + np.exp(-odds))
    return (rng.random(n) < probability).astype(int), probability


def points_of(probability):
    return 600 + 20 / np.log(2) * (np.log((1 - probability) / probability) - np.log(50))


def band_table(y, probability):
    edges = [490, 507, 521, 534]
    points = points_of(probability)
    band = np.array(BANDS[::-1])[np.digitize(points, edges)]
    table = by_band(y, probability, band)
    low, high = [534, 521, 507, 490, np.nan], [np.nan, 534, 521, 507, 490]
    return table.assign(points_low=low, points_high=high)


def plan_table():
    counts = {
        "no_action": [9120, 5210, 880, 120, 40],
        "pre_due_reminder": [0, 0, 2410, 980, 310],
        "digital_reminder": [640, 1130, 760, 90, 10],
        "ai_voice_call": [0, 40, 610, 730, 60],
        "agent_call": [0, 0, 420, 1490, 2030],
        "instalment_plan": [0, 10, 60, 310, 520],
        "demand_letter": [0, 0, 0, 140, 610],
        "care_and_hold": [12, 21, 30, 44, 51],
    }
    rows = [
        (name, CHINESE[name], band, n)
        for name, row in counts.items()
        for band, n in zip(BANDS, row, strict=True)
        if n
    ]
    return pd.DataFrame(rows, columns=["treatment", "zh", "band", "n"])


def story(**changes):
    """Return the whole story; keywords replace parts of it."""
    return Story(**(parts() | changes))


@functools.cache
def parts():
    """Everything a page can tell."""
    y, probability = scores()
    rng = np.random.default_rng(11)
    month = rng.choice(pd.date_range("2005-04-30", periods=6, freq="ME"), len(y))
    # the region goes with the risk a little, so that the audit has something to say
    region = np.where(
        probability + rng.normal(0, 0.3, len(y)) > 0.3,
        "Coast",
        rng.choice(["Hills", "City"], len(y)),
    )
    region = region.astype(object)
    region[:12] = "Islands"
    return {
        "title": "Who is likely to fall behind, and what to do about it",
        "as_of": "30 September 2005",
        "source": (
            "Made-up data in the shape of “Default of Credit Card Clients” (I-Cheng Yeh, UCI"
            " Machine Learning Repository, 2009, doi 10.24432/C55S3H, CC BY 4.0)."
        ),
        "target": "default in October 2005",
        "intake": Intake(
            rows=180_000,
            accounts=30_000,
            scored=29_988,
            refused=12,
            first_month="April",
            last_month="September 2005",
            labelled=30_000,
            bads=6_636,
            facts={"Amounts": "New Taiwan dollars", "Balance at the end": 1_536_699_927},
        ),
        "checks": pd.DataFrame(
            [
                ("warning", "DLQ-121", "days past due jumped by more than one month", 6209,
                 "nothing to do if the lender books codes in steps of two"),
                ("warning", "DLQ-124", "late with nothing owed", 1689, "ask how the code is set"),
                ("info", "DLQ-127", "balance below zero", 3932, "a credit balance; kept as it is"),
            ],
            columns=["severity", "code", "rule", "count", "fix"],
        ),
        "sample": "9,000 accounts held out by a stable hash of the account, none seen in training",
        "discrimination": discrimination(y, probability),
        "calibration": calibration(y, probability),
        "roc": roc(y, probability),
        "gains": gains(y, probability),
        "bands": band_table(y, probability),
        "drivers": pd.DataFrame(
            [
                ("dpd_last", 0.312, 1, "days past due in the last month"),
                ("dpd_max_3m", 0.118, 1, "worst days past due in the last three months"),
                ("paid_to_due_3m", 0.094, -1, "share of what was due that was paid, three months"),
                ("utilisation_mean_6m", 0.071, 1, "balance over limit, mean of six months"),
                ("credit_limit_last", 0.066, -1, "credit limit in the last month"),
                ("amount_paid_last", 0.052, -1, "amount paid in the last month"),
                ("dpd1_count_6m", 0.047, 1, "months late at all, of the last six"),
                ("payment_ratio_std_6m", 0.031, 0, "how unsteady the payments are"),
                ("balance_last_minus_mean_6m", 0.028, 0, "last balance against its own mean"),
                ("months_since_dpd30_24m", 0.022, -1, "months since it was last 30 days late"),
            ],
            columns=["feature", "share", "sign", "meaning"],
        ),
        "examples": pd.DataFrame(
            {
                "band": ["E", "E", "E"],
                "points": [441.3, 444.8, 447.0],
                "probability": [0.934, 0.921, 0.914],
                "reasons": [
                    ["three payments more than 30 days late in the last 6 months",
                     "nothing was paid in the last month",
                     "97% of the credit limit is in use"],
                    ["90 days past due in the last month", "two payments were missed in a row"],
                    ["60 days past due in the last month",
                     "11% of what was due in three months was paid",
                     "the balance stands above the limit",
                     "late in five of the last six months"],
                ],
            }
        ),
        "plan": plan_table(),
        "removed": pd.DataFrame(
            [
                ("agent_call", "人工电话", 158, "hold.dispute",
                 "a dispute is open; only care and notices remain", "never while the hold stands"),
                ("ai_voice_call", "智能语音外呼", 2210, "precondition.robocall_consent",
                 "no consent to automated calls is on record", "once there is evidence of it"),
            ],
            columns=["treatment", "zh", "n", "rule", "why", "until"],
        ),
        "waiting": pd.DataFrame(
            [("agent_call", "人工电话", 3940, "house.hours", "contact hours (house.hours)",
              "from 2005-09-30 01:00 UTC")],
            columns=["treatment", "zh", "n", "rule", "why", "until"],
        ),
        "packs": pd.DataFrame(
            [("house.example", "2026.11", "An example of a house policy", "any", 4, 4, 30_000),
             ("us.fdcpa_reg_f", "2026.11", "FDCPA and Regulation F", "US", 0, 0, 0)],
            columns=["pack", "version", "title", "jurisdiction", "rules", "blocking", "accounts"],
        ),
        "conduct": ["No contact log was given, so limits were not tested."],
        "value": pd.DataFrame(
            [("agent_call", "人工电话", 3940, 81_200.0), ("instalment_plan", "个性化分期", 900, 40_100.0)],
            columns=["treatment", "zh", "n", "value"],
        ),
        "prices": pd.DataFrame(
            [("agent_hours", 480.0, 480.0, 212.0), ("visits", 3.0, np.nan, 0.0)],
            columns=["capacity", "used", "limit", "price"],
        ),
        "goals": pd.DataFrame(
            [("November arrears", "amount", 1_000_000.0, "1 to 29 days past due at the start",
              412_000.0, 0.31, 790_000.0, 930_000.0, 1_060_000.0,
              "2026-11-16: 412,000 of 1,000,000; 52% was expected by now, so the pace is 0.79.\n"
              "10 working days are left; each must bring 58,800.",
              "a money goal stands without a guardrail of conduct"),
             ("Cures", "cure", 0.4, "1 to 5 days past due at the start", 0.31, 0.74, 0.38, 0.42, 0.46,
              "2026-11-16: 0.31 of 0.4; 52% was expected by now, so the pace is 1.5.", "")],
            columns=["goal", "metric", "target", "cohort", "actual", "probability", "p10", "p50", "p90",
                     "text", "warnings"],
        ),
        "confirm": pd.DataFrame(
            [
                ("agent_call", "人工电话", 3940, ["valid_phone", "in_window", "under_cap"]),
                ("instalment_plan", "个性化分期", 900,
                 ["hardship_evidence", "willingness", "affordability_ok"]),
                ("demand_letter", "催告函/律师函", 750, ["address_valid", "not_time_barred"]),
            ],
            columns=["treatment", "zh", "n", "needs"],
        ),
        "policy": pd.DataFrame(
            [
                (stage, band, cells[position])
                for stage, cells in {
                    "pre-due": [["no_action"], ["no_action"], ["pre_due_reminder"],
                                ["pre_due_reminder"], ["pre_due_reminder", "credit_line_adjust"]],
                    "1-7": [["no_action"], ["digital_reminder"], ["digital_reminder"],
                            ["ai_voice_call", "digital_reminder"], ["agent_call"]],
                    "8-30": [["digital_reminder"], ["ai_voice_call"], ["agent_call"],
                             ["agent_call"], ["agent_call", "instalment_plan"]],
                    "31-60": [["agent_call"], ["instalment_plan"], ["instalment_plan"],
                              ["instalment_plan", "contact_repair"], ["demand_letter"]],
                }.items()
                for position, band in enumerate(BANDS)
            ],
            columns=["stage", "band", "treatments"],
        ),
        "months": by_month(y, probability, month),
        "audit": {"Region": by_group(y, probability, region, favoured=probability < 0.3)},
        "favoured": "no call and no letter",
        "unknowns": [
            "What any treatment would change: no treatment was recorded in this data, so the plan"
            " follows a policy and not a measured effect.",
            "Whether the book still looks like this: the months end in September 2005.",
            "Due dates, minimum payments, write-offs and recoveries: the source has none of them.",
        ],
        "reproduce": [
            'pip install -e . && python -m delinquency demo',
            "python -m delinquency verify delinquency-demo",
        ],
        "manifest": {
            "Run": "3f9a1c0d2b7e4a55",
            "Bundle": "9c31e5…",
            "delinquency": "0.1.0",
            "Seed": 0,
            "Input rows": 180_000,
        },
    }  # fmt: skip
