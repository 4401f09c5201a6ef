"""Options and fixtures that every room's tests share."""

import hypothesis
import pytest

# The everyday suite tries the same examples each time, so that a red run is about the change at hand;
# `--slow` looks for new ones. No deadline: the first call of a kernel compiles.
hypothesis.settings.register_profile("everyday", derandomize=True, deadline=None)
hypothesis.settings.register_profile("slow", deadline=None)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the full sizes of the proofs")


def pytest_configure(config):
    profile = "slow" if config.getoption("--slow") else "everyday"
    hypothesis.settings.load_profile(profile)


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="full size; run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)
