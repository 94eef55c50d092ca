"""Spline layer: a slow sum over edges, both paths, what leaves the grid, no NaN once pruned."""

import pytest
import torch
from torch.func import functional_call, vmap

from interpretable_arch.layers.spline import EXAMPLES, Spline, SplineConfig
from interpretable_arch.layers.written_out import write_out
from interpretable_arch.maths.splines import spline_basis


def layer(**changes: object) -> Spline:
    torch.manual_seed(0)
    return Spline(SplineConfig(**{"d_model": 3, "grid": 4, "std": 0.7, **changes}))


def slow(built: Spline, x: torch.Tensor) -> torch.Tensor:
    """phi_ij(x_i), one edge after the other."""
    c, out = built.config, torch.zeros(len(x), built.config.width)
    for i in range(c.d_model):
        basis = spline_basis(x[:, i], built.ends[i], c.grid, c.outside)
        for j in range(c.width):
            silu = x[:, i] / (1 + (-x[:, i]).exp())
            out[:, j] += built.W_b[i, j] * silu + (basis * built.C[i, :, j]).sum(-1)
    return out


@pytest.mark.parametrize("outside", ["extend", "clamp"])
@pytest.mark.parametrize("d_out", [None, 2])
def test_it_is_the_sum_of_its_edges(float64, outside, d_out):
    built, x = layer(outside=outside, d_out=d_out), 3 * torch.randn(20, 3)
    torch.testing.assert_close(built(x), slow(built, x))
    torch.testing.assert_close(built.edges(x).sum(-2), built(x))


@pytest.mark.parametrize("which", list(EXAMPLES))
def test_both_paths_agree_with_their_gradients(float64, which):
    torch.manual_seed(0)
    built = Spline(EXAMPLES[which])
    x = (2 * torch.randn(30, 3)).requires_grad_()
    found = []
    for written_out in (False, True):
        write_out(built, written_out)
        out = built(x)
        found.append((out, *torch.autograd.grad(out.sin().sum(), [x, *built.parameters()])))
    for fast, written in zip(*found, strict=True):
        torch.testing.assert_close(fast, written)


def test_off_the_grid_an_extended_spline_does_not_vanish_and_a_clamped_one_stays(float64):
    far = torch.tensor([[30.0, 0, 0], [60.0, 0, 0]])
    for outside, moves in (("extend", True), ("clamp", False)):
        built = layer(outside=outside)
        with torch.no_grad():
            built.W_b.zero_()
        one, two = built(far)
        assert torch.allclose(one, two) != moves
        assert bool(one.abs().min() > 0)


def test_what_leaves_the_grid_is_counted_in_training_only():
    built = layer(low=-1.0, high=1.0)
    x = torch.tensor([[0.0, 5.0, -2.0], [0.5, 0.0, 3.0]])
    built.eval()(x)
    assert built.statistics() == {}
    built.train()(x)
    counted = built.statistics()
    assert counted["off_grid"].tolist() == [0.0, 0.5, 1.0]
    assert counted["seen"].tolist() == [[0.0, 0.5], [0.0, 5.0], [-2.0, 3.0]]
    assert built.statistics() == {}
    flat = {name: value.flatten() for name, value in counted.items()}
    settled = built.settle(dict(built.named_buffers()), flat)
    assert settled["seen"].shape == built.seen.shape


def test_no_nan_where_every_edge_is_pruned():
    built = layer()
    with torch.no_grad():
        built.W_b.zero_()
        built.C.zero_()
    x = (4 * torch.randn(10, 3)).requires_grad_()
    out = built(x)
    out.sum().backward()
    assert not out.any()
    assert bool(x.grad.isfinite().all())
    assert all(f.value == 0 for f in built.interpretation().features)


def test_constants_move_between_edges_and_nothing_else_does(float64):
    built = layer(d_out=2)
    x = torch.randn(9, 3)
    before = built(x)
    with torch.no_grad():
        built.C[0] += torch.tensor([0.3, -2.0])
        built.C[1] -= torch.tensor([0.3, -2.0])
    torch.testing.assert_close(built(x), before)
    assert built.symmetry().continuous_dimension == (3 - 1) * 2


def test_a_stack_of_seeds_has_its_own_grids(float64):
    models = [layer(low=-1.0 - k, high=1.0 + k).train() for k in range(3)]
    write_out(models[0], True)
    values, buffers = torch.func.stack_module_state(models)
    x = torch.randn(6, 3)
    stacked = vmap(lambda v, b: functional_call(models[0], (v, b), (x,)))(values, buffers)
    models[0].statistics()
    write_out(models[0], False)
    torch.testing.assert_close(stacked, torch.stack([m(x) for m in models]))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"grid": 0}, "grid"),
        ({"d_out": 0}, "d_out"),
        ({"low": 1.0, "high": 1.0}, "high"),
        ({"outside": "drop"}, "outside"),
    ],
)
def test_a_mistake_is_named(changes, named):
    with pytest.raises((ValueError, TypeError), match=named):
        layer(**changes)
