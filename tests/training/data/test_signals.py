"""Planted signals: what is drawn, and what is refused."""

import math

import pytest
import torch

from interpretable_arch.maths.signals.hankel_operator import pole_sum
from training.data import build_task
from training.data.signals import Signal, signals


def planted(**arguments) -> tuple[Signal, Signal]:
    task = signals(**arguments)
    assert isinstance(task.train, Signal)
    assert isinstance(task.held_out, Signal)
    return task.train, task.held_out


def test_samples_are_the_sum_of_the_planted_poles():
    train, clean = planted(count=5, samples=50)
    wanted = pole_sum(train.poles, train.residues, torch.arange(50))
    torch.testing.assert_close(torch.view_as_complex(train.targets), wanted, rtol=0, atol=0)
    assert torch.equal(clean.targets, train.targets)
    assert float(train.poles.abs().max()) < 0.9


def test_noise_is_on_what_is_trained_on_and_has_its_size():
    train, clean = planted(samples=4000, noise=0.1)
    gap = (train.targets - clean.targets).square().sum(1).mean().sqrt()
    size = clean.targets.square().sum(1).mean().sqrt()
    assert float(gap / size) == pytest.approx(0.1, rel=0.05)


def test_a_real_signal_is_real():
    train, clean = planted(count=6, real=True, noise=0.1, samples=100)
    assert float(clean.targets[:, 1].abs().max()) < 1e-14
    assert float((train.targets - clean.targets)[:, 1].abs().max()) == 0


def test_the_seed_says_it_all():
    first, again, other = (planted(signal_seed=s)[0] for s in (1, 1, 2))
    assert torch.equal(first.targets, again.targets)
    assert not torch.equal(first.targets, other.targets)


def test_given_poles_are_taken():
    task = build_task("signals", {"poles": [[0.5, 0.5], [-0.1, 0]], "samples": 60})
    assert isinstance(task.train, Signal)
    assert task.train.poles.tolist() == [0.5 + 0.5j, -0.1]


def test_poles_that_are_no_pairs_are_refused():
    with pytest.raises(ValueError, match=r"poles\[0\]: wants a list of 2"):
        build_task("signals", {"poles": [[0.1]]})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"poles": ((0.6, 0.8),)}, "one of radius 1"),
        ({"poles": ((0.1, 0.0), (3.0, 4.0))}, "one of radius 5"),
        ({"poles": ((math.nan, 0.0),)}, "one of radius nan"),
        ({"radius": 1.0}, "radius"),
        ({"count": 0}, "count"),
        ({"count": 3, "real": True}, "even"),
        ({"noise": -1.0}, "noise"),
        ({"samples": 1}, "samples"),
    ],
)
def test_bad_arguments_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        signals(**arguments)
