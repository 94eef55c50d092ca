"""Blocks cover all seeds evenly, and the measured choice is one of the candidates."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import training.block_size as block_size
from training.block_size import choose_block, split_evenly
from training.data import build_task
from training.experiment import Experiment, Seed
from training.fit import seed_model


@given(st.integers(1, 60), st.integers(1, 60))
def test_blocks_are_even_and_keep_the_order(count: int, block: int) -> None:
    seeds = [Seed(n, n, n) for n in range(count)]
    blocks = split_evenly(seeds, block)
    assert [seed for one in blocks for seed in one] == seeds
    sizes = [len(one) for one in blocks]
    assert max(sizes) <= block
    assert max(sizes) - min(sizes) <= 1


def test_the_fastest_candidate_wins(
    toy: Callable[..., Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = toy(seeds=20, max_steps=1000)
    task = build_task("modular", experiment.task.init_args)
    model = seed_model(experiment, experiment.seeds[0], task)
    before = {name: p.clone() for name, p in model.named_parameters()}
    assert choose_block(experiment, experiment.seeds, model, task) in (1, 4, 7, 10, 20)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    timed = {1: 3.0, 4: 2.0, 7: 1.0, 10: 1.5, 20: 4.0}
    monkeypatch.setattr(block_size, "_seconds_per_seed", lambda _, seeds, *__: timed[len(seeds)])
    assert choose_block(experiment, experiment.seeds, model, task) == 7
    timed[1] = 0.5
    assert choose_block(experiment, experiment.seeds, model, task) == 1


def test_blocks_that_memory_cannot_hold_are_left_out(
    toy: Callable[..., Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = toy(seeds=20)
    task = build_task("modular", experiment.task.init_args)
    model = seed_model(experiment, experiment.seeds[0], task)
    assert choose_block(experiment, experiment.seeds, model, task) == 20
    monkeypatch.setattr(block_size, "available_bytes", lambda _: 100_000)
    assert choose_block(experiment, experiment.seeds, model, task) < 20
    monkeypatch.setattr(block_size, "available_bytes", lambda _: 1)
    assert choose_block(experiment, experiment.seeds, model, task) == 1


def test_a_timed_update_settles_as_a_real_one_does(
    toy: Callable[..., Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = []
    monkeypatch.setattr(block_size.Block, "settle", lambda block: settled.append(block.seeds))
    experiment = toy(seeds=2, max_steps=100)
    task = build_task("modular", experiment.task.init_args)
    model = seed_model(experiment, experiment.seeds[0], task)
    choose_block(experiment, experiment.seeds, model, task)
    assert set(settled) == {1, 2}
