"""Planted permutations are recovered: the golden numbers, 49 of 50 or more."""

from dataclasses import replace

import pytest
import torch
from dense_models import NARROW, WIDE, dense, symmetry_of

from analysis.stability.weights import planted
from analysis.stability.weights.planted import planted_recovery
from interpretable_arch.alignment.descent import Aligned, align
from interpretable_arch.registry import build
from interpretable_arch.symmetry import weights


@pytest.mark.parametrize("widths", [WIDE, NARROW], ids=str)
def test_both_nets_are_recovered_49_of_50_times(float64, widths):
    score = planted_recovery(symmetry_of(widths), lambda trial: dense(widths, trial), trials=50)
    assert score.estimate >= 49 / 50
    assert score.high == 1


def test_noise_does_not_hide_them(float64):
    symmetry = symmetry_of(NARROW)
    score = planted_recovery(symmetry, lambda trial: dense(NARROW, trial), trials=50, noise=0.3)
    assert score.estimate >= 49 / 50


def test_plain_weight_matching_from_the_identity_fails_on_the_narrow_net(float64, generator):
    """Why starts and keys are needed: without them few of fifty are found."""
    symmetry = symmetry_of(NARROW)
    plain = replace(symmetry, factors=tuple(replace(f, key=None) for f in symmetry.factors))
    found = 0
    for trial in range(50):
        here = dense(NARROW, trial)
        copy = symmetry.act(symmetry.sample(generator), here)
        found += align(here, copy, plain, starts=[("as it is", ())]).distance < 1e-6
    assert found <= 25


def _transformer(seed: int):
    torch.manual_seed(seed)
    sizes = {"d_model": 32, "layers": 2, "heads": 4, "std": 0.2}
    return build("transformer", sizes, {"vocab": 40, "context": 16}).double()


def test_heads_and_units_of_a_two_layer_transformer_are_recovered_49_of_50_times():
    symmetry = _transformer(0).symmetry()
    score = planted_recovery(symmetry, lambda trial: weights(_transformer(trial)), trials=50)
    assert score.estimate >= 49 / 50


def test_what_cannot_be_found_is_not_counted(float64):
    """With keys that say nothing and no descent worth making, nothing is found."""
    symmetry = symmetry_of((3, 12, 2))
    blind = replace(symmetry, factors=tuple(replace(f, key=_nothing) for f in symmetry.factors))
    found = planted_recovery(blind, lambda trial: _alike(trial), trials=5, noise=0.0)
    assert found.estimate == 1  # units all alike: every element does the same


def _nothing(parameters):
    return torch.zeros(12, 1)


def _alike(trial: int):
    here = dense((3, 12, 2), trial)
    return {"W0": here["W0"][:, :1].expand(3, 12), "W1": here["W1"][:1].expand(12, 2)}


def test_no_trials_is_refused():
    with pytest.raises(ValueError, match="trials"):
        planted_recovery(symmetry_of((2, 3, 1)), lambda trial: dense((2, 3, 1), trial), trials=0)


def test_a_wrong_order_of_small_units_is_no_recovery_beside_one_large_tensor(monkeypatch):
    """A tensor that nothing moves, a thousand times as large, must not hide a wrong permutation."""
    widths = (4, 200, 2)
    symmetry = symmetry_of(widths)

    def here(trial: int):
        small = {n: 1e-4 * v for n, v in dense(widths, trial).items()}
        return {**small, "extra": torch.full((100, 100), 10.0)}

    def nothing(*_, **__):
        return Aligned((), 0.0, ())

    assert planted_recovery(symmetry, here, trials=2).estimate == 1
    monkeypatch.setattr(planted, "align", nothing)
    assert planted_recovery(symmetry, here, trials=2).estimate == 0
