"""Models of other libraries: wrapped answers, other precisions, layers that say nothing."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from analysis.stability import report
from analysis.stability.collect import collect
from analysis.stability.sites import representations
from interpretable_arch import build

Wrap = Callable[[torch.Tensor], object]


def nets(count: int) -> list[nn.Module]:
    torch.manual_seed(0)
    return [nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)) for _ in range(count)]


@pytest.fixture
def inputs() -> torch.Tensor:
    return torch.randn(60, 4, generator=torch.Generator().manual_seed(0))


class Wrapped(nn.Module):
    """What it answers is the answer of `body`, wrapped."""

    def __init__(self, body: nn.Module, wrap: Wrap) -> None:
        super().__init__()
        self.body, self.wrap = body, wrap

    def forward(self, x: torch.Tensor) -> object:
        return self.wrap(self.body(x))


@dataclass
class Answer:
    logits: torch.Tensor
    states: tuple[torch.Tensor, ...] = ()


@pytest.mark.parametrize(
    "wrap",
    [
        Answer,
        lambda x: (x, None),
        lambda x: (None, x, x + 1),
        lambda x: {"states": x + 1, "logits": x},
    ],
)
def test_wrapped_answers_are_those_of_the_model(inputs: torch.Tensor, wrap: Wrap) -> None:
    models = [Wrapped(net, wrap) for net in nets(3)]
    targets = torch.arange(60) % 3
    given = collect(models, inputs, targets=targets)
    assert given.outputs is not None
    with torch.no_grad():
        torch.testing.assert_close(given.outputs[0], models[0].body(inputs))
    assert given.evaluation is not None
    assert given.evaluation.loss(given.parameters[0]) > 0
    assert isinstance(models[0](inputs), type(wrap(inputs)))  # left as it was
    assert report(models, inputs, targets=targets).stability is not None


def test_an_answer_without_a_tensor_is_named(inputs: torch.Tensor) -> None:
    first, second = nets(2)
    models = [Wrapped(first, lambda x: x), Wrapped(second, lambda x: {"states": x})]
    with pytest.raises(ValueError, match=r"^model 1: wanted a tensor, .*, got dict of states$"):
        report(models, inputs)


def test_a_site_may_answer_with_a_tuple(inputs: torch.Tensor) -> None:
    model = nn.LSTM(4, 5)
    with torch.no_grad():
        wrapped = Wrapped(model, lambda x: x[0])
        found = representations(wrapped, inputs, ["body"])
        torch.testing.assert_close(found["body"], model(inputs)[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_inputs_are_cast_to_the_precision_of_the_model(
    inputs: torch.Tensor, dtype: torch.dtype
) -> None:
    single, *models = nets(4)
    models = [model.to(dtype) for model in models]
    found = report(models, inputs, targets=torch.arange(60) % 3)
    assert found.stability is not None
    assert found.stability.cka is not None
    mixed = report([single, *models], inputs)
    assert mixed.stability is not None
    assert mixed.stability.cka is not None


def test_tokens_stay_whole_numbers() -> None:
    tokens = torch.randint(7, (20, 6), generator=torch.Generator().manual_seed(0))
    sizes = {"d_model": 8, "heads": 2, "layers": 1}
    model = build("transformer", sizes, {"vocab": 7, "context": 6}).double()
    given = collect([model], tokens)
    assert given.outputs is not None
    assert given.outputs.dtype == torch.float64


@pytest.mark.parametrize("lead", [(), (nn.Flatten(),), (nn.Dropout(0.5), nn.Flatten())])
def test_inputs_themselves_are_no_representation(lead: tuple[nn.Module, ...]) -> None:
    shape = (40, 2, 30) if lead else (40, 60)  # wider than long, so that rows are narrowed
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    models = [nn.Sequential(*lead, nn.Linear(60, 3)) for _ in range(3)]
    found = report(models, inputs)
    assert "the inputs themselves" in found.absent["representations"]
    assert found.stability is not None
    assert found.stability.cka is None
    assert not found.level("representations").measures


def test_a_last_layer_that_is_not_called_represents_nothing(inputs: torch.Tensor) -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.unused = nets(1)[0], nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x)

    assert representations(Unused(), inputs) == {}
    with pytest.raises(ValueError, match="'unused' was not used by the model on these inputs"):
        report([Unused()], inputs, sites=["unused"])
