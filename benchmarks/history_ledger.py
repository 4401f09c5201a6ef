"""How long a ledger takes, beside a pandas group-by of the same rule in the same run.

The group-by walks account by account, as such code is usually written, on a share of the accounts; its
time is scaled to all of them, and the days of those accounts must agree. Prints one line of JSON.

    python benchmarks/history_ledger.py --dues 10000000 --share 0.01
"""

import argparse
import json
import resource
import time

import numpy as np
import pandas as pd

from delinquency import history

SPAN = 25
AS_OF = pd.Timestamp("2026-01-31")


def ledger(dues, rng):
    """Return dues on the 5th of 25 months for each account, and a payment for four of five."""
    accounts = dues // SPAN
    ids = np.repeat(np.arange(accounts), SPAN)
    month = (np.datetime64("2024-01", "M") + np.arange(SPAN)).astype("datetime64[D]")
    day = np.tile(month + np.timedelta64(4, "D"), accounts).astype("datetime64[us]")
    late = rng.integers(-5, 40, len(ids)).astype("timedelta64[D]")
    paid = pd.DataFrame(
        {
            "account_id": ids,
            "paid_date": day + late.astype("timedelta64[us]"),
            "amount_paid": rng.choice([100.0, 100.0, 100.0, 50.0, 0.0], len(ids)),
        }
    )
    paid = paid[paid["amount_paid"] > 0].sort_values(["account_id", "paid_date"], ignore_index=True)
    return pd.DataFrame({"account_id": ids, "due_date": day, "amount_due": 100.0}), paid


def by_group(dues, paid, at):
    """Return days past due of each account, as a group-by with apply."""
    total = paid[paid["paid_date"] <= at].groupby("account_id")["amount_paid"].sum()

    def oldest(group):
        open_due = group["amount_due"].cumsum() - total.get(group.name, 0.0)
        late = group["due_date"][(open_due > 0.005) & (group["due_date"] < at)]
        return (at - late.iloc[0]).days if len(late) else 0

    return dues.groupby("account_id")[["due_date", "amount_due"]].apply(oldest)


def timed(call):
    start = time.perf_counter(), time.process_time()
    result = call()
    return result, time.perf_counter() - start[0], time.process_time() - start[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dues", type=int, default=10_000_000)
    parser.add_argument("--share", type=float, default=0.01)
    options = parser.parse_args()
    dues, paid = ledger(options.dues, np.random.default_rng(0))
    history.months_from_ledger(dues.head(100), paid.head(100), as_of=AS_OF)  # compile
    tables = (dues.memory_usage().sum() + paid.memory_usage().sum()) / 2**30
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    days, wall, cpu = timed(lambda: history.days_past_due(dues, paid, at=AS_OF))
    months, months_wall, months_cpu = timed(lambda: history.months_from_ledger(dues, paid, AS_OF))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    some = int(options.dues / SPAN * options.share)
    few, few_paid = (frame[frame["account_id"] < some] for frame in (dues, paid))
    slow, slow_wall, slow_cpu = timed(lambda: by_group(few, few_paid, AS_OF))
    agree = bool((slow.to_numpy() == days["days_past_due"].to_numpy()[:some]).all())
    print(
        json.dumps(
            {
                "dues": len(dues),
                "payments": len(paid),
                "days_past_due_s": round(wall, 2),
                "days_past_due_cpu_s": round(cpu, 2),
                "months_from_ledger_s": round(months_wall, 2),
                "months_from_ledger_cpu_s": round(months_cpu, 2),
                "months": len(months),
                "group_by_accounts": some,
                "group_by_s_scaled": round(slow_wall / options.share, 1),
                "group_by_cpu_s_scaled": round(slow_cpu / options.share, 1),
                "times_faster_cpu": round(slow_cpu / options.share / cpu, 1),
                "agree": agree,
                "tables_gib": round(tables, 2),
                "peak_gib_before": round(before, 2),
                "peak_gib": round(peak, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
