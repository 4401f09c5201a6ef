"""The proofs would notice a bug: loops with one small mistake each, run uncompiled against the oracle."""

import ast
import copy
import datetime
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from delinquency.features import (
    _compile,
    _compute,
    _contrast,
    _kernels,
    _line,
    _quartiles,
    _recency,
    _status,
    _windowed,
)
from delinquency.features._blocks import BLOCKS, CORE
from delinquency.features._plan import Plan
from delinquency.features._rows import Block
from delinquency.schema import MONTHS, admit

from .panels import expected, portfolio, table

SNAPSHOTS = [datetime.date(2024, 6, 14), datetime.date(2025, 3, 31)]
WINDOWS = (3, 6, 12, 30)  # the last reaches beyond what is told once
SWAPS = {
    ast.GtE: ast.Gt,
    ast.Gt: ast.GtE,
    ast.LtE: ast.Lt,
    ast.Lt: ast.LtE,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
STEPS = ("i", "begin", "end", "first", "last")
MODULES = {
    _kernels: CORE,
    _windowed: _windowed.BLOCK,
    _quartiles: _quartiles.BLOCK,
    _recency: _recency.BLOCK,
    _contrast: _contrast.BLOCK,
    _line: _line.BLOCK,
    _status: _status.BLOCK,
}


def mutants(module):
    """Yield the module's tree with one operator of one compiled loop swapped, and the line."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    for loop in [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.decorator_list]:
        for node in ast.walk(loop):
            for holder, place in operators(node):
                if type(place(node)) in SWAPS:
                    yield mutated(tree, node, holder), node.lineno


def operators(node):
    if isinstance(node, ast.Compare):
        return [(("ops", k), lambda n, k=k: n.ops[k]) for k in range(len(node.ops))]
    if isinstance(node, ast.AugAssign) and getattr(node.target, "id", "") in STEPS:
        return []  # a walk that turns round never ends, which nobody would fail to notice
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)):
        return [(("op", None), lambda n: n.op)]
    return []


def mutated(tree, node, holder):
    """A copy of the tree with the operator swapped; the tree itself stays as it was."""
    name, number = holder
    old = getattr(node, name)
    if number is None:
        setattr(node, name, SWAPS[type(old)]())
    else:
        setattr(node, name, [*old[:number], SWAPS[type(old[number])](), *old[number + 1 :]])
    twin = copy.deepcopy(tree)
    setattr(node, name, old)
    return twin


def loaded(tree, module):
    names = {"__name__": module.__name__, "__file__": module.__file__}
    exec(compile(tree, module.__file__, "exec"), names)  # our own source with one operator swapped
    return names


@pytest.fixture(scope="module")
def proof():
    """Portfolios as admitted tables with the oracle's answers, whole and without booking dates."""
    cases = []
    for seed in range(6):
        book = portfolio(seed, accounts=6)
        if seed >= 4:  # whole histories: windows filled to the edge, the oldest month at the border
            book = {name: [row | {"known_at": None} for row in rows] for name, rows in book.items()}
        cases.append((admit(table(book), MONTHS), expected(book, SNAPSHOTS, WINDOWS, whole=True)))
    return cases


def survives(block, cases):
    dates = tuple(pd.Timestamp(date) for date in SNAPSHOTS)
    wanted = block.entries(WINDOWS)
    names = [feature.name for feature in wanted]
    for months, answers in cases:
        try:
            _, values, _ = _compute.compute(months, Plan(dates, WINDOWS, (block,), wanted, 1))
        except (ArithmeticError, IndexError, ValueError, TypeError):
            return False
        right = answers[names].to_numpy()
        if values.shape != right.shape or not np.allclose(values, right, 1e-9, 1e-9, True):
            return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_nine_mistakes_in_ten_are_noticed(module, proof, monkeypatch):
    """Survivors are guards whose two sides agree, such as a sum that is zero either way."""
    logging.disable(logging.CRITICAL)
    monkeypatch.setattr(_compile, "compiled", lambda loop: loop)
    block = MODULES[module]
    assert block in BLOCKS
    assert survives(
        rebuilt(loaded(ast.parse(Path(module.__file__).read_text()), module), block), proof
    )
    survivors, tried = [], 0

    for tree, line in mutants(module):
        names = loaded(tree, module)
        tried += 1
        with monkeypatch.context() as patch:
            patch.setattr(_compute, "find_cuts", names.get("find_cuts", _compute.find_cuts))
            if survives(rebuilt(names, block), proof):
                survivors.append(line)

    print(
        f"{module.__name__}: {tried - len(survivors)} of {tried} noticed; survivors at {survivors}"
    )
    assert tried > 20
    assert len(survivors) <= tried // 10, survivors


def rebuilt(names, block):
    return Block(names[block.loop.__name__], block.windowed, block.once)
