"""Losses on the line between two models: ends, convexity, repair, temperature."""

import math

import pytest
import torch
from dense_models import dense, symmetry_of

from analysis.stability.weights.barrier import between, height, line
from analysis.stability.weights.evaluation import Evaluation, coolest, cross_entropy, evaluation
from analysis.stability.weights.repair import places, repairing
from interpretable_arch.alignment.descent import align
from interpretable_arch.hooks import record
from interpretable_arch.registry import build
from interpretable_arch.symmetry import Symmetry, weights


def _model(seed: int, bias: bool = True):
    torch.manual_seed(seed)
    part = {"class_path": "mlp", "init_args": {"d_mlp": 16, "bias": bias}}
    return build("feedforward", {"layers": [part], "std": 0.5}, {"features": 4, "outputs": 5})


def test_height_by_hand():
    assert height(torch.tensor([1.0, 3.0, 2.0])) == pytest.approx(1.5)
    assert height(torch.tensor([1.0, 0.5, 2.0])) == 0.0
    with pytest.raises(ValueError, match="3 points"):
        height(torch.tensor([1.0, 2.0]))


def test_a_convex_loss_has_no_barrier_and_the_middle_is_the_mean(float64):
    first, second = ({"W0": torch.randn(4, 3)} for _ in range(2))
    x, answers = torch.randn(30, 4), torch.randint(3, (30,))
    evaluated = Evaluation(lambda p: x @ p["W0"], answers)
    symmetry = Symmetry(())
    found = line(first, second, (), symmetry, evaluated)
    assert found.barriers()["raw"] <= 1e-12
    assert found.repaired == ()
    torch.testing.assert_close(between(first, second, 0.5)["W0"], (first["W0"] + second["W0"]) / 2)


def test_between_copies_the_aligned_line_is_flat_and_the_raw_one_is_not(float64, generator):
    widths = (4, 16, 16, 3)
    here, symmetry = dense(widths, 0), symmetry_of(widths)
    there = symmetry.act(symmetry.sample(generator), here)
    x = torch.randn(200, 4, generator=generator)

    def logits_of(p):
        return (((x @ p["W0"]).relu() @ p["W1"]).relu() @ p["W2"]) / 4

    evaluated = Evaluation(logits_of, logits_of(here).argmax(1))
    aligned = align(here, there, symmetry)
    found = line(here, there, aligned.element, symmetry, evaluated, points=5)
    assert found.barriers()["aligned"] <= 1e-9
    assert found.barriers()["raw"] > 0.1
    assert all(a <= b for a, b in zip(found.temperature, found.raw, strict=True))
    assert found.raw[0] == pytest.approx(found.raw[-1])


def test_the_best_temperature_is_found_and_never_worse(float64, generator):
    logits = torch.randn(500, 4, generator=generator)
    answers = torch.distributions.Categorical(logits=logits).sample()
    inverse, loss = coolest(3 * logits, answers)
    assert inverse == pytest.approx(1 / 3, rel=0.2)
    assert loss <= cross_entropy(3 * logits, answers)
    tried = [cross_entropy(3 * logits * b, answers) for b in torch.linspace(0.05, 2, 200).tolist()]
    assert loss <= min(tried) + 1e-5


@pytest.mark.parametrize("bias", [True, False])
def test_repair_sets_the_statistics_of_hidden_units(float64, generator, bias):
    first, second = (_model(s, bias).double() for s in (0, 1))
    x = torch.randn(100, 4, generator=generator)
    repair = repairing(first, x)
    assert repair is not None
    assert places(first) == ("layers.0",)
    middle = between(weights(first), weights(second), 0.25)
    fixed = repair(weights(first), weights(second))(middle, 0.25)

    def seen(values):
        model = _model(0, bias).double()
        model.load_state_dict(dict(values))
        _, cache = record(model, x, ["layers.0.hook_pre"])
        pre = cache["layers.0.hook_pre"]
        return pre.mean(0), pre.std(0, correction=0)

    means, spreads = zip(*(seen(v) for v in (weights(first), weights(second))), strict=True)
    mean, spread = seen(fixed)
    torch.testing.assert_close(spread, 0.75 * spreads[0] + 0.25 * spreads[1])
    if bias:
        torch.testing.assert_close(mean, 0.75 * means[0] + 0.25 * means[1])
    same = repair(weights(first), weights(first))(weights(first), 0.5)
    for name, value in weights(first).items():
        torch.testing.assert_close(same[name], value)


def test_a_model_without_a_linear_hidden_layer_offers_no_place():
    part = {"class_path": "bilinear", "init_args": {"d_hidden": 3}}
    model = build("feedforward", {"head": part}, {"features": 4, "outputs": 3})
    assert repairing(model, torch.randn(5, 4)) is None


def test_evaluation_of_a_model_is_its_cross_entropy_and_leaves_it_alone(float64):
    model = _model(0).double()
    x, answers = torch.randn(40, 4), torch.randint(5, (40,))
    answers[:3] = -1
    found = evaluation(model, x, answers)
    wanted = torch.nn.functional.cross_entropy(model(x[3:]).detach(), answers[3:])
    assert found.loss(weights(model)) == pytest.approx(float(wanted))
    other = _model(1).double()
    assert found.loss(weights(other)) != pytest.approx(float(wanted))
    assert math.isfinite(found.loss(weights(model)))
    with pytest.raises(ValueError, match="answers: wanted one an output"):
        evaluation(model, x, answers[:, None].expand(-1, 2)).loss(weights(model))


def test_too_few_points_are_refused():
    evaluated = Evaluation(lambda p: p["W0"], torch.zeros(2, dtype=torch.long))
    with pytest.raises(ValueError, match="points: wanted 3 or more, got 2"):
        line({}, {}, (), symmetry_of((2, 2, 1)), evaluated, points=2)
