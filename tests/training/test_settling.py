"""Layers that count and settle: stacked and alone alike, and the balance really balances."""

import subprocess
import sys

import torch

from interpretable_arch.registry import build
from training.block import OneSeed
from training.seed_stack import SeedStack

MIXTURE = {"class_path": "mixture", "init_args": {"experts": 4, "k": 2, "balance_rate": 0.05}}
SIZES = {"d_model": 8, "heads": 2, "layers": 2, "std": 0.3, "mlp": MIXTURE}


def models(count: int) -> list[torch.nn.Module]:
    made = []
    for seed in range(count):
        torch.manual_seed(seed)
        made.append(build("transformer", SIZES, {"vocab": 11, "context": 6}))
    return made


def test_stacked_balances_equal_those_of_one_at_a_time():
    tokens = torch.randint(11, (3, 16, 7), generator=torch.Generator().manual_seed(0))
    stack, alone = SeedStack(models(3)), [OneSeed(m) for m in models(3)]
    for _ in range(3):
        stack.losses(tokens[..., :-1], tokens[..., 1:], by_seed=True)
        stack.settle()
        for one, own in zip(alone, tokens, strict=True):
            one.losses(own[None, :, :-1], own[None, :, 1:], by_seed=True)
            one.settle()
    for index, one in enumerate(alone):
        for name, value in one.seed_state(0).items():
            if name.endswith("balance"):
                assert value.any()
                torch.testing.assert_close(stack.seed_state(index)[name], value)


def test_settling_evens_out_a_lopsided_router():
    (model,) = models(1)
    mixture = model.blocks[0].mlp
    tokens = torch.randint(11, (1, 64, 6), generator=torch.Generator().manual_seed(0))
    block = OneSeed(model)
    spread = []
    for _ in range(60):
        model(tokens[0])
        load = mixture.statistics()["load"]
        spread.append(float(load.max() - load.min()))
        block.losses(tokens, tokens, by_seed=True)
        block.settle()
    assert spread[-1] < 0.5 * spread[0]


def test_models_without_counts_settle_on_nothing():
    torch.manual_seed(0)
    block = OneSeed(build("group_mlp", {"d_mlp": 4}, {"order": 3}))
    block.losses(torch.tensor([[[0, 1]]]), torch.tensor([[2]]), by_seed=True)
    block.settle()


COMPILED = """
import torch
from interpretable_arch.registry import build
from training.seed_stack import SeedStack

def models():
    for seed in range(3):
        torch.manual_seed(seed)
        yield build("transformer", {sizes}, {{"vocab": 11, "context": 6}})

tokens = torch.randint(11, (3, 16, 7), generator=torch.Generator().manual_seed(0))
plain, traced = SeedStack(list(models())), SeedStack(list(models()))
losses = torch.compile(traced.losses, backend="eager")
for _ in range(2):
    wanted = plain.losses(tokens[..., :-1], tokens[..., 1:], by_seed=True)
    torch.testing.assert_close(losses(tokens[..., :-1], tokens[..., 1:], by_seed=True), wanted)
    plain.settle()
    traced.settle()
for name, value in plain.seed_state(1).items():
    torch.testing.assert_close(traced.seed_state(1)[name], value)
    assert value.any() or not name.endswith("balance"), name
"""


def test_a_compiled_stack_counts_and_settles_the_same():
    """In a process of its own: the shape checks of the test run cannot be compiled through."""
    code = COMPILED.format(sizes=SIZES)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
