"""The codebook: the mean of the nearest codes, straight-through, counted, reseeded from data."""

import pytest
import torch
from torch.nn import functional as F

from interpretable_arch.layers.codebook import Codebook, CodebookConfig, reseeded


@pytest.fixture
def layer() -> Codebook:
    torch.manual_seed(0)
    return Codebook(CodebookConfig(d_model=6, codes=9, k=3, spares=4, std=0.7)).double()


def by_hand(layer: Codebook, x: torch.Tensor) -> torch.Tensor:
    rows = []
    for token in x:
        normed = token / token.square().mean().sqrt()
        cosines = [float(F.cosine_similarity(normed, code, dim=0)) for code in layer.C]
        chosen = sorted(range(9), key=lambda c: -cosines[c])[:3]
        rows.append(sum(layer.C[c] for c in chosen) / 3)
    return torch.stack(rows)


@torch.no_grad()
def test_equals_the_formula_token_by_token(float64, layer):
    x = torch.randn(20, 6)
    torch.testing.assert_close(layer(x), by_hand(layer, x))


def test_by_hand_the_mean_keeps_lengths_that_the_cosine_ignores(float64):
    layer = Codebook(CodebookConfig(d_model=2, codes=3, k=2))
    with torch.no_grad():
        layer.C.copy_(torch.tensor([[10.0, 0.0], [1.0, 0.1], [-5.0, -5.0]]))
    torch.testing.assert_close(layer(torch.tensor([[3.0, 0.0]])), torch.tensor([[5.5, 0.05]]))


def test_only_the_direction_of_the_input_counts(float64, layer):
    x = torch.randn(20, 6)
    torch.testing.assert_close(layer(7.5 * x), layer(x))


def test_it_turns_with_the_stream(float64, layer):
    x, q = torch.randn(20, 6), torch.linalg.qr(torch.randn(6, 6)).Q
    before = layer(x)
    with torch.no_grad():
        layer.C.copy_(layer.C @ q)
    torch.testing.assert_close(layer(x @ q), before @ q)


def test_backward_is_straight_through(float64, layer):
    x = torch.randn(20, 6, requires_grad=True)
    upstream = torch.randn(20, 6)
    (layer(x) * upstream).sum().backward()
    torch.testing.assert_close(x.grad, upstream)
    routing = layer.route(x)
    wanted = torch.einsum("ic,id->cd", routing.dense().detach(), upstream)
    torch.testing.assert_close(layer.C.grad, wanted)


def test_usage_counts_choices_and_idle_codes_age(float64, layer):
    with torch.no_grad():
        layer.C[4] = -layer.C[[c for c in range(9) if c != 4]].mean(0)
    x = torch.randn(1, 6)
    chosen = layer.route(x).indices[0]
    layer(x)
    counted = layer.statistics()
    usage = torch.zeros(9)
    usage[chosen] = 1 / 3
    torch.testing.assert_close(counted["usage"], usage)
    assert layer.statistics() == {}, "handed over once"
    before = {"idle": torch.full((9,), 5.0), "spares": layer.spares}
    idle = layer.settle(before, counted)["idle"]
    assert idle[chosen].eq(0).all()
    assert int(idle.eq(6).sum()) == 6


def test_one_vector_alone_and_no_vector_at_all(float64, layer):
    x = torch.randn(6)
    torch.testing.assert_close(layer(x), layer(x[None])[0])
    torch.testing.assert_close(layer.statistics()["spares"], x.expand(4, 6))
    layer(x)
    assert layer(torch.zeros(0, 6)).shape == (0, 6)
    assert layer.statistics() == {}
    assert layer.settle(dict(layer.named_buffers()), {}) == {}


def test_dead_codes_become_inputs_and_the_living_stay(float64):
    codes = torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 5.0], [9.0, 9.0]])
    idle, spares = torch.tensor([0.0, 7.0, 0.0, 8.0]), torch.tensor([[2.0, 0.0], [0.0, -7.0]])
    after, new = reseeded(codes, idle, spares, patience=7)
    assert new.tolist() == [False, True, False, True]
    wanted = torch.tensor([[3.0, 0.0], [4.0, 0.0], [0.0, 5.0], [0.0, -4.0]])
    torch.testing.assert_close(after, wanted)


def test_more_dead_codes_than_spares_wait(float64):
    codes, idle = torch.eye(3), torch.tensor([9.0, 9.0, 0.0])
    after, new = reseeded(codes, idle, torch.tensor([[0.0, 1.0, 1.0]]), patience=2)
    assert new.tolist() == [True, False, False]
    torch.testing.assert_close(after[1:], codes[1:])


def test_seeds_are_reseeded_apart(float64):
    codes, spares = torch.randn(3, 5, 4), torch.randn(3, 2, 4)
    idle = torch.randint(4, (3, 5)).double()
    together, new = reseeded(codes, idle, spares, patience=2)
    for s in range(3):
        alone, own = reseeded(codes[s], idle[s], spares[s], patience=2)
        torch.testing.assert_close(together[s], alone)
        assert torch.equal(new[s], own)


def test_more_chosen_than_there_are_is_refused():
    with pytest.raises(ValueError, match="k: wanted 1 to codes = 4, got 5"):
        CodebookConfig(d_model=4, codes=4, k=5)
    with pytest.raises(ValueError, match="spares: wanted at least 1, got 0"):
        CodebookConfig(d_model=4, codes=4, k=2, spares=0)
