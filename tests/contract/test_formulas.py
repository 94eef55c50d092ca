"""Formulas re-run to their stated error; a planted representation must have one."""

import pytest
import torch
from registered_examples import cases, example, inputs

from interpretable_arch.laws import formula_gaps
from interpretable_arch.maths.groups.finite_groups import parse
from interpretable_arch.registry import ENTRIES


@cases
def test_formulas_run_on_their_own(float64, name, which):
    model = example(name, which).eval()
    assert all(gap <= 1e-10 for gap in formula_gaps(model, inputs(model)))


def planted(name: str, group: str, noise: float = 0.0) -> torch.nn.Module:
    """The regular representation as tokens, A_a e_g = e_ag, in a random basis."""
    found = parse(group)
    n = found.order
    config, model = ENTRIES[name].load()
    built = model(config(order=n, d=n)).double()
    basis = torch.linalg.qr(torch.randn(n, n)).Q
    tokens = basis @ torch.eye(n)[found.table].mT @ basis.T
    tokens = tokens + noise * torch.randn_like(tokens)
    if name == "group_representation":
        tokens = torch.stack((tokens, torch.zeros_like(tokens)), -1)
    built.load_state_dict({"tokens": tokens})
    return built


@pytest.mark.parametrize("group", ["S3", "Z5"])
@pytest.mark.parametrize("name", ["group_representation", "group_orthogonal"])
def test_a_planted_representation_has_an_exact_formula(float64, name, group):
    torch.manual_seed(0)
    model = planted(name, group)
    x = torch.cartesian_prod(*[torch.arange(model.config.order)] * 2)
    formulas = model.interpretation().formulas
    assert len(formulas) >= 1
    assert formulas[0].error < 1e-10
    assert all(gap <= 1e-10 for gap in formula_gaps(model, x))


@pytest.mark.parametrize("name", ["group_representation", "group_orthogonal"])
def test_the_stated_error_of_a_blurred_representation_is_its_largest(float64, name):
    torch.manual_seed(0)
    model = planted(name, "S3", noise=0.01)
    x = torch.cartesian_prod(torch.arange(6), torch.arange(6))
    assert model.interpretation().formulas[0].error > 1e-3
    assert all(abs(gap) <= 1e-10 for gap in formula_gaps(model, x))
