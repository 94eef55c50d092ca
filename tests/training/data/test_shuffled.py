"""Training answers dealt anew: the same answers, no relation to inputs, the test untouched."""

from dataclasses import replace

import pytest
import torch

from training.data import Split, Stream, Task, build_task
from training.data.shuffled import shuffled_task
from training.data.task import Meanings

GROUP = {"class_path": "groups", "init_args": {"group": "S4", "share": 0.8}}


def task(train: Split | Stream, **more: object) -> Task:
    return Task("toy", train, train, 2, ("no", "yes"), {}, **more)


def test_answers_are_dealt_anew_and_the_test_stays() -> None:
    real, null = build_task(**GROUP), build_task("shuffled", {"task": GROUP})
    assert torch.equal(null.train.inputs, real.train.inputs)
    assert torch.equal(null.train.targets.sort().values, real.train.targets.sort().values)
    agree = (null.train.targets == real.train.targets).double().mean()
    assert agree < 0.1  # 1/24 by chance
    for part in ("held_out", "probe"):
        assert torch.equal(getattr(null, part).inputs, getattr(real, part).inputs)
        assert torch.equal(getattr(null, part).targets, getattr(real, part).targets)
    assert null.dimensions == real.dimensions
    assert null.name == f"{real.name}, training answers shuffled"


def test_the_deal_is_a_fixed_function_of_its_seed() -> None:
    one, same, other = (
        build_task("shuffled", {"task": GROUP, "shuffle_seed": s}).train.targets for s in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_regression_and_whole_rows_of_answers() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(50, 2, generator=generator)
    targets = torch.stack([inputs.sum(1), inputs.sum(1) ** 2], 1)
    null = shuffled_task(task(Split(inputs, targets))).train
    assert torch.equal(null.inputs, inputs)
    torch.testing.assert_close(null.targets[:, 0] ** 2, null.targets[:, 1])  # rows stay whole
    assert torch.equal(null.targets[:, 0].sort().values, targets[:, 0].sort().values)


def test_inputs_that_are_their_own_answers_lose_what_they_say_of_each_other() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2000, 1, generator=generator, dtype=torch.float64)
    inputs = torch.cat([x, x, -x], 1)
    null = shuffled_task(task(Split(inputs, inputs.clone()))).train
    assert torch.equal(null.inputs, null.targets)
    assert torch.equal(null.inputs.sort(0).values, inputs.sort(0).values)
    apart = torch.corrcoef(null.inputs.T) - torch.eye(3)
    assert apart.abs().max() < 0.1  # 4.5 standard deviations of 1/sqrt(2000)


def test_a_stream_keeps_its_frequencies_and_loses_its_order() -> None:
    tokens = torch.arange(4).repeat(300)
    real = task(Stream(tokens, torch.arange(len(tokens) - 5), 5))
    null = shuffled_task(real).train
    assert torch.equal(null.tokens.bincount(), tokens.bincount())
    inputs, targets = null.take(torch.arange(len(null)))
    follows = ((inputs + 1) % 4 == targets).double().mean()
    assert follows == pytest.approx(0.25, abs=0.06)


def test_only_tokens_that_windows_read_move_and_each_keeps_its_meaning() -> None:
    tokens = torch.arange(20)
    meanings = Meanings(tokens * 10, tokens, {})
    real = task(Stream(tokens, torch.tensor([2, 11, 4]), 3), meanings=meanings)
    null = shuffled_task(real)
    read = torch.tensor([*range(2, 8), *range(11, 15)])
    still = torch.tensor([t for t in range(20) if t not in read])
    assert torch.equal(null.train.tokens[still], tokens[still])
    assert torch.equal(null.train.tokens[read].sort().values, tokens[read])
    assert not torch.equal(null.train.tokens[read], tokens[read])
    assert torch.equal(null.meanings.train, null.train.tokens * 10)
    assert torch.equal(null.meanings.held_out, tokens)


@pytest.mark.parametrize("name", ["latent_classes", "repeats", "hidden_process"])
def test_rows_of_next_tokens_keep_their_kind(name: str) -> None:
    few = {
        "latent_classes": {"sentences": 500},
        "repeats": {"sequences": 200, "targets": "repeats"},
        "hidden_process": {"rows": 3, "held_out_rows": 1, "length": 400, "burn_in": 100},
    }[name]
    real = build_task(name, few)
    null = shuffled_task(real)
    assert type(null) is type(real)
    assert type(null.train) is type(real.train)
    assert not torch.equal(null.train.inputs, real.train.inputs)
    assert torch.equal(null.train.targets == -100, real.train.targets == -100)
    follows = null.train.targets[:, :-1] == null.train.inputs[:, 1:]
    assert follows[null.train.targets[:, :-1] != -100].all()
    everything = torch.cat([real.train.inputs, real.train.targets[:, -1:]], 1)
    dealt = torch.cat([null.train.inputs, null.train.targets[:, -1:]], 1)
    assert torch.equal(dealt.flatten().sort().values, everything.flatten().sort().values)


@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_answers_near_the_inputs_are_answers_and_lose_them(noise: float) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(2000, 2, generator=generator)
    targets = 0.9 * inputs + noise * torch.randn(2000, 2, generator=generator)
    null = shuffled_task(task(Split(inputs, targets))).train
    assert torch.equal(null.inputs, inputs)
    assert torch.equal(null.targets.sort(0).values, targets.sort(0).values)
    together = torch.corrcoef(torch.cat([null.inputs, null.targets], 1).T)[:2, 2:]
    assert together.abs().max() < 0.1  # 4.5 standard deviations of 1/sqrt(2000); 0.95 before


def test_inputs_with_noise_lose_their_answers_and_clean_ones_are_dealt_by_column() -> None:
    for noise, inputs_stay in ((0.05, True), (0.0, False)):
        real = build_task("superposition", {"examples": 500, "noise": noise})
        null = shuffled_task(real).train
        assert torch.equal(null.inputs, real.train.inputs) == inputs_stay
        assert not torch.equal(null.targets, real.train.targets)
        assert torch.equal(null.inputs, null.targets) != inputs_stay


def test_regression_from_space_to_the_same_space_is_no_autoencoder() -> None:
    inputs = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    null = shuffled_task(task(Split(inputs, inputs.flip(1)))).train
    assert torch.equal(null.inputs, inputs)
    assert torch.equal(null.targets.sort(0).values, inputs.flip(1).sort(0).values)


def test_operators_of_the_real_process_are_not_handed_on() -> None:
    tokens = torch.arange(4).repeat(3)
    real = task(Stream(tokens, torch.arange(6), 5), operators=torch.zeros(4, 2, 2, 2))
    assert shuffled_task(real).operators is None


@pytest.mark.parametrize(
    ("train", "seed", "message"),
    [
        (
            Split(torch.arange(3), torch.ones(3)),
            0,
            "wants training answers that dealing anew changes",
        ),
        (
            Stream(torch.ones(9).long(), torch.arange(3), 2),
            0,
            "got 3 examples that are as they were",
        ),
        (Split(torch.arange(3), torch.arange(3) % 2), -1, "shuffle_seed: wants .* got -1"),
    ],
)
def test_what_cannot_be_dealt_is_refused(train, seed, message) -> None:
    with pytest.raises(ValueError, match=message):
        shuffled_task(replace(task(Split(torch.arange(3), torch.arange(3))), train=train), seed)


def test_mistakes_in_the_inner_task_are_its_own() -> None:
    with pytest.raises(ValueError, match=r"task.init_args.task.class_pat: no such key"):
        build_task("shuffled", {"task": {"class_pat": "groups"}})
    with pytest.raises(ValueError, match="unknown 'group'; did you mean 'groups'"):
        build_task("shuffled", {"task": {"class_path": "group"}})
