"""``python -m delinquency.features`` prints the catalogue as a page of Markdown."""

from __future__ import annotations

from delinquency.features._page import page

if __name__ == "__main__":
    print(page(), end="")
