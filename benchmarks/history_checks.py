"""How long the checks take on five million sorted rows, and how fast a book is made up.

Processor time stands beside wall time, because it does not grow when the machine is shared. Prints one line
of JSON.

    python benchmarks/history_checks.py
"""

import argparse
import json
import statistics
import time

from features_panel import LAST, panel

from delinquency import datasets, history


def timed(call, repeat):
    """Return the medians of wall and processor time."""
    walls, cpus = [], []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return round(statistics.median(walls), 3), round(statistics.median(cpus), 3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=310_000)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    months = panel(options.accounts)
    history.check_months(months.head(1_000))  # compile
    wall, cpu = timed(lambda: history.check_months(months, as_of=LAST), options.repeat)
    datasets.make_portfolio(10, 10)
    made = len(datasets.make_portfolio(100_000, 48).months)
    book_wall, book_cpu = timed(lambda: datasets.make_portfolio(100_000, 48), 3)
    print(
        json.dumps(
            {
                "rows": len(months),
                "check_months_s": wall,
                "check_months_cpu_s": cpu,
                "account_months_made": made,
                "made_per_second": round(made / book_wall),
                "made_per_cpu_second": round(made / book_cpu),
            }
        )
    )


if __name__ == "__main__":
    main()
