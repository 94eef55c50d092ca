"""Formulas equal on probes, and as written: by hand, and with tables that inputs index."""

import math

import numpy as np
import pytest
import torch

from analysis.stability.interpretations.formula_probes import Probes, probes
from analysis.stability.interpretations.formulas import (
    formula_classes,
    formula_gaps,
    indexing,
    written,
)
from interpretable_arch.interpretation import Formula


def formula(text: str, inputs: tuple[str, ...] = ("x", "y"), **constants: object) -> Formula:
    return Formula("f", text, inputs, constants, "value", 0.0)


def test_two_ways_of_writing_are_one_class_and_other_constants_another() -> None:
    given = [
        formula("x * (y + 1)"),
        formula("x*y + x"),
        formula("x*y + c*x", c=1.0),
        formula("x*y + c*x", c=1.01),
    ]
    gaps = formula_gaps(given)
    assert formula_classes(gaps) == ("formula 1", "formula 1", "formula 1", "formula 2")
    assert float(gaps[0, 3]) > 1e-3
    assert formula_classes(gaps, tolerance=1.0)[3] == "formula 1"
    texts = [written(each) for each in given]
    assert texts[0] == texts[1] == texts[2] != texts[3]


def test_the_gap_by_hand() -> None:
    points = Probes({"x": np.array([1.0, 100.0]), "y": np.array([1.0, 1.0])}, 2)
    gaps = formula_gaps([formula("2*x"), formula("x"), formula("2*x + y")], points)
    # Relative at each probe: 1/2 at both; of 2x and 2x + y 1/3 at the first, 1/201 at the second.
    assert float(gaps[0, 1]) == pytest.approx(1 / 2)
    assert float(gaps[0, 2]) == pytest.approx(1 / 3)


def test_names_of_inputs_matter() -> None:
    assert formula_classes(formula_gaps([formula("x - y"), formula("y - x")]))[1] == "formula 2"
    other = formula("x - z", ("x", "z"))
    assert math.isinf(float(formula_gaps([formula("x - y"), other])[0, 1]))


def test_what_is_finite_elsewhere_is_another() -> None:
    gaps = formula_gaps([formula("log(x - 1)", ("x",)), formula("log(abs(x - 1))", ("x",))])
    assert math.isinf(float(gaps[0, 1]))
    assert float(formula_gaps([formula("log(x - 1)", ("x",))] * 2)[0, 1]) == 0.0


def test_products_of_tables_are_compared_up_to_their_gauge(generator: torch.Generator) -> None:
    S = torch.randn(3, 4, 4, generator=generator, dtype=torch.float64)
    g = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    r = torch.randn(4, generator=generator, dtype=torch.float64)
    turned = g.inverse() @ S @ g
    text, inputs = "r @ S[x0] @ S[x1]", ("x0", "x1")
    ends = "r @ S[x0] @ S[x1] @ E"
    one = formula(ends, inputs, r=r.numpy(), S=S.numpy(), E=np.eye(4))
    other = formula(ends, inputs, r=(r @ g).numpy(), S=turned.numpy(), E=g.inverse().numpy())
    assert formula_classes(formula_gaps([one, other]))[1] == "formula 1"
    bare = [formula(text, inputs, r=r.numpy(), S=s.numpy()) for s in (S, turned)]
    assert formula_classes(formula_gaps(bare))[1] == "formula 2"
    assert indexing(one)
    assert written(one) is None
    assert set(probes([one]).values["x0"]) == {0, 1, 2}


def test_the_shortest_table_bounds_the_index() -> None:
    given = [formula("t[x]", ("x",), t=np.arange(n)) for n in (9, 2)]
    assert probes(given).values["x"].max() == 1
    assert formula_classes(formula_gaps(given))[1] == "formula 1"


def test_a_chain_of_equal_neighbours_is_one_class() -> None:
    gaps = torch.tensor([[0.0, 0.1, 0.2], [0.1, 0.0, 0.1], [0.2, 0.1, 0.0]]).double()
    assert len(set(formula_classes(gaps, 0.15))) == 1
    with pytest.raises(ValueError, match="tolerance: wanted 0 to 2"):
        formula_classes(gaps, -1.0)


def test_what_the_language_refuses_is_said() -> None:
    with pytest.raises(ValueError, match="not understood"):
        formula_gaps([formula("open(x)", ("x",))])
    with pytest.raises(ValueError, match="model 0"):
        formula_gaps([formula("t[x, 5]", ("x",), t=np.zeros((2, 3)))])
    with pytest.raises(ValueError, match="formulas: wanted at least one"):
        formula_gaps([])
    with pytest.raises(ValueError, match="count, between"):
        probes([formula("x")], 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("abs(x)", "x"),
        ("x**30 + x", "x**30"),
        ("exp(20*x) + x", "exp(20*x)"),
        ("x*1e-200", "x*2e-200"),
    ],
)
def test_what_differs_at_small_values_or_other_signs_is_another(one: str, other: str) -> None:
    gaps = formula_gaps([formula(one, ("x",)), formula(other, ("x",))])
    assert float(gaps[0, 1]) > 0.1


def test_the_same_where_both_are_near_zero_by_cancellation() -> None:
    given = [formula("(x - 1)*(x + 1)", ("x",)), formula("x*x - 1", ("x",))]
    assert formula_classes(formula_gaps(given))[1] == "formula 1"
    roots = [formula("abs(x)", ("x",)), formula("sqrt(x*x)", ("x",))]
    assert formula_classes(formula_gaps(roots))[1] == "formula 1"


def test_what_is_never_finite_is_the_same_as_nothing() -> None:
    nowhere = [formula("sqrt(x - 3)", ("x",)), formula("log(x - 5)*7", ("x",))]
    with pytest.raises(ValueError, match="finite at 16 of 64 probes, got none of 2"):
        formula_gaps(nowhere)
    gaps = formula_gaps([*nowhere, formula("x", ("x",))])
    assert bool(torch.isinf(gaps[~torch.eye(3, dtype=torch.bool)]).all())
