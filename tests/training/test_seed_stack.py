"""A stack of seeds is the seeds, one by one: losses, gradients, states."""

import pytest
import torch
from torch import nn
from toy_models import OwnLoss, Pairs

from interpretable_arch.registry import build
from training.block import OneSeed
from training.seed_stack import SeedStack

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def models_of(kind: str) -> list[nn.Module]:
    torch.manual_seed(0)
    if kind == "transformer":
        sizes = {"vocab": 5, "context": 4, "outputs": 5}
        init_args = {"d_model": 8, "heads": 2, "layers": 2, "tied": True}
        return [build(kind, init_args, sizes) for _ in range(3)]
    return [{"pairs": Pairs, "own": OwnLoss}[kind](5, 5) for _ in range(3)]


def data_of(kind: str, *lead: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    if kind == "transformer":
        tokens = torch.randint(5, (*lead, 5), generator=generator)
        return tokens[..., :-1], tokens[..., 1:]
    inputs = torch.randint(5, (*lead, 2), generator=generator)
    return inputs, inputs.sum(-1) % 5


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("kind", ["pairs", "own", "transformer"])
@pytest.mark.parametrize("by_seed", [True, False])
def test_losses_and_gradients_are_those_of_each_seed(kind: str, by_seed: bool) -> None:
    models = models_of(kind)
    stack = SeedStack(models)
    inputs, targets = data_of(kind, 3, 7) if by_seed else data_of(kind, 7)
    losses = stack.losses(inputs, targets, by_seed)
    losses.sum().backward()
    stacked = dict(stack.tree.named_parameters())
    for k, model in enumerate(models):
        alone = OneSeed(model)
        data = (inputs[k : k + 1], targets[k : k + 1]) if by_seed else (inputs, targets)
        loss = alone.losses(*data, by_seed)
        loss.sum().backward()
        torch.testing.assert_close(losses[k : k + 1], loss, **EXACT)
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(stacked[name].grad[k], parameter.grad, **EXACT)


@pytest.mark.usefixtures("float64")
def test_measures_are_those_of_each_seed() -> None:
    models, (inputs, targets) = models_of("own"), data_of("own", 9)
    measured = SeedStack(models).measures(inputs, targets)
    alone = torch.cat([OneSeed(model).measures(inputs, targets) for model in models])
    torch.testing.assert_close(measured, alone, **EXACT)
    hits = (models[0](inputs).argmax(-1) == targets).double().mean()
    assert measured[0, 1] == hits


def test_a_seeds_state_is_bit_for_bit_the_models_with_tied_tensors_once() -> None:
    models = models_of("pairs")
    stack = SeedStack(models)
    for k, model in enumerate(models):
        state = stack.seed_state(k)
        assert sorted(state) == ["bias", "embed.weight", "mix.bias", "mix.weight"]
        assert all(torch.equal(state[name], model.state_dict()[name]) for name in state)


def test_tied_tensors_stay_tied_and_constants_stay_shared() -> None:
    stack = SeedStack(models_of("pairs"))
    assert stack.tree.unembed.weight is stack.tree.embed.weight
    assert stack.tree.sign.shape == (2,)
    assert stack.tree.bias.shape == (3, 5)


def test_noise_differs_between_seeds() -> None:
    model = Pairs(5, 5, width=50, dropout=0.5)
    inputs, targets = data_of("pairs", 9)
    assert len(SeedStack([model] * 4).losses(inputs, targets, False).unique()) == 4


def test_models_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="models: wanted the parameter shapes of the first"):
        SeedStack([Pairs(5, 5), Pairs(5, 5, width=3)])
    with pytest.raises(ValueError, match="at least one"):
        SeedStack([])
