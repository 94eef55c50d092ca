"""Constant-curvature scaling: exact on exact spaces, ties declared, geometries named right."""

import math

import pytest
import torch

from interpretable_arch.maths.geometry.blocks import blocks, settled
from interpretable_arch.maths.geometry.completion import completed
from interpretable_arch.maths.geometry.curvature_search import curvature_search
from interpretable_arch.maths.geometry.distortion import distortion
from interpretable_arch.maths.geometry.hyperboloid import Hyperboloid
from interpretable_arch.maths.geometry.naming import name_geometry
from interpretable_arch.maths.geometry.plane import Plane
from interpretable_arch.maths.geometry.products import distances_of, fitted
from interpretable_arch.maths.geometry.refinement import refined
from interpretable_arch.maths.geometry.scaling import Placed, scaled
from interpretable_arch.maths.geometry.signature import parse_signature
from interpretable_arch.maths.geometry.sphere import Sphere
from training.data.distances import noisy
from training.data.metric_spaces import cycle, grid, torus, tree


@pytest.mark.parametrize(
    ("space", "radius"),
    [(Sphere(2), 0.7), (Sphere(1), 2.0), (Plane(2), 1.0), (Hyperboloid(2), 1.3)],
    ids=str,
)
def test_exact_on_exact_spaces(float64, space, radius):
    torch.manual_seed(1)
    points = space.retract(torch.randn(12, space.width))
    given = distances_of((Placed(space, radius, points),))
    found = curvature_search(given, space).best
    torch.testing.assert_close(distances_of((found.placed,)), given, rtol=1e-6, atol=1e-6)
    assert found.placed.kappa == pytest.approx(space.sign / radius**2, rel=1e-5)


def test_a_ring_lies_on_its_circle(float64):
    found = curvature_search(cycle(20).distances, Sphere(1)).best
    assert found.placed.kappa == pytest.approx((math.pi / 10) ** 2, rel=1e-12)
    error = distances_of((found.placed,)) - cycle(20).distances
    assert float(error.abs().max()) < 1e-6


def test_a_binary_tree_in_the_disc(float64):
    given = tree(2, 4).distances
    assert curvature_search(given, Hyperboloid(2)).best.error <= 0.1
    assert scaled(given, Plane(2), 1.0).error > 0.2


def test_refinement_lowers_the_error(float64):
    given = tree(2, 4).distances
    start = fitted(given, (Hyperboloid(2),), widest=10.0)
    assert distortion(distances_of(refined(start.factors, given)), given) < 0.075 < start.error


def test_a_tree_is_cut_through_equal_branches_and_says_so(float64):
    """Two subtrees alike: their eigenvalues are equal, and two dimensions hold only one of them."""
    found = scaled(tree(2, 4).distances, Plane(2), 1.0)
    assert found.cut == (1, 3)
    assert found.worst_turn > found.error + 0.02


def test_a_torus_is_found_in_its_product_and_in_no_other(float64):
    given = torus(4, 6).distances
    found = fitted(given, parse_signature("S1 x S1"))
    assert found.error < 1e-9
    kappas = sorted(f.kappa for f in found.factors)
    assert kappas == pytest.approx([(math.pi / 3) ** 2, (math.pi / 2) ** 2], rel=1e-6)
    assert fitted(given, parse_signature("S1 x E1")).error > 0.1


@pytest.mark.xfail(strict=True, reason="equal rings: the principal axes mix them, a known limit")
def test_two_equal_rings_are_told_apart(float64):
    given = torus(4, 4).distances
    assert fitted(given, parse_signature("S1 x S1")).error < 1e-6


@pytest.mark.parametrize(
    ("given", "geometry"),
    [
        (tree(2, 3).distances, "hyperbolic"),
        (cycle(9).distances, "spherical"),
        (grid(3, 4, "euclidean").distances, "flat"),
    ],
    ids=["tree", "ring", "grid"],
)
def test_geometries_are_named_through_noise(float64, given, geometry):
    assert name_geometry(noisy(given, 0.02, seed=3)).geometry == geometry


def test_city_block_distances_are_not_flat(float64):
    """The trap: the same grid, other distances."""
    city, straight = (grid(4, 4, m).distances for m in ("city_block", "euclidean"))
    assert scaled(city, Plane(2), 1.0).error > 0.1
    assert scaled(straight, Plane(2), 1.0).error < 1e-12
    assert not name_geometry(city).held
    assert name_geometry(straight).held


LINE = (torch.arange(6.0, dtype=torch.float64)[:, None] - torch.arange(6.0)).abs()
THREE = torch.tensor([[0, 3, 4], [3, 0, 5], [4, 5, 0]], dtype=torch.float64)


@pytest.mark.parametrize("given", [LINE, THREE], ids=["line", "three points"])
def test_what_lies_in_every_geometry_is_named_flat_and_not_told_apart(float64, given):
    found = name_geometry(given)
    assert found.geometry == "flat"
    assert max(t.rms for t in found.tried) < 1e-3  # that decides nothing
    assert not found.told


def test_an_exact_grid_is_told_apart(float64):
    found = name_geometry(grid(3, 3, "euclidean").distances)
    assert found.geometry == "flat"
    assert found.told


def test_blocks_of_equal_values(float64):
    values = torch.tensor([3.0, 2.0, 2.0 + 1e-9, 1.0, 1e-17, 0.0])
    assert blocks(values) == [(0, 1), (1, 3), (3, 4), (4, 6)]


def test_the_declared_form_is_the_same_for_every_rotation(float64):
    torch.manual_seed(0)
    vectors = torch.randn(9, 3)
    turn = torch.linalg.qr(torch.randn(3, 3)).Q
    first, second = vectors @ settled(vectors), (vectors @ turn) @ settled(vectors @ turn)
    torch.testing.assert_close(first, second)
    assert float(first[0, 0]) > 0
    torch.testing.assert_close(first[0, 1:], torch.zeros(2), atol=1e-12, rtol=0)


def test_missing_pairs_are_the_shortest_ways(float64):
    given = tree(2, 3)
    pairs = torch.tensor(given.edges)
    table, filled = completed(pairs, torch.ones(len(pairs)), 15)
    torch.testing.assert_close(table, given.distances)
    assert filled == pytest.approx(1 - 14 / 105)


@pytest.mark.parametrize(
    ("pairs", "values", "message"),
    [
        ([[0, 1], [1, 0], [1, 2]], [1.0, 2.0, 1.0], r"one distance for points 0 and 1, got \[1"),
        ([[0, 1], [1, 2]], [1.0, math.nan], "finite distance above 0, got nan for 1 and 2"),
        ([[0, 1], [1, 2]], [1.0, -1.0], "above 0, got -1"),
        ([[0, 1], [1, 2]], [1.0, 0.0], "above 0, got 0"),
        ([[0, 1], [1, 1], [1, 2]], [1.0, 0.5, 1.0], "0 from a point to itself, got 0.5 for 1"),
        ([[0, 1]], [1.0], "connect point 0 and point 2"),
        ([[0, 1], [1, 3]], [1.0, 1.0], "points 0 to 2, got 3"),
    ],
)
def test_what_is_no_distance_is_refused(float64, pairs, values, message):
    with pytest.raises(ValueError, match=message):
        completed(torch.tensor(pairs), torch.tensor(values), 3)
