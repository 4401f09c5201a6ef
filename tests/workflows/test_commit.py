"""Committing a run: all of it or nothing, and nothing left over."""

import resource

import numpy as np
import pandas as pd
import pytest

from delinquency.errors import EnvironmentFailure
from delinquency.storage import Bundle, load_bundle, verify
from delinquency.workflows._commit import commit

from .conftest import hashes

SMALL = pd.DataFrame({"x": [1]})
BIG = pd.DataFrame({"x": np.random.default_rng(0).random(5000)})


def make(folder, bundle=None, **tables):
    files = {f"{name}.parquet": table for name, table in tables.items()}
    texts = {"page.html": b"<p>"}
    facts = {"as_of": "2026-06-30", "inputs": {}, "bundle": bundle}
    return commit(folder, "test", tables=files, texts=texts, **facts)


def test_a_disk_that_fills_up_half_way_leaves_the_old_run(tmp_path):
    """The first table fits, the second does not: neither is put in place."""
    make(tmp_path / "run", a=SMALL, b=SMALL)
    before = hashes(tmp_path / "run")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(EnvironmentFailure, match="DLQ-501"):
            make(tmp_path / "run", a=SMALL.assign(x=2), b=BIG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert hashes(tmp_path / "run") == before
    assert set(verify(tmp_path / "run")["state"]) == {"same"}


def test_a_new_run_replaces_every_file_of_the_old(tmp_path):
    """With its bundle; the arrays of the old bundle do not stay behind."""
    for seed in (1, 2):
        bundle = Bundle({"seed": seed}, {"a": np.arange(seed)})
        make(tmp_path / "run", bundle=bundle, a=SMALL.assign(x=seed))

    assert set(verify(tmp_path / "run")["state"]) == {"same"}
    assert load_bundle(tmp_path / "run" / "bundle").document == {"seed": 2}
    assert len(list((tmp_path / "run" / "bundle").iterdir())) == 2
    assert len(hashes(tmp_path / "run")) == 5
