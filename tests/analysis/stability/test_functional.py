"""Disagreement, divergence and ensemble information against laws and slow references."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

from analysis.stability import functional
from analysis.stability.functional import disagreement, divergence, ensemble_information


@pytest.fixture
def outputs(generator: torch.Generator) -> torch.Tensor:
    return 2 * torch.randn(5, 40, 6, generator=generator, dtype=torch.float64)


@pytest.fixture
def targets(outputs: torch.Tensor) -> torch.Tensor:
    right = outputs[0].argmax(-1)
    right[:20] = outputs[1].argmax(-1)[:20]
    return right


def test_disagreement_lies_between_the_bounds_that_the_errors_set(
    outputs: torch.Tensor, targets: torch.Tensor
) -> None:
    found = disagreement(outputs, targets)
    _, least, most = found.references
    assert bool((least <= found.pairs + 1e-12).all())
    assert bool((found.pairs <= most + 1e-12).all())
    assert bool((found.pairs.diagonal() == 0).all())


def test_divergence_is_a_metric(outputs: torch.Tensor) -> None:
    found = divergence(outputs)
    through = found[:, :, None] + found[None, :, :]
    assert bool((found[:, None, :] <= through + 1e-12).all())
    assert torch.equal(found, found.T)
    assert float(found.max()) <= functional.LARGEST_DIVERGENCE


def test_disagreement_by_hand() -> None:
    choices = torch.tensor([[0, 1, 2, 0], [0, 1, 1, 1], [0, 1, 2, 0]])
    logits = torch.nn.functional.one_hot(choices, 3).double()
    found = disagreement(logits, torch.tensor([0, 1, 2, 2]))
    assert found.pairs.tolist() == [[0, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0]]
    assert found.errors is not None
    assert found.errors.tolist() == [0.25, 0.5, 0.25]
    # e_a + e_b - e_a e_b 3/2
    assert float(found.references[0][0, 1]) == pytest.approx(0.75 - 0.125 * 1.5)


def test_independent_errors_are_what_independent_errors_give(generator: torch.Generator) -> None:
    inputs, classes = 200_000, 5
    targets = torch.randint(classes, (inputs,), generator=generator)
    rates = torch.tensor([[0.3], [0.6]])
    wrong = torch.rand(2, inputs, generator=generator) < rates
    shift = torch.randint(1, classes, (2, inputs), generator=generator)
    chosen = (targets + torch.where(wrong, shift, 0)) % classes
    found = disagreement(torch.nn.functional.one_hot(chosen, classes).float(), targets)
    assert float(found.pairs[0, 1]) == pytest.approx(float(found.references[0][0, 1]), abs=0.005)


def test_divergence_equals_scipys(outputs: torch.Tensor) -> None:
    p = outputs.softmax(-1).numpy()
    for a, b in ((0, 1), (2, 4)):
        each = [jensenshannon(p[a, i], p[b, i]) for i in range(p.shape[1])]
        assert float(divergence(outputs)[a, b]) == pytest.approx(np.sqrt(np.mean(np.square(each))))


def test_natural_logarithms_set_the_largest_divergence() -> None:
    apart = torch.tensor([[[50.0, -50.0]], [[-50.0, 50.0]]])
    assert float(divergence(apart)[0, 1]) == pytest.approx(math.sqrt(math.log(2)))
    assert ensemble_information(apart).estimate == pytest.approx(math.log(2))


def test_equal_models_are_at_zero_and_near_ones_are_resolved(generator: torch.Generator) -> None:
    logits = torch.randn(1, 30, 8, generator=generator, dtype=torch.float64)
    assert float(divergence(logits.repeat(3, 1, 1)).max()) < 1e-7
    nudge = torch.randn(1, 30, 8, generator=generator, dtype=torch.float64)
    small = divergence(torch.cat([logits, logits + 1e-5 * nudge]))[0, 1]
    larger = divergence(torch.cat([logits, logits + 1e-3 * nudge]))[0, 1]
    assert float(larger / small) == pytest.approx(100, rel=1e-2)


def test_chunks_don_t_change_anything(
    outputs: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, information = divergence(outputs), ensemble_information(outputs)
    monkeypatch.setattr(functional, "CHUNK_ELEMENTS", 200)
    torch.testing.assert_close(divergence(outputs), whole)
    assert ensemble_information(outputs).high == pytest.approx(information.high)


def test_ensemble_information_by_definition(outputs: torch.Tensor) -> None:
    def information(kept: list[int]) -> float:
        p = outputs[kept].softmax(-1).numpy()
        mean = p.mean(0)
        of_mean = -(mean * np.log(mean)).sum(-1).mean()
        return float(of_mean + (p * np.log(p)).sum(-1).mean())

    found = ensemble_information(outputs)
    everyone = list(range(5))
    assert found.estimate == pytest.approx(information(everyone))
    left_out = [information([k for k in everyone if k != seed]) for seed in everyone]
    error = math.sqrt(4 * np.var(left_out))
    assert found.high - found.estimate == pytest.approx(2.776445 * error, rel=1e-5)


def test_one_seed_is_no_ensemble(outputs: torch.Tensor) -> None:
    found = ensemble_information(outputs[:1])
    assert found.estimate == pytest.approx(0.0, abs=1e-12)
    assert not found.defined


def test_mistakes_are_named(outputs: torch.Tensor) -> None:
    broken = outputs.clone()
    broken[3, 2, 1] = math.nan
    with pytest.raises(ValueError, match=r"outputs: wanted finite logits.*\[3\]"):
        divergence(broken)
    with pytest.raises(ValueError, match="at least two outputs"):
        disagreement(outputs[:, :, :1])
    with pytest.raises(ValueError, match="targets: wanted numbers from 0 to 5"):
        disagreement(outputs, torch.full((40,), 6))
