"""Samples to start with, and portfolios made up with a known truth."""

from delinquency.datasets._credit_card import SAMPLE_SHA256, CreditCard, load_credit_card
from delinquency.datasets._portfolio import Portfolio, make_portfolio
from delinquency.datasets._portfolio_again import true_probability
from delinquency.datasets._simulator import CollectionsSimulator, Run
from delinquency.datasets._simulator_oracle import Oracle
from delinquency.datasets._simulator_world import World

__all__ = [
    "SAMPLE_SHA256",
    "CollectionsSimulator",
    "CreditCard",
    "Oracle",
    "Portfolio",
    "Run",
    "World",
    "load_credit_card",
    "make_portfolio",
    "true_probability",
]
