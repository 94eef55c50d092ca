"""Starts, noise, held entries and averages: what they do, stacked or alone, stopped or not."""

from typing import Any

import pytest
import torch

from interpretable_arch.registry import build
from training.block import set_seed_values
from training.block_size import make_block
from training.data import Stream, build_task
from training.experiment import Experiment, Seed
from training.fit import fit, seed_model
from training.module import BlockModule
from training.switches import data_made_start
from training.switches.asymmetry import Asymmetry
from training.switches.noise_annealing import NoiseAnnealing
from training.switches.trajectory_average import TrajectoryAverage

SIZES = {"d_model": 8, "layers": 1, "heads": 2, "std": 0.3}
ALL = {
    "asymmetry.Asymmetry": {"fixed": 2, "size": 0.5},
    "data_made_start.DataMadeStart": {},
    "noise_annealing.NoiseAnnealing": {"size": 0.1, "stop": 9},
    "shared_start.SharedStart": {"seed": 7},
    "trajectory_average.TrajectoryAverage": {"start": 4},
}


@pytest.fixture
def verses(tmp_path):
    path = tmp_path / "verses.txt"
    path.write_text("\n".join(f"and {n} begat {n + 1}" for n in range(300)), encoding="utf-8")
    return {"class_path": "text", "init_args": {"source": str(path), "context": 8}}


def experiment(task, names, seeds: Any = 2, steps=12, block=8, **arguments):
    callbacks = [
        {"class_path": f"training.switches.{name}", "init_args": {**ALL[name], **arguments}}
        for name in names
    ]
    mapping = {
        "name": "lower",
        "model": {"class_path": "transformer", "init_args": SIZES},
        "task": task,
        "optimizer": {"lr": 0.01, "clip": 1.0},
        "trainer": {
            "max_steps": steps,
            "batch_size": 8,
            "accelerator": "cpu",
            "precision": "64",
            "block": block,
            "checkpoint_every": 5,
            "callbacks": callbacks,
        },
        "seeds": seeds,
    }
    return Experiment.from_mapping(mapping)


def same(one, other, **tolerance):
    for name, value in one.weights.items():
        torch.testing.assert_close(other.weights[name], value, **tolerance)


@pytest.mark.parametrize("name", list(ALL))
def test_a_stopped_study_goes_on_exactly(name, verses, tmp_path, interrupt):
    asked = experiment(verses, [name])
    whole = fit(asked, tmp_path / "whole", progress=False)
    interrupt(7)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fit(asked, tmp_path / "parts", progress=False)
    for one, other in zip(whole, fit(asked, tmp_path / "parts", progress=False), strict=True):
        same(one, other, rtol=0, atol=0)
        assert one.metrics.equals(other.metrics)


@pytest.mark.parametrize("name", list(ALL))
def test_stacked_seeds_are_as_they_are_alone(name, verses, tmp_path):
    together = fit(experiment(verses, [name], seeds=[3, 4]), tmp_path, progress=False)
    for seed, run in zip((3, 4), together, strict=True):
        (alone,) = fit(
            experiment(verses, [name], seeds=[seed]), tmp_path / f"{seed}", progress=False
        )
        same(run, alone, rtol=1e-7, atol=1e-9)


# Starts


def test_a_shared_start_leaves_the_order_alone(verses, tmp_path):
    one, other = fit(experiment(verses, ["shared_start.SharedStart"]), tmp_path, progress=False)
    first, second = (run.metrics.column("train_loss").to_pylist() for run in (one, other))
    assert first[0] == second[0]
    assert first[-1] != second[-1]


def test_it_is_the_start_of_the_seed_that_was_asked_for(verses, tmp_path):
    task = build_task(verses["class_path"], verses["init_args"])
    asked = experiment(verses, ["shared_start.SharedStart"])
    shared = fit(asked, tmp_path, progress=False)[0]
    usual = fit(experiment(verses, [], seeds=[{"init": 7, "order": 0, "noise": 0}]), tmp_path)
    same(shared, usual[0], rtol=1e-9, atol=1e-12)
    own = [seed_model(asked, Seed(init, 0, 0), task).get_parameter("W_E") for init in (7, 0)]
    assert not torch.equal(*own)


def test_a_data_made_start_knows_the_bigrams(verses, float64):
    task = build_task(verses["class_path"], verses["init_args"])
    assert isinstance(task.train, Stream)
    counts = data_made_start.bigrams(task.train, task.outputs)
    assert counts.sum() == len(task.train.tokens) - 1
    slow = torch.zeros_like(counts)
    for a, b in zip(task.train.tokens[:-1], task.train.tokens[1:], strict=True):
        slow[a, b] += 1
    assert torch.equal(slow, counts)
    W_E = data_made_start.embedding(counts, 32, 1.0)
    torch.testing.assert_close(W_E.square().mean(1), torch.ones(task.outputs))
    logits = W_E @ data_made_start.unembedding(W_E, counts)
    share = counts / counts.sum()
    seen = (counts / counts.sum(1, keepdim=True)).nan_to_num().clamp(min=1e-12)
    least = -(share * seen.log()).sum()
    reached = -(share * logits.log_softmax(-1)).sum()
    assert least < reached < least + 0.02


def test_a_data_made_start_is_the_same_for_all_and_leaves_the_rest_random(verses, tmp_path):
    asked = experiment(verses, ["data_made_start.DataMadeStart"], steps=1)
    runs = fit(asked, tmp_path, progress=False)
    apart = {n: (runs[0].weights[n] - runs[1].weights[n]).abs().max() for n in runs[0].weights}
    assert apart["W_E"] < 0.1 < apart["W_pos"]
    plain = fit(experiment(verses, [], steps=1), tmp_path, progress=False)
    for run, usual in zip(runs, plain, strict=True):
        started, random = (r.metrics.column("held_out_loss")[0].as_py() for r in (run, usual))
        assert started < random


def test_what_a_data_made_start_wants(verses, tmp_path):
    quotes = {"class_path": "quotes", "init_args": {"length": 6, "letters": 2, "count": 64}}
    start = ["data_made_start.DataMadeStart"]
    with pytest.raises(ValueError, match="task: wanted running text"):
        fit(experiment(quotes, start), tmp_path, progress=False)
    tied = experiment(verses, start).to_mapping()
    tied["model"]["init_args"] = {**SIZES, "tied": True}
    with pytest.raises(ValueError, match="W_E and W_U"):
        fit(Experiment.from_mapping(tied), tmp_path, progress=False)


@pytest.mark.parametrize("seeds", [1, 3])
def test_values_of_one_seed_are_set_and_no_others(seeds, float64):
    models = [build("group_mlp", {"d_mlp": 4}, {"order": 3}) for _ in range(seeds)]
    block = make_block(models)
    before = [block.seed_state(i) for i in range(seeds)]
    (name, value), *_ = before[0].items()
    set_seed_values(block, seeds - 1, {name: value + 1})
    for i in range(seeds):
        moved = block.seed_state(i)[name] - before[i][name]
        torch.testing.assert_close(moved, (value + 1 - before[i][name]) * (i == seeds - 1))


# Noise


def test_the_noise_has_its_size_dies_and_is_the_seeds_own(float64):
    noise = NoiseAnnealing(size=2.0, stop=10, power=1.0)
    assert noise.sigma(0) == 2.0
    assert noise.sigma(3) == 1.0
    assert noise.sigma(10) == 0.0
    gradients = torch.zeros(2, 200, 200)
    noise.add([gradients], [Seed(0, 0, 1), Seed(0, 0, 2)], 3, stacked=True)
    assert gradients.std().item() == pytest.approx(1.0, abs=0.02)
    assert torch.corrcoef(gradients.flatten(1))[0, 1].abs() < 0.05
    alone = torch.zeros(200, 200)
    noise.add([alone, None], [Seed(5, 5, 2)], 3, stacked=False)
    assert torch.equal(alone, gradients[1])
    again = torch.zeros(200, 200)
    noise.add([again], [Seed(5, 5, 2)], 4, stacked=False)
    assert torch.corrcoef(torch.stack([again, alone]).flatten(1))[0, 1].abs() < 0.05


# Held entries


def test_held_entries_stay_where_they_are_in_every_seed(verses, tmp_path):
    runs = fit(experiment(verses, ["asymmetry.Asymmetry"], seeds=3), tmp_path, progress=False)
    for name in ("W_E", "W_U", "blocks.0.attn.W_Q", "blocks.0.mlp.W_in"):
        values = torch.stack([run.weights[name] for run in runs])
        equal = (values == values[0]).all(0)
        fan = {"W_E": -1, "W_U": -2, "blocks.0.attn.W_Q": -3, "blocks.0.mlp.W_in": -2}[name]
        assert (equal.sum(fan) == 2).all(), name
        assert values[0][equal].std() == pytest.approx(0.5, rel=0.5)


def test_no_two_neurons_hold_the_same_entries(verses):
    task = build_task(verses["class_path"], verses["init_args"])
    asked = experiment(verses, [])
    seeds = asked.seeds
    block = make_block([seed_model(asked, seed, task) for seed in seeds])
    module = BlockModule(asked, seeds, block, task, {})
    entries = Asymmetry(fixed=3, size=1.0).entries(module)
    for each in entries:
        assert each.fixed.shape == each.values.shape[1:]
        at = torch.where(each.fixed, each.at, 0.0).movedim(each.fan, -1).flatten(0, -2)
        assert (at.ne(0).sum(1) == 3).all()
        assert len(at.unique(dim=0)) == len(at)


# Averages


def test_the_mean_by_hand():
    average = TrajectoryAverage(start=2)
    weight = torch.zeros(1)
    for step, value in enumerate([5.0, 7.0, 1.0, 2.0, 6.0], start=1):
        weight.fill_(value)
        average.take({"w": weight}, step, last=5)
    assert weight.item() == pytest.approx(3.0)


def test_the_last_evaluation_sees_the_mean_and_those_before_do_not(verses, tmp_path):
    name = "trajectory_average.TrajectoryAverage"
    averaged = fit(experiment(verses, [name], seeds=1), tmp_path, progress=False)[0]
    plain = fit(experiment(verses, [], seeds=1), tmp_path, progress=False)[0]
    one, other = (r.metrics.column("held_out_loss").to_pylist() for r in (averaged, plain))
    assert one[:-1] == other[:-1]
    assert one[-1] != other[-1]


# Mistakes


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("asymmetry.Asymmetry", {"fixed": 0}, "fixed: wanted at least 1"),
        ("asymmetry.Asymmetry", {"size": 0.0}, "size: wanted a finite number"),
        ("asymmetry.Asymmetry", {"fixed": 8}, "fixed: wanted at most"),
        ("noise_annealing.NoiseAnnealing", {"size": -1.0}, "size: wanted a finite number"),
        ("noise_annealing.NoiseAnnealing", {"stop": 0}, "stop: wanted"),
        ("trajectory_average.TrajectoryAverage", {"start": -1}, "start: wanted 0"),
        ("trajectory_average.TrajectoryAverage", {"start": 12}, "start: wanted below 12"),
        ("data_made_start.DataMadeStart", {"size": 0.0}, "size: wanted a finite number"),
        ("shared_start.SharedStart", {"seed": -1}, "0 or more"),
    ],
)
def test_mistakes_are_named(name, arguments, message, verses, tmp_path):
    with pytest.raises(ValueError, match=message):
        fit(experiment(verses, [name], **arguments), tmp_path, progress=False)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
@pytest.mark.parametrize(
    ("callback", "argument"),
    [
        (NoiseAnnealing, "size"),
        (NoiseAnnealing, "power"),
        (Asymmetry, "size"),
        (data_made_start.DataMadeStart, "size"),
        (data_made_start.DataMadeStart, "smoothing"),
    ],
)
def test_numbers_that_are_not_finite_are_refused(callback, argument, value):
    needed = {NoiseAnnealing: {"size": 1.0, "stop": 3}, Asymmetry: {"fixed": 1, "size": 1.0}}
    with pytest.raises(ValueError, match=f"^{argument}: wanted a finite number"):
        callback(**{**needed.get(callback, {}), argument: value})


@pytest.mark.parametrize("name", ["asymmetry.Asymmetry", "trajectory_average.TrajectoryAverage"])
def test_a_model_that_retracts_is_refused(name, tmp_path, toy):
    part = {"class_path": f"training.switches.{name}", "init_args": ALL[name]}
    with pytest.raises(ValueError, match="OwnLoss retracts"):
        fit(toy("OwnLoss", callbacks=[part]), tmp_path, progress=False)
