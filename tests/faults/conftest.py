"""One process for all proofs of a session."""

import pytest

from .driver import Driver


@pytest.fixture(scope="session")
def proof():
    driver = Driver()
    yield driver
    driver.close()
