"""Samples to start with, and portfolios made up with a known truth."""

from delinquency.datasets._credit_card import SAMPLE_SHA256, CreditCard, load_credit_card

__all__ = ["SAMPLE_SHA256", "CreditCard", "load_credit_card"]
