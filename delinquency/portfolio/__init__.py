"""Where is the book going? Roll rates, vintages, cash, key figures."""

from delinquency.portfolio._beginnings import cumulative_incidence, first_payment_default
from delinquency.portfolio._cash import back_test, forecast_cash
from delinquency.portfolio._displays import CashForecastDisplay, RollRateDisplay, VintageDisplay
from delinquency.portfolio._kpis import kpis
from delinquency.portfolio._outlook import Outlook, cohort_outlook
from delinquency.portfolio._recoveries import recovery_triangle
from delinquency.portfolio._roll import chain_check, flow_rates, roll_rates, wide
from delinquency.portfolio._triangle import ChainLadder, chain_ladder
from delinquency.portfolio._vintage import vintage

__all__ = [
    "CashForecastDisplay",
    "ChainLadder",
    "Outlook",
    "RollRateDisplay",
    "VintageDisplay",
    "back_test",
    "chain_check",
    "chain_ladder",
    "cohort_outlook",
    "cumulative_incidence",
    "first_payment_default",
    "flow_rates",
    "forecast_cash",
    "kpis",
    "recovery_triangle",
    "roll_rates",
    "vintage",
    "wide",
]
