"""The allocation keeps every limit, proves how good it is, and says what lacks."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from delinquency.errors import InputError
from delinquency.strategy import allocate

BLOCKED = -np.inf


def book(n, a, k, seed, *, each=False, alike=False):
    """Return values, needs and capacities of a made-up book; column 0 is free and always open."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(5, 10, (n, a)), 2)
    if alike:
        values = values[rng.integers(0, min(3, n), n)]
    values[:, 1:][rng.random((n, a - 1)) < 0.2] = BLOCKED
    values[:, 0] = 0
    shape = (n, a) if each else a
    needs = {f"c{j}": np.round(rng.random(shape) * (rng.random(a) < 0.7) * 4, 1) for j in range(k)}
    for need in needs.values():
        need[..., 0] = 0
    capacities = {name: float(np.round(rng.random() * n, 1)) for name in needs}
    return values, needs, capacities


def use(needs, treatment):
    """Return what a choice uses of each capacity, counted the plain way."""
    each = np.arange(len(treatment))
    return {
        name: np.broadcast_to(need, (len(treatment), np.shape(need)[-1]))[each, treatment].sum()
        for name, need in needs.items()
    }


def best_of_all(values, needs, capacities):
    """Return the best value by trying every combination."""
    best = -np.inf
    for choice in itertools.product(range(values.shape[1]), repeat=len(values)):
        treatment = np.array(choice)
        worth = values[np.arange(len(values)), treatment].sum()
        used = use(needs, treatment)
        if worth > best and all(used[c] <= capacities[c] + 1e-9 for c in capacities):
            best = worth
    return best


def relaxed(values, needs, capacities):
    """Return the value of the linear programme, by HiGHS."""
    n, a = values.shape
    worth = np.where(values > BLOCKED, values, 0).ravel()
    rows = [np.broadcast_to(needs[c], (n, a)).ravel() for c in capacities]
    answer = linprog(
        -worth,
        A_ub=np.array(rows),
        b_ub=list(capacities.values()),
        A_eq=np.kron(np.eye(n), np.ones(a)),
        b_eq=np.ones(n),
        bounds=[(0, 1 if open_ else 0) for open_ in (values > BLOCKED).ravel()],
    )
    return -answer.fun


books = st.builds(
    book,
    st.integers(1, 40),
    st.integers(2, 6),
    st.integers(1, 4),
    st.integers(0, 10**6),
    each=st.booleans(),
    alike=st.booleans(),
)


@given(books)
def test_no_capacity_is_broken_and_no_blocked_treatment_chosen(made):
    """Whatever is asked, the limits hold and the open treatments are kept to."""
    values, needs, capacities = made
    result = allocate(values, needs, capacities)

    used = use(needs, result.treatment)
    assert all(used[c] <= capacities[c] * (1 + 1e-11) + 1e-11 for c in capacities)
    assert all(result.used[c] == pytest.approx(used[c]) for c in capacities)
    assert np.isfinite(values[np.arange(len(values)), result.treatment]).all()
    assert result.value == pytest.approx(values[np.arange(len(values)), result.treatment].sum())


@given(books)
def test_the_bound_lies_between_the_value_and_the_linear_programme_of_highs(made):
    """The certificate is true: the best allocation cannot be above it."""
    values, needs, capacities = made
    result = allocate(values, needs, capacities)
    top = relaxed(values, needs, capacities)

    assert result.value <= result.bound + 1e-6
    assert result.bound <= top + 1e-4 * max(1, abs(top))
    assert result.gap == pytest.approx(
        max(result.bound - result.value, 0) / (abs(result.bound) or 1), abs=1e-9
    )


@given(
    st.integers(1, 5), st.integers(2, 4), st.integers(1, 3), st.integers(0, 10**6), st.booleans()
)
def test_small_books_are_solved_as_by_trying_everything(n, a, k, seed, alike):
    """Brute force finds nothing better, and the gap says so."""
    values, needs, capacities = book(n, a, k, seed, alike=alike)
    result = allocate(values, needs, capacities)

    assert result.value == pytest.approx(best_of_all(values, needs, capacities), abs=1e-6)
    assert result.gap <= 1e-6


@given(books, st.floats(1, 2))
def test_more_capacity_never_lowers_the_value(made, factor):
    """Law: whoever has more can do no worse."""
    values, needs, capacities = made
    less = allocate(values, needs, capacities)
    more = allocate(values, needs, {c: amount * factor for c, amount in capacities.items()})

    assert more.value >= less.value - 1e-9


@given(books)
def test_a_slack_capacity_has_price_zero(made):
    """Law: nobody pays for what is not scarce."""
    values, needs, capacities = made
    wide = {c: float(np.max(need)) * len(values) + 1 for c, need in needs.items()}
    result = allocate(values, needs, {**capacities, "c0": wide["c0"]})

    assert result.prices["c0"] == 0.0
    assert all(price >= 0 for price in result.prices.values())


@given(books, st.integers(0, 10**6))
def test_the_order_of_the_accounts_is_irrelevant(made, seed):
    """Law: prices, bound and value are the same to the last bit."""
    values, needs, capacities = made
    order = np.random.default_rng(seed).permutation(len(values))
    moved = {c: need if np.ndim(need) == 1 else need[order] for c, need in needs.items()}
    one, two = allocate(values, needs, capacities), allocate(values[order], moved, capacities)

    assert (one.value, one.bound, one.prices) == (two.value, two.bound, two.prices)


def test_prices_are_worked_by_hand():
    """Two hours for three calls worth 9, 4 and 3: the next hour brings 3, the letters are free."""
    values = [[0.0, 9.0], [0.0, 4.0], [0.0, 3.0]]
    result = allocate(values, {"hours": [0, 1], "letters": [0, 1]}, {"hours": 2, "letters": 9})

    assert result.treatment.tolist() == [1, 1, 0]
    assert result.prices["hours"] == pytest.approx(3)
    assert result.explain().splitlines()[1] == (
        "letters: one more is worth nothing; 2 of 9 are used."
    )


def test_alike_accounts_share_what_there_is():
    """Ten thousand accounts with one row of values: the capacity is used to the last unit."""
    values = np.tile([0.0, 2.0, 3.0], (10_000, 1))
    needs = {"hours": [0, 1, 2], "letters": [0, 1, 0]}
    result = allocate(values, needs, {"hours": 7_000, "letters": 3_000})

    assert result.gap <= 1e-9
    assert np.bincount(result.treatment, minlength=3).tolist() == [5_000, 3_000, 2_000]
    assert result.prices == pytest.approx({"hours": 1.5, "letters": 0.5})


def test_a_minimum_is_met_at_the_least_loss():
    """Two must be placed with the agency: the two that lose least; the price says what the second cost."""
    values = np.array([[0.0, -5.0], [0.0, -1.0], [0.0, -3.0], [0.0, -9.0]])
    result = allocate(values, {"agency": [0, 1]}, {"agency": 3}, minimum={"agency": 2})

    assert result.treatment.tolist() == [0, 1, 1, 0]
    assert result.prices["agency"] == pytest.approx(-3)
    assert "one fewer required would bring 3" in result.explain()


def test_an_exploration_floor_keeps_every_treatment_in_use():
    """A treatment that pays for nobody still reaches 5 of 100 accounts, those it costs least."""
    values = np.column_stack([np.zeros(100), np.full(100, 2.0), -np.arange(1.0, 101)])
    result = allocate(values, {"trial": [0, 0, 1]}, {}, minimum={"trial": 5})

    assert np.flatnonzero(result.treatment == 2).tolist() == [0, 1, 2, 3, 4]


def test_visits_are_limited_by_region():
    """One visit in the north, none limited in the south."""
    values = np.array([[0.0, 5.0], [0.0, 7.0], [0.0, 2.0], [0.0, 1.0]])
    region = ["north", "north", "south", "south"]
    limits = {("visits", "north"): 1}
    result = allocate(values, {"visits": [0, 1]}, limits, groups={"visits": region})

    assert result.treatment.tolist() == [0, 1, 1, 1]
    assert result.prices["visits", "north"] == pytest.approx(5)
    assert result.used == {("visits", "north"): 1.0}


def test_a_limit_on_a_group_without_accounts_is_noted(caplog):
    """An empty region is no mistake; one that is nearly the name of an unlimited one is said aloud."""
    values, region = [[0.0, 5.0], [0.0, 7.0], [0.0, 2.0]], ["north", "north", "south"]
    task = (values, {"visits": [0, 1]})
    limits = {("visits", "nroth"): 1, ("visits", "island"): 2, ("visits", "south"): 1}

    result = allocate(*task, limits, groups={"visits": region})

    slip = 'No account is in "visits / nroth"; did you mean "north"?'
    assert result.notes == (slip, 'No account is in "visits / island".')
    assert result.explain().splitlines()[-2:] == list(result.notes)
    assert [record.getMessage() for record in caplog.records] == [f"allocate: {slip}"]
    assert result.treatment.tolist() == [1, 1, 1]

    limits[("visits", "north")] = 2  # its name is no longer the misspelling of an unlimited one
    assert allocate(*task, limits, groups={"visits": region}).notes[0].endswith('nroth".')
    assert allocate(*task, {("visits", "south"): 1}, groups={"visits": region}).notes == ()


@given(st.integers(2, 60), st.integers(0, 10**6))
def test_a_person_gets_one_contact_at_most(n, seed):
    """Several accounts of one person share one contact; branch and bound agrees."""
    values, needs, capacities = book(n, 4, 2, seed)
    persons = np.random.default_rng(seed).integers(0, max(1, n // 3), n)
    result = allocate(values, needs, capacities, persons=persons, contacts=[1, 2])
    free = allocate(values, needs, capacities)

    contacted = persons[np.isin(result.treatment, [1, 2])]
    assert len(set(contacted)) == len(contacted)
    assert result.value <= free.value + 1e-9
    assert result.gap <= 1e-6


def test_minima_that_cannot_be_met_are_named_with_what_lacks():
    """Which row and by how much, alone and together."""
    values = np.array([[0.0, 1.0, BLOCKED], [0.0, BLOCKED, 1.0], [0.0, 1.0, BLOCKED]])
    needs = {"agency": [0, 1, 0], "hours": [0, 2, 1]}
    with pytest.raises(InputError, match='"agency" can reach 2 of 3, 1 short'):
        allocate(values, needs, {}, minimum={"agency": 3})
    with pytest.raises(InputError, match=r"DLQ-166.*1 (short|over)"):
        allocate(values, needs, {"hours": 3}, minimum={"agency": 2})
    with pytest.raises(InputError, match='"hours" must use 3 of 1, 2 over'):
        allocate(values[:2, 1:], {"hours": [2, 1]}, {"hours": 1})


def test_a_large_table_whose_limits_clash_is_answered_too():
    """The agency needs 6,000 accounts at one hour each and there are 5,000 hours: 1,000 apart."""
    values = np.tile([0.0, 1.0], (20_000, 1))
    needs = {"agency": [0, 1], "hours": [0, 1]}
    with pytest.raises(InputError) as caught:
        allocate(values, needs, {"hours": 5_000}, minimum={"agency": 6_000})

    assert caught.value.code == "DLQ-166"
    assert "1,000" in str(caught.value)


def test_an_account_with_everything_blocked_needs_a_declared_fallback():
    """No treatment is invented: without a fallback it is refused, with one it is listed."""
    values = np.array([[BLOCKED, BLOCKED], [0.0, 3.0]])
    with pytest.raises(InputError, match="DLQ-161 values: every treatment is blocked in 1 of 2"):
        allocate(values, {"hours": [0, 1]}, {"hours": 5})
    result = allocate(values, {"hours": [0, 1]}, {"hours": 5}, fallback=0)

    assert result.treatment.tolist() == [0, 1]
    assert result.fallen.tolist() == [0]


def test_a_missing_value_is_blocked():
    """NaN means that nobody knows what it brings, so it cannot be chosen."""
    result = allocate([[0.0, np.nan, 1.0]], {"hours": [0, 0, 0]}, {"hours": 1})

    assert result.treatment.tolist() == [2]


def test_all_problems_of_the_limits_are_told_together():
    """A wrong name, a negative amount and a wrong shape in one answer, with the nearest name."""
    with pytest.raises(InputError) as caught:
        allocate([[0.0, 1.0]], {"hours": [0, 1], "b": [1]}, {"hour": 1, "hours": -1, "b": 2})

    assert {problem.code for problem in caught.value.problems} == {"DLQ-162", "DLQ-163", "DLQ-103"}
    assert 'did you mean "hours"?' in str(caught.value)


def test_nothing_is_limited():
    """Without capacities everybody gets the best."""
    result = allocate([[0.0, 1.0], [2.0, 1.0]], {}, {})

    assert (result.treatment.tolist(), result.gap) == ([1, 0], 0.0)


@pytest.mark.parametrize("each", [False, True])
def test_a_larger_book_comes_within_one_in_ten_thousand(each):
    """Forty thousand accounts, four capacities: the gap is certified and small."""
    values, needs, capacities = book(40_000, 8, 4, 7, each=each)
    result = allocate(values, needs, {c: 0.3 * amount for c, amount in capacities.items()})

    assert result.gap <= 1e-4


def test_threads_change_nothing():
    """One thread or two, the same bits."""
    values, needs, capacities = book(70_000, 5, 3, 3, each=True)
    one, two = (allocate(values, needs, capacities, n_jobs=jobs) for jobs in (1, 2))

    assert (one.treatment == two.treatment).all()
    assert (one.value, one.bound) == (two.value, two.bound)


@pytest.mark.slow
def test_a_million_accounts_eight_treatments_four_capacities():
    """The size that was asked for: a gap of one in ten thousand, and no limit broken."""
    values, needs, capacities = book(1_000_000, 8, 4, 1, each=True)
    result = allocate(values, needs, {c: 0.2 * amount for c, amount in capacities.items()})

    assert result.gap <= 1e-4


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("DLQ-160 contacts", {"persons": [1, 2], "contacts": [5]}),
        ("DLQ-160 contacts", {"persons": [1, 2], "contacts": ["call"]}),
        ("DLQ-160 fallback", {"fallback": "no_action"}),
        ("DLQ-160 fallback", {"fallback": 0.5}),
        ("DLQ-163 minimum", {"minimum": {"hours": np.inf}}),
        ("DLQ-103 groups", {"groups": {"hours": [["a"], ["b"]]}}),
    ],
)
def test_treatments_and_amounts_that_are_none_are_refused(code, more):
    """By name; a minimum without end was passed over."""
    limits = {("hours", "a"): 3} if "groups" in more else {"hours": 3}
    with pytest.raises(InputError, match=code):
        allocate([[0, 9], [0, 4]], {"hours": [0, 2]}, limits, **more)
