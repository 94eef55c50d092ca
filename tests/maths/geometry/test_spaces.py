"""The three spaces: distances to their last digits, gradients that are finite, signatures."""

import math

import pytest
import torch

from interpretable_arch.maths.geometry.hyperboloid import Hyperboloid, height, in_disc
from interpretable_arch.maths.geometry.plane import Plane
from interpretable_arch.maths.geometry.signature import parse_signature, signature, signatures
from interpretable_arch.maths.geometry.sphere import Sphere

SPACES = (Sphere(1), Sphere(2), Plane(2), Hyperboloid(2), Hyperboloid(3))


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_distances_are_a_metric(float64, space):
    torch.manual_seed(0)
    points = space.retract(torch.randn(12, space.width))
    found = space.between(points).sqrt()
    torch.testing.assert_close(found, found.T)
    assert float(found.diagonal().max()) == 0
    assert bool((found[:, None] <= found[:, :, None] + found[None] + 1e-12).all())


def test_distances_on_the_sphere_by_hand(float64):
    x = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [1, 1e-9, 0]])
    found = Sphere(2).between(x).sqrt()[0]
    expected = torch.tensor([0, math.pi / 2, math.pi, 1e-9])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_distances_in_the_disc_by_hand(float64):
    """At distance r along the axis, s = sinh r; two rays at a right angle obey cosh c = cosh^2."""
    r = 1.5
    x = torch.tensor([[0.0, 0], [math.sinh(r), 0], [0, math.sinh(r)]])
    found = Hyperboloid(2).between(x).sqrt()
    assert float(found[0, 1]) == pytest.approx(r, rel=1e-14)
    assert float(found[1, 2]) == pytest.approx(math.acosh(math.cosh(r) ** 2), rel=1e-14)
    assert float(in_disc(x)[1, 0]) == pytest.approx(math.tanh(r / 2), rel=1e-14)


def test_neighbours_far_from_the_origin_keep_their_digits(float64):
    x = torch.tensor([[math.sinh(10.0), 0], [math.sinh(10.001), 0]])
    found = float(Hyperboloid(2).between(x).sqrt()[0, 1])
    assert found == pytest.approx(0.001, rel=1e-7)
    naive = float(height(x[0]) * height(x[1]) - x[0] @ x[1])
    assert abs(math.acosh(max(1.0, naive)) - 0.001) > 1e-6  # why it is not computed like that


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_gradients_are_finite_where_points_meet_or_are_opposite(float64, space):
    x = space.retract(torch.ones(1, space.width)).requires_grad_()
    for other in (x.detach(), -x.detach()):
        space.squared_distance(x, other).sum().backward()
    assert bool(x.grad.isfinite().all())


@pytest.mark.parametrize(
    ("text", "name"),
    [("H2", "H2"), ("E1 x S2xH3", "S2 x E1 x H3"), ("E1 x E1", "E2"), ("S1 × S1", "S1 x S1")],
)
def test_signatures_have_one_name(text, name):
    assert signature(parse_signature(text)) == name


@pytest.mark.parametrize("text", ["", "H1", "S0", "X2", "S2 + E1", "h2"])
def test_what_is_no_signature_is_refused(text):
    with pytest.raises(ValueError, match="signature: wanted"):
        parse_signature(text)


def test_every_signature_of_a_dimension_comes_once():
    assert [signature(s) for s in signatures(2)] == ["S2", "E2", "H2", "S1 x S1", "S1 x E1"]
    names = [signature(s) for s in signatures(4)]
    assert len(set(names)) == len(names)
    assert {"S2 x S2", "H2 x H2", "S1 x S1 x S1 x S1", "E2 x H2"} <= set(names)
