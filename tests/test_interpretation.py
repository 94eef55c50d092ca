"""Formulas run on their own, and cannot run anything else."""

import numpy as np
import pytest

from interpretable_arch.interpretation import Feature, Formula, Interpretation


def formula(expression: str) -> Formula:
    constants = {"scale": 2.0, "table": [[0, 1], [1, 0]], "chi": [1.0, -1.0]}
    return Formula("f", expression, ("a", "b"), constants, "logits", 0.0)


def test_evaluates_by_hand():
    got = formula("scale * chi[table[a, b]] - 1").evaluate(a=[0, 0, 1], b=[0, 1, 1])
    np.testing.assert_allclose(got, [1.0, -3.0, 1.0])
    np.testing.assert_allclose(formula("-exp(log(a + 1)) / b ** 2").evaluate(a=3, b=2), -1.0)


def test_missing_inputs_are_named():
    with pytest.raises(ValueError, match="wanted"):
        formula("a").evaluate(a=1)


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('x')",
        "a.real",
        "[a for a in b]",
        "open(a)",
        "unknown + a",
        "'text'",
    ],
)
def test_nothing_else_is_understood(expression):
    with pytest.raises(ValueError, match="not understood"):
        formula(expression).evaluate(a=1, b=2)


def test_to_mapping_is_plain():
    read = Interpretation("label", (Feature("f", 1.0, "what"),), (formula("a + b"),))
    plain = read.to_mapping()
    assert plain["label"] == "label"
    assert plain["features"] == ({"name": "f", "value": 1.0, "description": "what"},)
