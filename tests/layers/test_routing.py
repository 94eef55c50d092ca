"""Routing: gates by name, balance by name, and each trap of the definition as a law."""

import math

import pytest
import torch

from interpretable_arch.layers.routing import BALANCES, GATES, Router, Routing, scores

ROW = torch.tensor([math.log(4.0), math.log(2.0), math.log(1.0), math.log(3.0)])


@pytest.mark.parametrize("balance", BALANCES)
@pytest.mark.parametrize("gates", GATES)
@pytest.mark.parametrize("k", [2, 5])
def test_every_token_gets_k_different_experts_whatever_the_crowding(float64, gates, balance, k):
    crowded = torch.randn(64, 5) + torch.tensor([0.0, 0.0, 0.0, 9.0, 0.0])
    routing = Router(5, k, gates, balance).route(crowded)
    assert routing.indices.shape == (64, k)
    assert all(len(set(row)) == k for row in routing.indices.tolist())
    assert (routing.dense() > 0).sum(-1).eq(k).all()
    torch.testing.assert_close(routing.load().sum(), torch.tensor(1.0))
    assert int((routing.load() * 64 * k).round().sum()) == 64 * k


@pytest.mark.parametrize(
    ("gates", "wanted"),
    [
        ("softmax_of_chosen", [4 / 7, 0, 0, 3 / 7]),
        ("softmax_then_chosen", [4 / 10, 0, 0, 3 / 10]),
        ("sigmoid", [4 / 5, 0, 0, 3 / 4]),
    ],
)
def test_gates_of_one_row_by_hand(float64, gates, wanted):
    dense = Router(4, 2, gates).route(ROW.double()).dense()
    torch.testing.assert_close(dense, torch.tensor(wanted))


@pytest.mark.parametrize("gates", GATES)
def test_the_bias_selects_and_never_weighs(float64, gates):
    r, bias = torch.randn(16, 5), torch.tensor([100.0, 100.0, 0.0, 0.0, 0.0])
    routing = Router(5, 2, gates).route(r, bias)
    assert set(routing.indices.flatten().tolist()) == {0, 1}
    torch.testing.assert_close(routing.gates, GATES[gates](r, routing.indices))
    steeper = Router(5, 2, gates).route(r, 7 * bias)
    torch.testing.assert_close(steeper.dense(), routing.dense(), rtol=0, atol=0)


@pytest.mark.parametrize("gates", GATES)
def test_a_common_shift_of_the_scores_is_seen_by_the_sigmoid_alone(float64, gates):
    router, r = Router(5, 2, gates), torch.randn(16, 5)
    same = torch.allclose(router.route(r).dense(), router.route(r + 1.5).dense())
    assert same == router.ignores_shift == (gates != "sigmoid")


def test_scores_are_float32_or_better_even_under_autocast():
    x, W_r = torch.randn(3, 4), torch.randn(4, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(scores(x, W_r), x @ W_r.float()) is False  # a plain product rounds here
        rounded = scores(x, W_r)
    torch.testing.assert_close(rounded, x @ W_r, rtol=1e-6, atol=1e-6)
    assert scores(x.bfloat16(), W_r.bfloat16()).dtype == torch.float32
    assert scores(x.double(), W_r.double()).dtype == torch.float64


def slow_penalty(r: torch.Tensor, indices: torch.Tensor, a: float, c: float) -> float:
    """Token by token and expert by expert, in Python numbers."""
    tokens, experts, k = len(r), r.shape[1], indices.shape[1]
    balance, z = 0.0, 0.0
    weights = [[math.exp(v) for v in row] for row in r.tolist()]
    for i in range(experts):
        f = sum(row.count(i) for row in indices.tolist()) / (k * tokens)
        balance += f * sum(row[i] / sum(row) for row in weights) / tokens
    for row in weights:
        z += math.log(sum(row)) ** 2 / tokens
    return a * experts * balance + c * z


@pytest.mark.parametrize("gates", GATES)
def test_the_penalty_is_over_all_experts_whatever_the_gates(float64, gates):
    router = Router(5, 2, gates, "loss", weight=0.3, z_weight=0.07)
    r = torch.randn(12, 5)
    routing = router.route(r)
    got = router.penalty(r, routing.load())
    assert float(got) == pytest.approx(slow_penalty(r, routing.indices, 0.3, 0.07))


def test_the_penalty_moves_scores_that_were_not_chosen_too(float64):
    r = torch.randn(12, 5, requires_grad=True)
    router = Router(5, 2, balance="loss")
    routing = router.route(r)
    router.penalty(r, routing.load()).backward()
    idle = routing.dense() == 0
    assert r.grad[idle].ne(0).all()


def test_at_perfect_balance_the_penalty_is_its_weight(float64):
    router = Router(4, 1, "softmax_then_chosen", "loss", weight=0.3, z_weight=0.0)
    r = 5 * torch.eye(4)
    assert float(router.penalty(r, router.route(r).load())) == pytest.approx(0.3)


def test_the_bias_settles_towards_the_idle_and_is_recentred(float64):
    load = torch.tensor([[0.5, 0.3, 0.2, 0.0], [0.25, 0.25, 0.25, 0.25]])
    after = Router(4, 2, rate=0.1).settled(torch.zeros(2, 4), load)
    torch.testing.assert_close(after, torch.tensor([[-0.1, -0.1, 0.1, 0.1], [0.0] * 4]))


def test_the_bias_is_recentred_when_more_are_idle_than_busy(float64):
    load = torch.tensor([0.5, 0.25, 0.125, 0.125])
    after = Router(4, 2, rate=0.4).settled(torch.tensor([0.3, -0.1, -0.1, -0.1]), load)
    torch.testing.assert_close(after, torch.tensor([-0.2, -0.2, 0.2, 0.2]))
    torch.testing.assert_close(after.mean(), torch.tensor(0.0))


def test_dense_by_hand():
    routing = Routing(torch.tensor([[2, 0]]), torch.tensor([[0.75, 0.25]]), 4)
    assert routing.dense().tolist() == [[0.25, 0.0, 0.75, 0.0]]
    assert routing.load().tolist() == [0.5, 0.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 5), "k: wanted 2 to experts = 4, got 5$"),
        ((4, 5, "sigmoid"), "k: wanted 1 to experts = 4, got 5$"),
        ((4, 0, "sigmoid"), "k: wanted 1 to experts = 4, got 0$"),
        ((4, 1), "k: wanted 2 to experts = 4, got 1; one gate alone is always 1"),
        ((4, 2, "softmax"), "gates: wanted one of softmax_of_chosen, .* got 'softmax'"),
        ((4, 2, "sigmoid", "luck"), "balance: wanted one of bias, loss, none, got 'luck'"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Router(*arguments)
