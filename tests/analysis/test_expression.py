"""Formulas become sympy expressions and give the evaluator's numbers, exactly computed."""

import numpy as np
import pytest

from analysis.expression import expression, rerun
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
    "text",
    [
        "v @ w",
        "v @ M",
        "M @ v",
        "row @ v + w",
        "v @ M @ w * M",
        "T[x] @ v",
        "v * M + w",
        "-T[x - 1, 0] @ v",
        "T[-x]",
        "v[x * x - 2 * x + 1]",
        "v[2 - x ** 2]",
        "whole[x - 1] ** 2 / 3",
        "v[whole[x] - 4]",
        "2 ** (x + 0.5)",
        "1 / (x + 1)",
    ],
)
def test_shapes_and_whole_numbers_are_the_evaluators(text):
    draw = np.random.default_rng(1)
    constants = {
        "v": draw.random(3),
        "w": draw.random(3),
        "row": draw.random((1, 3)),
        "M": draw.random((3, 3)),
        "T": draw.random((3, 3, 3)),
        "whole": np.array([3, 5, 7]),
    }
    found = formula(text, ("x",), **constants)
    wanted, got = np.asarray(found.evaluate(x=1)), rerun(found, {"x": 1})
    assert got.shape == wanted.squeeze().shape
    np.testing.assert_allclose(got, wanted.squeeze(), rtol=1e-14)


def test_a_constant_that_is_not_finite_is_no_matter_where_it_is_not_used():
    found = formula("a[x] + 1", ("x",), a=np.array([0.5, np.nan]))
    assert rerun(found, {"x": 0}) == found.evaluate(x=0) == 1.5
    with pytest.raises(ValueError, match="constants: wanted finite numbers, got nan"):
        rerun(found, {"x": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n + 1", "constants: wanted finite numbers, got nan"),
        ("1 / i", "constants: wanted finite numbers, got inf"),
        ("c * 2", "constants: wanted finite numbers"),
        ("1e999", "constants: wanted finite numbers, got inf"),
        ("1 / (a - 1)", r"'1 / \(a - 1\)' is not finite"),
        ("exp(log(a - 1))", r"'log\(a - 1\)' is not finite"),
        ("(a - 1) ** -1", "is not finite"),
        ("v @ M[0]", r"no matrix product of shapes \(3,\) and \(2,\)"),
        ("a @ v", r"no matrix product of shapes \(\) and \(3,\)"),
    ],
)
def test_what_has_no_finite_value_is_refused(text, message):
    constants = {"a": 1.0, "n": np.nan, "i": np.inf, "c": complex(0, np.inf)}
    asked = formula(text, **constants, v=np.ones(3), M=np.ones((2, 2)))
    with pytest.raises(ValueError, match=message):
        rerun(asked, {})


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
