"""Samples to start with, and portfolios made up with a known truth."""

from delinquency.datasets._credit_card import CreditCard, load_credit_card

__all__ = ["CreditCard", "load_credit_card"]
