"""How are people's files read? YAML 1.2, every mistake with its line and column, nothing that runs.

`read_document` turns a file into plain values that remember where they stand; `validate` holds them
against a frozen model (`Model`) and answers with every problem in one pass: the key, the rule, the
nearest name that would be right.
"""

from delinquency.settings._model import (
    MaybeNames,
    Model,
    Name,
    Names,
    parts,
    problems_of,
    validate,
)
from delinquency.settings._yaml import Document, read_document, read_text, shown

__all__ = [
    "Document",
    "MaybeNames",
    "Model",
    "Name",
    "Names",
    "parts",
    "problems_of",
    "read_document",
    "read_text",
    "shown",
    "validate",
]
