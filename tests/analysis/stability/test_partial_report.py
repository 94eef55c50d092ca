"""What can't be compared is left out and named; the rest of the report still comes."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from analysis.stability import report
from analysis.stability.collect import collect
from analysis.stability.headline import headline_of
from analysis.stability.material import Material
from analysis.stability.reporting import report_on
from interpretable_arch import build


def nets(count: int, seed: int = 0) -> list[nn.Module]:
    torch.manual_seed(seed)
    return [nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)) for _ in range(count)]


@pytest.fixture
def inputs() -> torch.Tensor:
    return torch.randn(60, 4, generator=torch.Generator().manual_seed(0))


def test_the_first_input_that_is_not_finite_is_named(inputs: torch.Tensor) -> None:
    inputs[37] = torch.inf
    with pytest.raises(ValueError, match=r"^b: output is not finite at input 37;"):
        collect([*nets(1)], inputs, names=["b"])


@pytest.mark.parametrize("question", ["representation", "activations"])
def test_what_is_not_finite_inside_is_named_by_its_site(
    inputs: torch.Tensor, question: str
) -> None:
    def inside(x: torch.Tensor) -> torch.Tensor:
        return torch.where((x == inputs[23]).all(1, keepdim=True), torch.nan, x)

    model = nn.Linear(4, 3)
    asked = inside if question == "representation" else lambda x: {"units": inside(x)}
    object.__setattr__(model, question, asked)
    site = "units" if question == "activations" else question
    with pytest.raises(ValueError, match=f"model 1: {site} is not finite at input 23; pass"):
        report([*nets(1), model], inputs)


def test_a_position_is_counted_to_its_input() -> None:
    class Positions(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, -x], -1)

        def representation(self, x: torch.Tensor) -> torch.Tensor:
            return x.where(x != 74, torch.nan).flatten(0, 1)

    numbers = torch.arange(200.0).reshape(100, 2, 1)
    with pytest.raises(ValueError, match="model 0: representation is not finite at input 37;"):
        collect([Positions()], numbers)


def test_models_that_diverged_may_be_alike(inputs: torch.Tensor) -> None:
    models = nets(4)
    for model in models[2:]:
        for weight in model.parameters():
            nn.init.constant_(weight, torch.nan)
    found = report(models, inputs, untrained=nets(4, 1), diverged=[False, False, True, True])
    assert found.stability is not None
    assert found.stability.diverged == (2, 3)
    assert all(measure.rungs for measure in found.level("outputs").measures)


@pytest.mark.parametrize(
    ("null", "name"), [("untrained", "untrained"), ("shuffled", "label-shuffled training")]
)
def test_a_null_that_is_not_finite_is_left_out_and_named(
    inputs: torch.Tensor, null: str, name: str
) -> None:
    models, broken = nets(3), nets(3, 1)
    nn.init.constant_(broken[1].get_parameter("2.bias"), torch.nan)
    found = report(models, inputs, **{null: broken})
    assert found.absent[name] == "left out: model 1: output is not finite at input 0"
    assert found.stability is not None
    assert not any(measure.rungs for measure in found.level("outputs").measures)
    given = replace(collect(models, inputs), **{null: uncollected(broken, inputs)})
    assert report_on(given).absent[name] == found.absent[name]


def uncollected(models: list[nn.Module], inputs: torch.Tensor) -> Material:
    """Outputs that came another way, from files for one."""
    with torch.no_grad():
        outputs = torch.stack([model(inputs) for model in models])
    return Material(names=("model 0", "model 1", "model 2"), outputs=outputs)


def test_a_stress_set_that_no_model_survives_is_left_out(inputs: torch.Tensor) -> None:
    found = report(nets(3), inputs, stress=inputs[:5] * torch.inf)
    assert "output is not finite" in found.absent["outputs on the stress set"]
    assert found.level("outputs on the stress set").skipped
    assert found.stability is not None


def test_a_refused_headline_is_partial_and_says_so(inputs: torch.Tensor) -> None:
    found = report(nets(4), inputs, untrained=nets(3, 1))
    assert found.absent["headline"].startswith("partial, of outputs alone: untrained_outputs: ")
    assert found.stability is not None
    assert found.stability.cka is None
    assert len(found.level("outputs").measures) == 2
    json.dumps(found.to_mapping(), allow_nan=False)


def test_outputs_that_are_refused_leave_the_other_levels(inputs: torch.Tensor) -> None:
    given = collect(nets(3), inputs)
    assert given.outputs is not None
    given.outputs[1, 7] = torch.nan
    found = report_on(given)
    assert found.stability is None
    assert found.level("outputs").skipped[0].startswith("outputs: partial, without outputs: ")
    assert found.level("representations").measures
    json.dumps(found.to_mapping(), allow_nan=False)
    with pytest.raises(ValueError, match="threshold"):
        report_on(replace(given, threshold=2.0))


def test_a_kept_seed_that_is_labelled_diverged_costs_the_labels_alone(
    inputs: torch.Tensor,
) -> None:
    given = replace(collect(nets(3), inputs), labels=("a", "diverged", "a"))
    found = report_on(given)
    reason = "no classes: model 1 did not diverge but is labelled 'diverged'"
    assert found.absent["labels"] == reason
    assert found.stability is not None
    assert found.stability.by_interpretation is None
    assert found.stability.cka is not None
    assert headline_of(given) is not None
    lost = replace(given, diverged=(False, True, False))
    assert "labels" not in report_on(lost).absent


def test_interpretations_stay_where_a_label_is_refused() -> None:
    tokens = torch.randint(7, (20, 6), generator=torch.Generator().manual_seed(0))
    sizes = {"d_model": 8, "heads": 2, "layers": 1}
    models = [build("transformer", sizes, {"vocab": 7, "context": 6}) for _ in range(2)]
    given = replace(collect(models, tokens), labels=("diverged", "diverged"))
    said = report_on(given).level("interpretations")
    assert not any("is kept for seeds" in each for each in said.skipped)


def test_right_answers_are_one_an_input(inputs: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"targets: wanted one an input, 60, got shape \(60, 2\)"):
        report(nets(2), inputs, targets=torch.zeros(60, 2).long())


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.full((60, 3), 0.1), "wanted values that vary, got 60 rows all alike"),
        (torch.ones(1, 3), "wanted two rows or more of finite values"),
        (torch.full((60, 3), torch.nan), "wanted two rows or more of finite values"),
    ],
)
def test_targets_without_a_spread_are_refused(
    inputs: torch.Tensor, targets: torch.Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=f"targets: {message}"):
        report(nets(2), inputs[: len(targets)], targets=targets)
