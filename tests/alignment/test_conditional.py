"""The best that one factor can do, against slow and obvious searches."""

import pytest
import torch
from registered_examples import example, parameters

from interpretable_arch.alignment.conditional import candidates
from interpretable_arch.alignment.linear import fit_linear
from interpretable_arch.alignment.nested import assign, nest
from interpretable_arch.symmetries.groups import GeneralLinear


def _cost(g, pairs):
    group = GeneralLinear(g.shape[-1])
    return sum(float((group.apply(g, x, s) - y).square().sum()) for x, y, s in pairs)


def test_the_matrix_found_is_nearly_at_rest_and_better_than_rotation_and_rest(float64, generator):
    x, y, p, q = (torch.randn(1, 3, 9, generator=generator) for _ in range(4))
    pairs = [(x, y, "direct"), (p, q, "dual")]
    g = fit_linear(GeneralLinear(3), pairs)
    for _ in range(30):  # a call makes a few steps; a descent comes back
        moved = [(GeneralLinear(3).apply(g, a, s), b, s) for a, b, s in pairs]
        g = g @ fit_linear(GeneralLinear(3), moved)
    assert _cost(g, pairs) <= _cost(torch.eye(3)[None], pairs)
    for _ in range(20):
        near = g @ (torch.eye(3) + 1e-3 * torch.randn(1, 3, 3, generator=generator))
        assert _cost(g, pairs) <= _cost(near, pairs) * (1 + 1e-5)


def test_signs_are_the_better_of_both_unit_by_unit(float64):
    model = example("kan", "extend")
    here, there = parameters(model), parameters(example("kan", "extend", 5))
    factor = next(f for f in model.symmetry().factors if "sign" in f.name)
    best = next(iter(candidates(factor, here, there)))
    names = {a.parameter for a in factor.actions}

    def apart(signs):
        moved = factor.act(signs, here)
        return sum(float((moved[n] - there[n]).square().sum()) for n in names)

    units = best.shape[1]
    every = torch.cartesian_prod(*[torch.tensor([1.0, -1.0])] * units).reshape(-1, 1, units)
    assert apart(best) == pytest.approx(min(apart(signs) for signs in every))


def test_heads_go_where_their_turned_insides_fit_best(float64, generator):
    model = example("attention", "plain")
    here, symmetry = parameters(model), model.symmetry()
    heads = symmetry.factors[0]
    found = nest(heads, symmetry.factors[1:], here)
    assert found is not None
    swapped = heads.act(torch.tensor([[1, 0]]), here)
    turned = {n: v + 1e-3 * torch.randn(v.shape, generator=generator) for n, v in swapped.items()}
    assert assign(heads, found, here, turned).tolist() == [[1, 0]]
    assert assign(heads, found, here, here).tolist() == [[0, 1]]


def test_units_without_an_inside_are_no_nest():
    model = example("mlp", "plain")
    factors = model.symmetry().factors
    assert nest(factors[0], factors[1:], parameters(model)) is None
