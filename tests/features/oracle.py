"""The features again, slow and obvious, written from the definitions and from nothing else.

One account's rows as dictionaries, lists, the calendar and `fractions`: no numpy, no pandas, no clever
order of summing. None stands for missing.
"""

import calendar
import datetime
import itertools
import math
from fractions import Fraction

WINDOWS = (3, 6, 12, 24)


def month_end(day):
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def ordinal(day):
    return day.year * 12 + day.month - 1


def snapshot_month(as_of):
    """The last month that had ended on or before the date."""
    return ordinal(as_of) if month_end(as_of) == as_of else ordinal(as_of) - 1


def visible(rows, as_of, horizon):
    """One account's rows that the snapshot may read, oldest first."""
    now = snapshot_month(as_of)
    seen = []
    for row in rows:
        if not now - horizon < ordinal(row["month"]) <= now:
            continue
        booked = row.get("known_at")
        if booked is not None and booked > as_of:
            continue
        seen.append(row)
    return sorted(seen, key=lambda row: row["month"])


def mean(values):
    return None if not values else float(sum(map(Fraction, values)) / len(values))


def std(values):
    if len(values) < 2:
        return None
    exact = [Fraction(value) for value in values]
    centre = sum(exact) / len(exact)
    return math.sqrt(sum((value - centre) ** 2 for value in exact) / (len(exact) - 1))


def slope(points):
    if len(points) < 2:
        return None
    xs = [Fraction(x) for x, _ in points]
    ys = [Fraction(y) for _, y in points]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return float(above / sum((x - x_mean) ** 2 for x in xs))


def runs(flags):
    """Lengths of the runs of true values, and of the run that ends at the last value."""
    lengths, current = [0], 0
    for flag in flags:
        current = current + 1 if flag else 0
        lengths.append(current)
    return max(lengths), current


def bucket(days):
    return 0 if days <= 0 else min(1 + int(days) // 30, 7)


def utilisation(row):
    limit, balance = row["credit_limit"], row["balance"]
    return balance / limit if limit is not None and limit > 0 and balance is not None else None


def payment_ratio(row):
    due, paid = row["amount_due"], row["amount_paid"]
    return paid / due if due is not None and due > 0 and paid is not None else None


def known(values):
    return [value for value in values if value is not None]


def minus(left, right):
    return None if left is None or right is None else left - right


def window_features(rows, now):
    days = [row["days_past_due"] for row in rows]
    use = known(utilisation(row) for row in rows)
    ratios = known(payment_ratio(row) for row in rows)
    balances = known(row["balance"] for row in rows)
    both = [row for row in rows if row["amount_due"] is not None and row["amount_paid"] is not None]
    due = sum(Fraction(row["amount_due"]) for row in both)
    paid = sum(Fraction(row["amount_paid"]) for row in both)
    late = [row for row in rows if row["days_past_due"] >= 30]
    buckets = [bucket(d) for d in days]
    steps = list(itertools.pairwise(buckets))
    worst, current = runs([d >= 1 for d in days])
    last = rows[-1] if rows else None
    return {
        "n_obs": len(rows),
        "dpd_max": max(days, default=None),
        "dpd_mean": mean(days),
        "dpd1_count": sum(d >= 1 for d in days),
        "dpd30_count": len(late),
        "months_since_dpd30": now - ordinal(late[-1]["month"]) if late else None,
        "current_streak": current,
        "worst_streak": worst,
        "utilisation_mean": mean(use),
        "utilisation_max": max(use, default=None),
        "utilisation_min": min(use, default=None),
        "utilisation_slope": slope(
            [(ordinal(r["month"]), utilisation(r)) for r in rows if utilisation(r) is not None]
        ),
        "paid_to_due": float(paid / due) if due > 0 else None,
        "payment_ratio_min": min(ratios, default=None),
        "payment_ratio_mean": mean(ratios),
        "payment_ratio_std": std(ratios),
        "missed_count": sum(row["amount_due"] > 0 and row["amount_paid"] <= 0 for row in both),
        "utilisation_last_minus_mean": minus(last and utilisation(last), mean(use)),
        "dpd_last_minus_mean": minus(last and last["days_past_due"], mean(days)),
        "balance_mean": mean(balances),
        "balance_last_minus_mean": minus(last and last["balance"], mean(balances)),
        "roll_forward_count": sum(after > before for before, after in steps),
        "roll_back_count": sum(after < before for before, after in steps),
    }


def features(rows, as_of, windows=WINDOWS):
    """The core features of one account at one date, or None when it has no row left."""
    now = snapshot_month(as_of)
    rows = visible(rows, as_of, max(24, *windows))
    if not rows:
        return None
    result = {}
    for window in windows:
        part = [row for row in rows if ordinal(row["month"]) > now - window]
        for name, value in window_features(part, now).items():
            result[f"{name}_{window}m"] = value
    last = rows[-1]
    two_years = [row for row in rows if ordinal(row["month"]) > now - 24]
    result["dpd_last"] = last["days_past_due"]
    result["utilisation_last"] = utilisation(last)
    result["balance_last"] = last["balance"]
    result["amount_due_last"] = last["amount_due"]
    result["amount_paid_last"] = last["amount_paid"]
    result["credit_limit_last"] = last["credit_limit"]
    result["months_since_last_obs"] = now - ordinal(last["month"])
    result["months_observed_24m"] = now - ordinal(two_years[0]["month"]) + 1 if two_years else None
    return result


def previous_month_end(day):
    return day.replace(day=1) - datetime.timedelta(days=1)
