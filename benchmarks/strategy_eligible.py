"""How long the rules take: a million accounts, 22 treatments, ten million lines of contact log.

Prints one line of JSON. The peak of memory is of the whole process, tables included.
"""

import argparse
import json
import resource
import time

import numpy as np
import pandas as pd

from delinquency.strategy import RulePack, Strategy, assign, eligible

ZONES = ["America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", None]


def book(n, rng):
    people = rng.integers(0, max(n * 8 // 10, 1), n)
    yes = lambda share: rng.random(n) < share  # noqa: E731
    return pd.DataFrame(
        {
            "account_id": np.arange(n),
            "person_id": people,
            "days_past_due": rng.choice([0, 0, 0, 5, 20, 40, 70, 120, 200], n),
            "balance": rng.random(n) * 1e5,
            "jurisdiction": rng.choice(["US", "US-MA", "US-NY-NYC"], n),
            "time_zone": rng.choice(np.array(ZONES, dtype=object), n),
            "dispute": yes(0.02),
            "vulnerable": yes(0.01),
            "valid_phone": yes(0.9),
            "address_valid": yes(0.8),
            "opt_out_sms": yes(0.1),
            "opt_out_phone": yes(0.05),
            "cease_requested": yes(0.01),
            "represented_by_attorney": yes(0.01),
        }
    )


def log(accounts, m, rng):
    row = rng.integers(0, len(accounts), m)
    start = pd.Timestamp("2026-09-01", tz="UTC").value // 1000
    span = 83 * 86_400_000_000
    outcomes = ["no_answer", "voicemail", "busy", "right_party", "sent", "promise", "refusal"]
    return pd.DataFrame(
        {
            "account_id": row,
            "person_id": accounts["person_id"].to_numpy()[row],
            "at": pd.to_datetime(start + rng.integers(0, span, m), unit="us", utc=True),
            "channel": pd.Categorical.from_codes(
                rng.integers(0, 4, m).astype("int8"), ["phone", "sms", "email", "ai_voice"]
            ),
            "outcome": pd.Categorical.from_codes(
                rng.integers(0, len(outcomes), m).astype("int8"), outcomes
            ),
            "inbound": rng.random(m) < 0.05,
        }
    )


def load(stages=200, bands=5):
    """Read and check a strategy of a thousand cells; seconds of processor time, best of three."""
    rows = [
        f"  - {{stage: s{i}, dpd: [{i}, {i if i < stages - 1 else 'null'}]}}" for i in range(stages)
    ]
    names = ", ".join(f"B{j}" for j in range(bands))
    cells = [
        f"  - {{stage: s{i}, band: B{j}, treatment: no_action}}"
        for i in range(stages)
        for j in range(bands)
    ]
    lines = ["format: 1", "name: big", "stages:", *rows, f"bands: [{names}]", "cells:", *cells]
    Strategy.default()
    taken = []
    for _ in range(3):
        started = time.process_time()
        Strategy.from_text("\n".join(lines))
        taken.append(time.process_time() - started)
    return {"what": "load", "cells": len(cells), "cpu_seconds": round(min(taken), 3)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--contacts", type=int, default=10_000_000)
    parser.add_argument("--what", choices=["eligible", "assign", "load"], default="eligible")
    given = parser.parse_args()
    if given.what == "load":
        print(json.dumps(load()))
        return
    rng = np.random.default_rng(0)
    accounts = book(given.accounts, rng)
    contacts = log(accounts, given.contacts, rng)
    packs = ["us.fdcpa_reg_f", "us.ma.940cmr7", "us.nyc.dcwp2026", "us.tcpa", "us.ecoa_reg_b"]
    [RulePack.load(name) for name in packs]
    Strategy.default()
    started, spent = time.perf_counter(), time.process_time()
    if given.what == "eligible":
        result = eligible(accounts, contacts, at="2026-11-23T12:30Z", packs=packs)
    else:
        n = len(accounts)
        scores = pd.DataFrame(
            {
                "account_id": accounts["account_id"],
                "snapshot_date": pd.Timestamp("2026-10-31"),
                "probability": rng.random(n),
                "points": rng.normal(600, 40, n),
                "band": rng.choice(list("ABCDE"), n),
            }
        )
        result = assign(scores, accounts, contacts, packs=packs, as_of="2026-11-23T12:30Z")
    seconds, spent = time.perf_counter() - started, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    figures = {
        "what": given.what,
        "accounts": given.accounts,
        "contacts": given.contacts,
        "rows": len(result),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(spent, 1),
        "peak_gib": round(peak, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
