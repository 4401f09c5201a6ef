"""Samples to start with, and portfolios made up with a known truth."""

from delinquency.datasets._credit_card import SAMPLE_SHA256, CreditCard, load_credit_card
from delinquency.datasets._portfolio import Portfolio, make_portfolio

__all__ = ["SAMPLE_SHA256", "CreditCard", "Portfolio", "load_credit_card", "make_portfolio"]
