"""The symmetry of a plain perceptron leaves its function alone."""

import pytest
import torch
from torch import nn

from interpretable_arch.symmetries.dense import dense_symmetry


def test_the_function_stays_with_linear_layers_as_torch_stores_them(float64, generator):
    net = nn.Sequential(nn.Linear(3, 6), nn.GELU(), nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 2))
    values = {n: v.detach() for n, v in net.state_dict().items()}
    names = ["0.weight", "2.weight", "4.weight"]
    biases = [n.replace("weight", "bias") for n in names]
    symmetry = dense_symmetry(values, names, biases, transposed=True)
    moved = symmetry.act(symmetry.sample(generator), values)
    x = torch.randn(7, 3, generator=generator)
    torch.testing.assert_close(torch.func.functional_call(net, moved, (x,)), net(x))
    assert any(not torch.equal(moved[n], values[n]) for n in values)
    assert symmetry.distance(values, moved) <= 1e-12


def test_a_copy_with_biases_is_found(float64, generator):
    shapes = {"W0": (3, 6), "b0": (6,), "W1": (6, 5), "b1": (5,), "W2": (5, 2), "b2": (2,)}
    here = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    symmetry = dense_symmetry(here, ["W0", "W1", "W2"], ["b0", "b1", "b2"])
    assert symmetry.distance(here, symmetry.act(symmetry.sample(generator), here)) <= 1e-12


def test_widths_that_do_not_meet_are_refused():
    bad = {"W0": torch.zeros(2, 3), "W1": torch.zeros(4, 1)}
    with pytest.raises(ValueError, match="W1: wanted 3 inputs"):
        dense_symmetry(bad, ["W0", "W1"])
    with pytest.raises(ValueError, match="biases: wanted none or 2, got 1"):
        dense_symmetry(bad, ["W0", "W1"], ["b"])
