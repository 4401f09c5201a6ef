import pytest

from delinquency.buckets import BucketScheme, scheme_of
from delinquency.errors import InputError

NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "days", "labels"),
    [
        (
            "generic",
            [0, 1, 29, 30, 59, 60, 89, 90],
            ["0", "1-29", "1-29", "30-59", "30-59", "60-89", "60-89", "90-119"],
        ),
        (
            "generic",
            [119, 120, 149, 150, 179, 180, 9999],
            ["90-119", "120-149", "120-149", "150-179", "150-179", "180+", "180+"],
        ),
        ("cn_m", [0, 1, 30, 31, 60, 61], ["M0", "M1", "M1", "M2", "M2", "M3"]),
        ("cn_m", [150, 151, 180, 181], ["M5", "M6", "M6", "M7"]),
        ("cn_stage", [0, 1, 29, 30, 89, 90], ["current", "early", "early", "mid", "mid", "late"]),
    ],
)
def test_presets_cut_where_the_field_cuts(name, days, labels):
    """Both sides of every edge."""
    scheme = scheme_of(name)

    assert [scheme.labels[code] for code in scheme.codes(days)] == labels


def test_missing_days_have_no_bucket():
    """Neither current nor the worst: -1."""
    assert scheme_of("generic").codes([NAN]).tolist() == [-1]


@pytest.mark.parametrize("edges", [(), (0, 30), (30, 30), (60, 30), (1.5, 30), "genric"])
def test_edges_that_cut_nothing_are_refused(edges):
    """Empty, below 1, not rising, fractions, an unknown name."""
    with pytest.raises(InputError, match="DLQ-214"):
        scheme_of(edges)


def test_labels_must_fit_the_edges():
    """One label too few, and two the same."""
    for labels in (("a",), ("a", "a")):
        with pytest.raises(InputError, match="DLQ-214"):
            BucketScheme("mine", (1,), labels)
