"""Days past due by the book: plain Python, one account, one day, cents as integers."""

import datetime as dt


def stand(dues, payments, day, *, tolerance=0, share=0.0, then=True):
    """Return (days past due, arrears in cents) of one account on one day.

    dues: dicts with due, cents, known (or None), group (or None). payments: dicts with paid, cents,
    known, group. Dues are settled by name first, then the oldest first.
    """

    def counts(event, key):
        booked = event["known"] if then and event["known"] else event[key]
        return max(event[key], booked) <= day

    def is_known(due):
        return not then or due["known"] is None or due["known"] <= day

    known = sorted((due for due in dues if is_known(due)), key=lambda due: due["due"])
    open_cents = {id(due): due["cents"] for due in known}
    pools = {}
    for payment in payments:
        if counts(payment, "paid"):
            pools[payment["group"]] = pools.get(payment["group"], 0) + payment["cents"]
    rest = pools.pop(None, 0)
    for group, cents in pools.items():
        for due in known:
            if due["group"] == group and cents > 0:
                part = min(cents, open_cents[id(due)])
                open_cents[id(due)] -= part
                cents -= part
        rest += cents
    late, arrears = 0, 0
    for due in known:
        if due["due"] >= day:
            continue
        part = min(max(rest, 0), open_cents[id(due)])
        rest -= part
        remainder = open_cents[id(due)] - part
        if remainder > max(tolerance, share * due["cents"]):
            arrears += remainder
            late = max(late, (day - due["due"]).days)
    return late, arrears


EPOCH = dt.date(2026, 1, 1)
