"""Each group's action, inverse, fit and canonical form, by itself."""

import math

import pytest
import torch

from interpretable_arch.models.transformer import EXAMPLES, Transformer
from interpretable_arch.symmetries.groups import (
    ComplexScale,
    GeneralLinear,
    Orthogonal,
    Permutation,
    Scale,
    Sign,
    Translation,
)
from interpretable_arch.symmetry import Action, Factor, Symmetry, weights

GROUPS = [
    Permutation(4),
    Sign(4),
    Scale(4),
    Translation(4),
    Orthogonal(4),
    GeneralLinear(4),
    ComplexScale(2),
]


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_fit_recovers_and_canonical_forgets(float64, generator, group):
    x = torch.randn(1, 4, 9, generator=generator)
    y = torch.randn(1, 4, 7, generator=generator)
    g = group.sample(1, generator, torch.float64)
    gx, gy = group.apply(g, x, "direct"), group.apply(g, y, "dual")
    back = group.inverse(g)
    torch.testing.assert_close(group.apply(back, gx, "direct"), x)
    torch.testing.assert_close(group.apply(back, gy, "dual"), y)
    found = group.fit([(x, gx, "direct"), (y, gy, "dual")])
    torch.testing.assert_close(group.apply(found, x, "direct"), gx)
    torch.testing.assert_close(group.apply(found, y, "dual"), gy)

    def canonical(a, b):
        c = group.canonical([(a, "direct"), (b, "dual")])
        return group.apply(c, a, "direct"), group.apply(c, b, "dual")

    for ours, theirs in zip(canonical(x, y), canonical(gx, gy), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("group", [Orthogonal(4), GeneralLinear(4), Sign(4)], ids=repr)
def test_direct_and_dual_keep_inner_products(float64, generator, group):
    q = torch.randn(1, 4, 5, generator=generator)
    k = torch.randn(1, 4, 6, generator=generator)
    g = group.sample(1, generator, torch.float64)
    moved = group.apply(g, q, "direct").mT @ group.apply(g, k, "dual")
    torch.testing.assert_close(moved, q.mT @ k)


def test_log_orders_by_hand():
    assert math.isclose(Permutation(4).log_order, math.log(24))
    assert math.isclose(Sign(3).log_order, math.log(8))
    factor = Factor("neurons", Permutation(3), (Action("w", 0),), copies=2)
    assert math.isclose(Symmetry((factor,)).log_order, 2 * math.log(6))


def test_views_round_trip():
    value = torch.randn(2, 3, 4)
    for action in (Action("w", 1), Action("w", -1), Action("w", 2, copies_axis=0)):
        torch.testing.assert_close(action.unview(action.view(value), value), value)
    pair = torch.randn(5, 3, 3, 2)
    action = Action("w", 2, complex=True)
    torch.testing.assert_close(action.unview(action.view(pair), pair), pair)


def test_repr_shows_the_groups():
    torch.manual_seed(0)
    shown = repr(Transformer(EXAMPLES["learned"]).symmetry())
    assert "Orthogonal(n=6)" in shown
    assert "GeneralLinear(n=3)^2" in shown


def test_align_names_a_missing_or_misshapen_parameter():
    torch.manual_seed(0)
    model = Transformer(EXAMPLES["tied"])
    symmetry, values = model.symmetry(), weights(model)
    with pytest.raises(ValueError, match="W_E: wanted shape"):
        symmetry.align({**values, "W_E": torch.zeros(2, 2)}, values)


@pytest.mark.parametrize("noise", [1e-3, 1e-2])
def test_alignment_survives_noise(float64, generator, noise):
    torch.manual_seed(0)
    model = Transformer(EXAMPLES["learned"]).double()
    values, symmetry = weights(model), model.symmetry()
    planted = symmetry.act(symmetry.sample(generator), values)
    noisy = {n: v + noise * torch.randn(v.shape, generator=generator) for n, v in planted.items()}
    raw = sum(float((values[n] - v).square().sum()) for n, v in noisy.items()) ** 0.5
    raw /= sum(float(v.square().sum()) for v in noisy.values()) ** 0.5
    assert symmetry.distance(values, noisy) < min(0.1, raw / 5)
