"""The page of the docs is the catalogue."""

from pathlib import Path

from delinquency.features import catalogue
from delinquency.features._page import page

DOCS = Path(__file__).parents[2] / "docs" / "features.md"


def test_the_page_in_the_docs_is_up_to_date():
    """Run ``python -m delinquency.features > docs/features.md`` after a change."""
    assert DOCS.read_text(encoding="utf-8") == page()


def test_the_page_names_every_feature_once():
    """Windowed ones by their stem, one row each."""
    names = {
        name.removesuffix(f"_{window}m") + "_{W}m" if stem else name
        for name, window, stem in zip(
            catalogue()["name"], catalogue()["window"], is_windowed(), strict=True
        )
    }
    rows = [line.split("`")[1] for line in page().splitlines() if line.startswith("| `")]

    assert sorted(rows) == sorted(names)


def is_windowed():
    """A name that changes with the windows is windowed."""
    other = set(catalogue((5, 7))["name"])
    return [name not in other for name in catalogue()["name"]]
