"""What the READMEs tell people to type runs as written."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_python_of_the_readme_runs(name, capsys):
    """Each block of Python runs from top to bottom and plans every account once."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), flags=re.S)
    world = {}

    for block in blocks:
        exec(block, world)

    assert world["plan"]["account_id"].is_unique
    assert len(world["plan"]) == len(world["sample"].accounts)
    assert world["scored"].scores["reason_1"].notna().sum() > 0
