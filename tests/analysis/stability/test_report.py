"""The one call: any torch modules, level by level, with what can't be measured said."""

import json

import pytest
import torch
from torch import nn

from analysis.stability import report
from analysis.stability.collect import collect
from analysis.stability.joined import joined
from analysis.stability.sites import representations
from interpretable_arch import build


def nets(count: int, hidden: int = 8) -> list[nn.Module]:
    torch.manual_seed(hidden)
    return [
        nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, 3)) for _ in range(count)
    ]


def transformers(count: int) -> list[nn.Module]:
    torch.manual_seed(1)
    sizes = {"d_model": 8, "heads": 2, "layers": 1}
    return [build("transformer", sizes, {"vocab": 7, "context": 6}) for _ in range(count)]


@pytest.fixture
def inputs() -> torch.Tensor:
    return torch.randn(60, 4, generator=torch.Generator().manual_seed(0))


def test_plain_modules_are_compared_and_left_as_they_were(inputs: torch.Tensor) -> None:
    models = nets(4)
    models[1].train()
    heard = []
    found = report(models, inputs, found=lambda level, seconds: heard.append(level.name))
    assert [model.training for model in models] == [True] * 4
    assert [level.name for level in found.levels] == heard
    assert heard[0] == "outputs"
    assert found.stability is not None
    assert found.stability.cka is not None
    json.dumps(found.to_mapping(), allow_nan=False)
    assert "outputs" in str(found)


def test_the_input_of_the_last_layer_represents_a_plain_module(inputs: torch.Tensor) -> None:
    model = nets(1)[0]
    with torch.no_grad():
        found = representations(model, inputs)
        assert torch.equal(found["input of 2"], model[:2](inputs))
        named = representations(model, inputs, ["0"])
    assert torch.equal(named["0"], model[0](inputs))


def test_an_unknown_site_is_named(inputs: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="sites: wanted submodules such as"):
        report(nets(2), inputs, sites=["hidden"])


def test_a_registered_model_offers_every_level() -> None:
    tokens = torch.randint(7, (20, 6), generator=torch.Generator().manual_seed(0))
    material = collect(transformers(3), tokens, targets=tokens)
    assert list(material.representations) == ["representation", "blocks.0.hook_resid_post"]
    assert list(material.activations) == ["blocks.0.mlp.hook_post"]
    assert len(material.parameters) == len(material.symmetries) == 3
    assert all(each is not None for each in material.interpretations)
    assert material.outputs is not None
    assert material.outputs.shape == (3, 120, 7)


def test_one_model_is_measured_as_far_as_one_goes(inputs: torch.Tensor) -> None:
    found = report(nets(1), inputs)
    assert found.stability is not None
    assert found.stability.by_output is not None
    assert "unresolved" in found.stability.by_output.statement


def test_models_of_other_shape_are_compared_by_what_they_do(inputs: torch.Tensor) -> None:
    found = report([*nets(2), *nets(2, hidden=5)], inputs)
    assert found.architectures == ("Sequential 1",) * 2 + ("Sequential 2",) * 2
    assert found.stability is not None
    assert found.stability.disagreement is not None


def test_other_outputs_are_said_and_the_rest_comes(inputs: torch.Tensor) -> None:
    other = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    found = report([*nets(2), other], inputs)
    assert found.stability is None
    assert "different shapes" in found.level("outputs").skipped[0]


def test_a_model_that_cannot_take_the_inputs_is_named() -> None:
    with pytest.raises(ValueError, match="second: can't be run on these inputs"):
        report([*nets(1), nn.Linear(9, 3)], torch.zeros(5, 4), names=["first", "second"])


@pytest.mark.parametrize("threshold", [-0.1, 0.84, float("nan")])
def test_a_threshold_out_of_range_is_refused(inputs: torch.Tensor, threshold: float) -> None:
    with pytest.raises(ValueError, match=r"threshold: wanted 0 to 0\.8326"):
        report(nets(2), inputs, threshold=threshold)


def test_a_run_whose_outputs_are_not_finite_is_named(inputs: torch.Tensor) -> None:
    models = nets(3)
    with torch.no_grad():
        next(models[1].parameters()).fill_(torch.nan)
    with pytest.raises(
        ValueError, match=r"model 1: output is not finite at input 0; pass diverged"
    ):
        report(models, inputs)
    found = report(models, inputs, diverged=[False, True, False])
    assert found.stability is not None
    assert (found.stability.kept, found.stability.diverged) == ((0, 2), (1,))
    assert [measure.seeds for measure in found.level("outputs").measures] == [(0, 2)] * 2


def test_values_are_compared_in_the_spread_of_their_targets(inputs: torch.Tensor) -> None:
    material = collect(nets(2), inputs, targets=torch.randn(60, 3))
    assert material.outputs is not None
    assert material.outputs.shape == (2, 180, 2)
    assert material.targets is None
    assert material.outputs_as.endswith("what counts as 180 inputs is 60 inputs x 3 values")
    found = report(nets(2), inputs, targets=torch.randn(60, 3))
    assert material.outputs_as in found.level("outputs").notes
    assert not report(nets(2), inputs).level("outputs").notes


def test_values_under_stress_keep_the_scale_of_the_targets(inputs: torch.Tensor) -> None:
    models = [nn.Linear(4, 1) for _ in range(3)]
    targets = 5 + 2 * torch.randn(60, 1)
    found = report(models, inputs, targets=targets, stress=inputs)
    plain, stressed = (found.level(f"outputs{on}") for on in ("", " on the stress set"))
    assert len(stressed.measures) == 2
    assert [m.matrix for m in plain.measures] == [m.matrix for m in stressed.measures]
    assert stressed.notes
    wide = collect(nets(2), inputs[:9], scale=torch.randn(60, 3))
    assert wide.outputs is not None
    assert wide.outputs.shape == (2, 27, 2)


def test_architectures_are_joined_by_what_they_share(inputs: torch.Tensor) -> None:
    small, large = collect(nets(2), inputs), collect(nets(3, hidden=5), inputs)
    both = joined({"large": large, "small": small})
    assert both.names[0] == "large model 0"
    assert both.architectures == ("large",) * 3 + ("small",) * 2
    assert [rows.shape[1] for rows in both.representations["representation"]] == [5, 5, 5, 8, 8]
    with pytest.raises(ValueError, match="wanted two architectures"):
        joined({"small": small})


def test_a_model_given_twice_is_refused_or_said(inputs: torch.Tensor) -> None:
    models = nets(2)
    with pytest.raises(ValueError, match="first and third hold the same weights to the bit"):
        report([*models, models[0]], inputs, names=["first", "second", "third"])
    found = report([*models, models[0]], inputs, allow_duplicates=True)
    assert found.stability is not None


def test_a_stress_set_is_a_level_of_its_own(inputs: torch.Tensor) -> None:
    found = report(nets(3), inputs, stress=10 * inputs[:20])
    level = found.level("outputs on the stress set")
    assert len(level.measures) == 2
    assert "the same 20 inputs" in level.statements[-1]


def test_shuffled_training_may_have_fewer_seeds(inputs: torch.Tensor) -> None:
    found = report(nets(4), inputs, untrained=nets(8)[4:], shuffled=nets(2, hidden=6))
    disagreement = found.level("outputs").measures[1]
    assert disagreement.name == "disagreement"
    assert [rung.name for rung in disagreement.rungs] == ["untrained", "label-shuffled training"]


def test_an_unknown_level_is_named(inputs: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="level: wanted one of outputs"):
        report(nets(2), inputs).level("weigths")
