"""Options and fixtures that every room's tests share."""

import itertools
import os

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


def without(reason):
    """Skip what needs something that is not here; where everything must be here, fail instead."""
    if os.environ.get("DELINQUENCY_ALL_EXTRAS"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def missing_extra():
    """What a test calls when something it needs is not here."""
    return without


@pytest.fixture(scope="session")
def postgres():
    """A real PostgreSQL server of Debian's package, for as long as the tests run."""
    from postgres_server import CannotStartError, running

    try:
        import adbc_driver_postgresql  # noqa: F401
    except ImportError:
        without('no PostgreSQL driver: pip install -e ".[postgres]"')
    try:
        with running("fsync=off") as server:
            yield server
    except CannotStartError as reason:
        without(str(reason))


_numbers = itertools.count()


@pytest.fixture
def database(postgres):
    """A schema of its own in the server; ``at(name)`` is the address of a table there."""

    class Schema:
        server, url, schema = postgres, postgres.url, f"t{next(_numbers)}"

        def at(self, name):
            return f"{self.url}#{self.schema}.{name}"

        def sql(self, text, *parameters):
            return postgres.sql(text.replace("{s}", self.schema), *parameters)

    schema = Schema()
    schema.sql("CREATE SCHEMA {s}")
    yield schema
    schema.sql("DROP SCHEMA {s} CASCADE")
