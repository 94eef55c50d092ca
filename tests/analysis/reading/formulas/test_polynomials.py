"""Polynomials of a quadratic form: exact, and the term that matters comes first."""

from typing import Any

import pytest
import torch

from analysis.exhibits import Pictures, Table
from analysis.reading.eigenfeatures import read_eigenfeatures
from analysis.reading.formulas.polynomials import polynomials, read_polynomials
from interpretable_arch.models.quadratic_form import QuadraticForm, QuadraticFormConfig
from training.data.task import Split, Task


def planted() -> tuple[QuadraticForm, Task]:
    """Four features, class 1 where the first two have one sign."""
    x = torch.randn(300, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    data = Split(x, (x[:, 0] * x[:, 1] > 0).long())
    torch.manual_seed(0)
    model = QuadraticForm(QuadraticFormConfig(4, 2, l2=1e-3)).double()
    model.fit_data([(data.inputs, data.targets)])
    sizes = {"features": 4, "outputs": 2}
    return model, Task("planted", data, data, 2, ("other", "same"), sizes, picture=(2, 2))


@torch.no_grad()
def test_the_product_is_the_first_term_and_the_polynomials_are_the_logits():
    found = read_polynomials(*planted())
    assert found is not None
    assert found.figures["coefficients"] == 15 * 2
    assert found.figures["logits by exact polynomials, apart"] < 1e-12
    (table,) = found.exhibits
    assert isinstance(table, Table)
    terms = [str(row[1]) for row in table.rows]
    assert [text.split()[1:3] for text in terms] == [["p0,0", "p0,1"]] * 2
    assert [text[0] for text in terms] == ["-", "+"]


@torch.no_grad()
def test_sympy_writes_the_polynomial():
    model, _ = planted()
    formula = model.interpretation().formulas[0]
    expression: Any = polynomials(formula)[1].as_expr()
    x = torch.tensor([[0.5, -1.0, 2.0, 0.25]], dtype=torch.float64)
    point = dict(zip(sorted(expression.free_symbols, key=str), x[0].tolist(), strict=True))
    at_point: Any = expression.subs(list(point.items()))
    assert float(at_point) == pytest.approx(float(model(x)[0, 1]), abs=1e-12)


@torch.no_grad()
def test_eigenfeatures_are_read_off_the_convex_model_too():
    found = read_eigenfeatures(*planted())
    assert found is not None
    assert found.figures["relative error with all eigenvectors"] < 1e-12
    assert found.figures["accuracy with the top 5 eigenvectors of each class"] > 0.97
    positive = found.exhibits[2]
    assert isinstance(positive, Pictures)
    # Of class "same" the first picture has its two upper pixels alike and little else.
    same = positive.captions.index(next(c for c in positive.captions if c.startswith("same")))
    (a, b), (c, d) = positive.images[same]
    assert a == pytest.approx(b, abs=0.1)
    assert max(abs(c), abs(d)) < 0.2 * a
