"""A model and a task that don't fit each other are told so before training, in one line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from toy_models import Pairs

import training.fit
from training.data import Split, Task, build_task
from training.dry_run import check_fit, draws_noise
from training.experiment import Experiment
from training.fit import fit


class OwnLossOnFloats(nn.Linear):
    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return (self(inputs) - targets).square().mean()


@pytest.fixture
def task() -> Task:
    return build_task("modular", {"modulus": 5, "share": 0.6})


def spoilt(task: Task, targets: Callable[[Tensor], Tensor]) -> Task:
    return replace(task, held_out=Split(task.held_out.inputs, targets(task.held_out.targets)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t + 1, "held_out targets: wants 0 to 4, the model's outputs, or -100, got 1 to"),
        (lambda t: -1 - t, "got -5 to"),
        (lambda t: t.float(), "held_out targets: wants whole numbers .*own.*, got torch.float32"),
        (lambda t: t.int(), "held_out targets: wants torch.int64, got torch.int32"),
    ],
)
def test_targets_are_classes_of_the_model(
    task: Task, change: Callable[[Tensor], Tensor], message: str
) -> None:
    check_fit("Pairs", Pairs(5, 5), task)
    check_fit("Pairs", Pairs(5, 5), spoilt(task, lambda t: t.where(t != 4, -100)))
    with pytest.raises(ValueError, match=f"^model Pairs on task .*{message}") as caught:
        check_fit("Pairs", Pairs(5, 5), spoilt(task, change))
    assert "\n" not in str(caught.value)


def test_outputs_are_one_row_for_each_target(task: Task) -> None:
    with pytest.raises(ValueError, match=r"outputs of shape \[8, outputs\], got \[8, 2, 6\]"):
        check_fit("Embedding", nn.Embedding(5, 6), task)
    with pytest.raises(ValueError, match=r"forward wants to take inputs torch.int64 \[8, 2\], got"):
        check_fit("Linear", nn.Linear(3, 5), task)


def test_float_inputs_are_finite_and_an_own_loss_may_have_float_targets(task: Task) -> None:
    data = Split(torch.ones(4, 3), torch.ones(4, 2))
    floats = replace(task, train=data, held_out=data)
    check_fit("own", OwnLossOnFloats(3, 2), floats)
    holed = replace(floats, held_out=Split(torch.full((4, 3), torch.nan), data.targets))
    with pytest.raises(ValueError, match="held_out inputs: wants finite numbers, got 12 that"):
        check_fit("own", OwnLossOnFloats(3, 2), holed)


def test_noise_is_seen_and_the_generator_left_alone(task: Task) -> None:
    assert not draws_noise(Pairs(5, 5).eval(), task)
    assert draws_noise(Pairs(5, 5, dropout=0.5), task)
    torch.manual_seed(0)
    model, state = Pairs(5, 5, dropout=0.5), torch.get_rng_state()
    draws_noise(model, task)
    assert torch.equal(torch.get_rng_state(), state)


def test_nothing_is_trained_before_the_check(
    toy: Callable[..., Experiment], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: Task
) -> None:
    monkeypatch.setattr(training.fit, "build_task", lambda *_: spoilt(task, lambda t: t + 1))
    with pytest.raises(ValueError, match=r"^model toy_models\.Pairs on task"):
        fit(toy(), tmp_path, progress=False)
    assert not list(tmp_path.rglob("seed-*"))
