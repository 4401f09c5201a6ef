"""Options and fixtures that every room's tests share."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the full sizes of the proofs")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="full size; run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)
