import subprocess
import sys

import matplotlib as mpl
import pandas as pd
import pytest

from delinquency import datasets, portfolio
from delinquency.errors import InputError
from delinquency.portfolio import CashForecastDisplay, RollRateDisplay, VintageDisplay, kpis

from .test_roll import book

mpl.use("agg")


def figure(table, name):
    row = table.set_index("kpi").loc[name]
    return row["numerator"], row["denominator"]


def test_rates_of_a_book_worked_by_hand():
    """Four accounts, January to February: one rolls, one cures, one stays late, one is current."""
    table = kpis(book([0, 31], [31, 0], [31, 62], [0, 0]))

    assert figure(table, "delinquency_rate_1") == (2, 4)
    assert figure(table, "delinquency_rate_30") == (2, 4)
    assert figure(table, "delinquency_rate_60") == (1, 4)
    assert figure(table, "roll_rate_0") == (1, 2)
    assert figure(table, "roll_rate_30-59") == (1, 2)
    assert figure(table, "cure_rate") == (1, 2)


def test_money_figures_worked_by_hand():
    """An account 31 days late with 50 in arrears and 200 owed pays 40; 100 is written off, 10 comes back."""
    months = book([31, 31], [200, (230, "charged_off")]).assign(
        amount_paid=[0.0, 40, 0, 0],
        arrears=[50.0, 60, 100, 100],
        balance=[200.0, 160, 100, 0],
        written_off=[0.0, 0, 0, 100],
        recovered=[0.0, 0, 0, 10],
    )
    table = kpis(months, cost=5.0)

    assert figure(table, "recovery_rate_arrears") == (40, 150)
    assert figure(table, "liquidation_rate") == (40, 300)
    assert figure(table, "write_off_rate") == (100, 300)
    assert figure(table, "recovery_rate_written_off") == (10, 100)
    assert figure(table, "net_write_off_share") == (90, 100)
    assert figure(table, "cost_to_collect") == (5, 50)


def test_contacts_and_plan_bring_their_figures():
    """Attempts of February; a promise of January was kept in February; one control account cured."""
    months = book([31, 0], [31, 62]).assign(amount_paid=[0.0, 100.0, 0.0, 0.0])
    contacts = pd.DataFrame(
        {
            "account_id": [1, 2, 2, 1],
            "at": ["2026-02-03 10:00", "2026-02-04 10:00", "2026-02-05 10:00", "2026-01-20 10:00"],
            "outcome": ["no_answer", "refusal", "dispute", "promise"],
        }
    )
    plan = pd.DataFrame({"account_id": [1, 2], "arm": ["control", "champion"]})
    table = kpis(months, contacts=contacts, plan=plan)

    assert figure(table, "right_party_contact_rate") == (2, 3)
    assert figure(table, "refusal_rate") == (1, 2)
    assert figure(table, "promise_kept_rate") == (1, 1)
    assert figure(table, "self_cure_rate") == (1, 1)


def test_a_payment_before_the_promise_keeps_nothing():
    """Paid in January, promised in February, nothing by March."""
    months = book([31, 31, 62]).assign(amount_paid=[100.0, 0.0, 0.0])
    contacts = pd.DataFrame({"account_id": [1], "at": ["2026-02-20"], "outcome": ["promise"]})

    assert figure(kpis(months, contacts=contacts), "promise_kept_rate") == (0, 1)


def test_each_figure_says_what_it_is_and_nothing_is_divided_by_nothing():
    """A definition beside every value; an empty denominator gives a missing value."""
    table = kpis(book([0, 0]))

    assert (table["definition"].str.len() > 20).all()
    assert (
        table.set_index("kpi").loc["cure_rate", "value"]
        != table.set_index("kpi").loc["cure_rate", "value"]
    )


def test_as_of_looks_at_what_was_known_then():
    """In February nobody was late yet."""
    months = book([0, 0, 31])

    assert figure(kpis(months, as_of="2026-02-28"), "delinquency_rate_30") == (0, 1)
    assert figure(kpis(months), "delinquency_rate_30") == (1, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"contacts": pd.DataFrame({"account_id": [1]})},
        {"plan": pd.DataFrame({"account_id": [1]})},
        {"period": 0},
    ],
)
def test_tables_that_cannot_be_read_are_refused(wrong):
    """A missing column is named."""
    with pytest.raises(InputError):
        kpis(book([0, 0]), **wrong)


@pytest.mark.parametrize("display", [RollRateDisplay, VintageDisplay, CashForecastDisplay])
def test_displays_draw_into_the_axes_they_are_given(display):
    """from_months(...).plot(ax=ax) returns the display, with ax_ and figure_."""
    import matplotlib.pyplot as plt

    months = datasets.make_portfolio(300, 26, seed=1).months
    figure, ax = plt.subplots()
    drawn = display.from_months(months).plot(ax=ax)

    assert drawn.ax_ is ax
    assert drawn.figure_ is figure
    plt.close(figure)


def test_importing_the_wing_does_not_import_matplotlib():
    """Drawing is paid for by those who draw."""
    code = "import sys, delinquency.portfolio; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert "RollRateDisplay" in portfolio.__all__
