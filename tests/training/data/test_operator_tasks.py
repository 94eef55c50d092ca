"""Tasks that give their process as operators: chains on graphs, planted periods, random tuples."""

import numpy as np
import pytest
import torch

from interpretable_arch.maths.processes.nearest_mps import check_aperiodic
from interpretable_arch.maths.processes.operator_tuples import operator_tuple
from training.data import build_task
from training.data.graph_walks import graph_walks, walk_matrix
from training.data.markov_walks import (
    chain_operators,
    closed_classes,
    draw_walk,
    stationary_law,
)
from training.data.matrix_tuples import matrix_tuples, random_tuple
from training.data.planted_period import period_matrix, planted_period
from training.data.task import Split

SMALL = {"tokens": 3000, "context": 8}


def bigrams(tokens: torch.Tensor, n: int) -> np.ndarray:
    counts = torch.bincount(tokens[:-1] * n + tokens[1:], minlength=n * n).reshape(n, n).double()
    return (counts / counts.sum(1, keepdim=True).clamp_min(1)).numpy()


def test_operators_are_roots_of_the_chain():
    transition = np.array([[0.25, 0.75], [1.0, 0.0]])
    operators = chain_operators(transition)
    assert operators.shape == (2, 2, 2, 2)
    assert float(operators[1, 0, 1, 0]) == 0.75**0.5
    # A_w ends in state w, whatever it was asked from.
    assert float(operators[1, :, 0].abs().max()) == 0
    total = torch.einsum("wuvc,wuvc->u", operators, operators)
    torch.testing.assert_close(total, torch.ones(2, dtype=torch.float64))


def test_a_walk_has_the_bigrams_of_its_chain():
    transition = np.random.default_rng(0).dirichlet(np.ones(3), size=3)
    walk = torch.from_numpy(draw_walk(transition, 40_000, seed=1))
    assert np.abs(bigrams(walk, 3) - transition).max() < 0.03
    assert (draw_walk(transition, 50, 2) == draw_walk(transition, 50, 2)).all()


def test_the_stationary_law_by_hand():
    np.testing.assert_allclose(
        stationary_law(np.array([[0.5, 0.5], [1.0, 0.0]])), [2 / 3, 1 / 3], atol=1e-12
    )


def test_a_chain_that_falls_apart_has_no_one_law():
    halves = np.array([[0.2, 0.8, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0.5, 0.5]])
    assert closed_classes(halves) == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match="transition: wants one class"):
        stationary_law(halves)
    left = np.array([[0.5, 0.5, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]])
    assert closed_classes(left) == [[1, 2, 3]]
    np.testing.assert_allclose(stationary_law(left), [0, 1 / 3, 1 / 3, 1 / 3], atol=1e-12)
    assert closed_classes(period_matrix(1.0, 0.9, 2, 0)) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_row_that_rounding_left_below_one_still_ends_in_a_token():
    short = np.full((3, 3), 0.99 / 3)
    walk = draw_walk(short, 2000, 0)
    assert set(walk.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("graph", ["ring", "grid", "karate", "communities"])
def test_graphs_are_connected_walks_of_their_nodes(graph):
    task = build_task("graph_walks", {"graph": graph, "nodes": 16, **SMALL})
    assert task.dimensions["vocab"] == 16
    assert task.operators is not None
    assert check_aperiodic(operator_tuple(task.operators)) == pytest.approx(1)


def test_a_ring_by_hand():
    operators = graph_walks("ring", 5, lazy=0.0, **SMALL).operators
    assert operators is not None
    p = operators[..., 0].square().sum(1)  # sum over u of p(w | u) at v = w
    torch.testing.assert_close(p.diagonal(), torch.ones(5, dtype=torch.float64))
    assert float(operators[1, 0, 1, 0]) == pytest.approx(0.5**0.5)
    assert float(operators[2, 0, 2, 0]) == 0


def test_an_even_ring_that_never_rests_is_refused_as_periodic():
    operators = graph_walks("ring", 6, lazy=0.0, **SMALL).operators
    assert operators is not None
    with pytest.raises(ValueError, match="periodic"):
        check_aperiodic(operator_tuple(operators))


def test_walk_matrix_rests_with_its_share():
    walk = walk_matrix(np.array([[0.0, 1.0], [1.0, 0.0]]), 0.25)
    np.testing.assert_allclose(walk, [[0.25, 0.75], [0.75, 0.25]])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"graph": "star"}, "graph"),
        ({"nodes": 3}, "nodes"),
        ({"lazy": 1.0}, "lazy"),
        ({"graph": "grid", "nodes": 7}, "nodes"),
        ({"tokens": 20}, "context"),
        ({"tokens": 0}, "tokens"),
        ({"held_out": float("nan")}, "held_out"),
        ({"held_out": 1.5}, "held_out"),
        ({"graph_seed": -1}, "graph_seed"),
    ],
)
def test_bad_graphs_are_named(wrong, named):
    with pytest.raises(ValueError, match=named):
        graph_walks(**{**SMALL, **wrong})


def test_topics_stay_and_places_alternate():
    transition = period_matrix(stay=0.8, alternate=0.7, own=3, language_seed=0)
    np.testing.assert_allclose(transition.sum(1), 1)
    np.testing.assert_allclose(transition[:6, :6].sum(1), 0.8)  # the words of topic 0
    place = np.array([0, 1, 0, 1]).repeat(3)
    moved = (transition * (place[:, None] != place)).sum(1)
    np.testing.assert_allclose(moved, 0.7)


def test_alternating_without_fail_is_periodic():
    for alternate, periodic in ((1.0, True), (0.9, False)):
        operators = planted_period(alternate=alternate, **SMALL).operators
        assert operators is not None
        first, second = operator_tuple(operators).sizes()
        assert (second > first * (1 - 1e-9)) == periodic


@pytest.mark.parametrize(
    "wrong",
    [{"stay": 0.0}, {"stay": 1.0}, {"alternate": 1.5}, {"own": 0}, {"language_seed": -1}],
)
def test_bad_periods_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        planted_period(**wrong)


def test_a_random_tuple_is_isometric_and_its_seed_decides():
    A = random_tuple(3, 4, 0)
    torch.testing.assert_close(
        torch.einsum("wij,wkj->ik", A, A.conj()), torch.eye(4, dtype=A.dtype)
    )
    assert torch.equal(A, random_tuple(3, 4, 0))
    assert not torch.allclose(A, random_tuple(3, 4, 1))


def test_rows_of_a_tuple_follow_its_own_process():
    task = matrix_tuples(vocab=2, n=3, rows=80, length=200, held_out=40)
    assert task.operators is not None
    assert isinstance(task.train, Split)
    A = torch.view_as_complex(task.operators)
    left = torch.eye(3, dtype=A.dtype) / 3
    for _ in range(300):
        left = torch.einsum("wji,jk,wkl->il", A.conj(), left, A)
    wanted = torch.einsum("ij,wjk,wik->w", left, A, A.conj()).real
    seen = torch.bincount(task.train.inputs.flatten(), minlength=2).double()
    assert float((seen / seen.sum() - wanted).abs().max()) < 0.03


@pytest.mark.parametrize(
    "wrong",
    [{"vocab": 0}, {"vocab": 1}, {"n": 0}, {"length": 1}, {"held_out": 64}, {"tuple_seed": -1}],
)
def test_bad_tuples_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        matrix_tuples(**wrong)
