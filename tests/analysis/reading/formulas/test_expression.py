"""Formulas become sympy expressions and give the evaluator's numbers, exactly computed."""

import numpy as np
import pytest

from analysis.reading.formulas.expression import expression, rerun
from interpretable_arch.interpretation import Formula


def formula(text: str, inputs: tuple[str, ...] = (), **constants) -> Formula:
    return Formula("f", text, inputs, constants, "logits", 0.0)


def test_products_of_matrices_by_hand():
    import sympy

    A = np.array([[[1.0, 2], [0, 1]], [[0.5, 0], [1, 0]]])
    found = formula("a @ A[x0] @ A[x1]", ("x0", "x1"), a=np.array([[1.0, 1]]), A=A)
    assert expression(found, {"x0": 0, "x1": 1}) == sympy.Matrix([[sympy.Rational(7, 2), 0]])
    np.testing.assert_allclose(rerun(found, {"x0": 0, "x1": 1}), [3.5, 0])
    np.testing.assert_allclose(found.evaluate(x0=0, x1=1).squeeze(), [3.5, 0])


@pytest.mark.parametrize(
    "text",
    [
        "log(a @ A[x] @ A[y] @ b)",
        "-exp(A[x] * 2 - A[y]) / 3 + s",
        "abs(a) ** 2 @ b + sqrt(A[x, 0, 1] * A[x, 0, 1])",
        "cos(a) + sin(s) * tanh(A[y])",
        "w * A[x] + w * A[y]",
    ],
)
def test_sympy_gives_what_the_evaluator_gives(text):
    draw = np.random.default_rng(0)
    constants = {
        "a": draw.random((1, 3)),
        "b": draw.random((3, 1)),
        "A": draw.random((4, 3, 3)),
        "s": draw.random(),
        "w": draw.random((1, 3)),
    }
    found = formula(text, ("x", "y"), **constants)
    for x, y in ((0, 1), (3, 3)):
        wanted = found.evaluate(x=x, y=y)
        np.testing.assert_allclose(
            rerun(found, {"x": x, "y": y}), wanted.squeeze(), rtol=1e-14, atol=1e-14
        )


def test_complex_constants_stay_exact():
    found = formula("a @ A[x]", ("x",), a=np.array([[1j, 0.1]]), A=np.full((1, 2, 2), 0.5 - 1j))
    np.testing.assert_allclose(rerun(found, {"x": 0}), found.evaluate(x=0).squeeze(), rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "inputs", "message"),
    [
        ("a + b", {}, "'b' is not understood"),
        ("eval(a)", {}, "'eval' is no function"),
        ("a", {"x": 1}, "inputs: wanted"),
        ("T[0] + a", {}, "got 3 axes"),
    ],
)
def test_what_the_language_does_not_hold_is_refused(text, inputs, message):
    with pytest.raises(ValueError, match=message):
        expression(formula(text, (), a=1.0, T=np.zeros((2, 2, 2, 2))), inputs)
