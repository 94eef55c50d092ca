"""Formulas equal on probes, and as written: by hand, and with tables that inputs index."""

import math

import numpy as np
import pytest
import torch

from analysis.stability.interpretations.formula_probes import probes
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
    assert formula_classes(gaps, tolerance=0.1)[3] == "formula 1"
    texts = [written(each) for each in given]
    assert texts[0] == texts[1] == texts[2] != texts[3]


def test_the_gap_by_hand() -> None:
    points = probes([formula("x")], 3)
    at = points.values["x"]
    one, other = formula("2*x"), formula("x")
    gaps = formula_gaps([one, other], points)
    assert float(gaps[0, 1]) == pytest.approx(at.max() / (2 * at.max()))


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
