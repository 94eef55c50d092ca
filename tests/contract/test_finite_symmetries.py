"""The finite part of each symmetry, by brute force: nothing declared is idle, nothing is missing.

UNITS says by hand, and not from the declaration, on which axes units of one kind are indexed.
"""

import math

import pytest
import torch
from registered_examples import CASES, call, cases, example, inputs, parameters

# Natural log of the number of components; a general linear or orthogonal group has two.
TWO = math.log(2)
NEURONS = math.lgamma(5 + 1)
LOG_ORDER = {
    "attention-plain": TWO + 4 * TWO,
    "attention-rotary": TWO + 2 * TWO,  # complex scales are connected
    "attention-bias": TWO + 4 * TWO,
    "mlp-plain": math.log(720),
    "mlp-bias": math.log(720),
    "mlp_tanh-plain": math.log(720),
    "mlp_tanh-bias": math.log(720),
    "mixture-plain": 4 * math.log(6),
    "senses-plain": math.log(120),
    "block-plain": 5 * TWO + NEURONS,
    "transformer-learned": TWO + 2 * (5 * TWO + NEURONS),
    "transformer-tied": TWO + 5 * TWO + NEURONS,
    "transformer-bias": TWO + 5 * TWO + NEURONS,
    "transformer-mixture": TWO + 5 * TWO + 4 * math.log(6),
    "transformer-rotary": TWO + 2 * (3 * TWO + NEURONS),
    "backpack-plain": TWO + TWO + 2 * TWO + math.log(24) + 5 * TWO + math.log(6),
    "group_mlp-plain": math.log(6),
    "group_transformer-plain": TWO + 5 * TWO + NEURONS,
    "group_representation-plain": TWO,
    "group_representation-whole": TWO,
    "group_orthogonal-plain": 0.0,  # d = 3: -1 acts as 1, so that rotations are everything
    "group_orthogonal-whole": TWO,
}

HEADS = {"W_Q": 1, "W_K": 1, "W_V": 1, "W_O": 0, "b_Q": 0}
MLP = {"W_in": 1, "W_out": 0, "b_in": 0}
EXPERTS = {"W_r": 1, "W_in": 0, "W_out": 0, "balance": 0}
INSIDE_EXPERTS = {"W_in": 2, "W_out": 1}


def under(prefix: str, axes: dict[str, int]) -> dict[str, int]:
    return {prefix + name: axis for name, axis in axes.items()}


def block(prefix: str, *mlps: dict[str, int]) -> list[dict[str, int]]:
    return [under(f"{prefix}attn.", HEADS), *(under(f"{prefix}mlp.", m) for m in mlps or (MLP,))]


def units(name: str, which: str) -> list[dict[str, int]]:
    """Per kind of unit, the axis of each tensor that indexes it."""
    mlps = (EXPERTS, INSIDE_EXPERTS) if which == "mixture" else (MLP,)
    layers = 2 if which in ("learned", "rotary") else 1
    senses = {"W_Q": 1, "W_K": 1, "senses.W_out": 1}
    return {
        "attention": [HEADS],
        "mlp": [MLP],
        "mlp_tanh": [MLP],
        "mixture": [EXPERTS, INSIDE_EXPERTS],
        "senses": [MLP],
        "block": block(""),
        "transformer": [u for i in range(layers) for u in block(f"blocks.{i}.", *mlps)],
        "backpack": [senses, under("senses.", MLP), *block("blocks.0.")],
        "group_mlp": [{"E_a": 1, "E_b": 1, "W_U": 0}],
        "group_transformer": block("body.blocks.0."),
        "group_representation": [],
        "group_orthogonal": [],
    }[name]


@cases
def test_the_finite_part_has_the_expected_order(float64, name, which):
    got = example(name, which).symmetry().log_order
    assert got == pytest.approx(LOG_ORDER[f"{name}-{which}"], abs=1e-12)


@cases
def test_each_finite_factor_alone_moves_parameters_and_not_forward(float64, name, which, generator):
    model = example(name, which).eval()
    x, values, symmetry = inputs(model, 20), parameters(model), model.symmetry()
    for i, factor in enumerate(symmetry.factors):
        if factor.group.dimension:
            continue
        for _ in range(30):
            g = factor.group.sample(factor.copies, generator, torch.float64)
            moved = symmetry.act(((i, g),), values)
            if any(not torch.equal(moved[n], values[n]) for n in values):
                break
        else:
            pytest.fail(f"{factor.name} never moved a parameter")
        torch.testing.assert_close(call(model, moved, x), call(model, values, x))


SWAPS = [(n, w, axes) for n, w in CASES for axes in units(n, w)]


@pytest.mark.parametrize(("name", "which", "axes"), SWAPS)
def test_a_swap_of_two_units_is_covered(float64, name, which, axes):
    model = example(name, which).eval()
    x, values = inputs(model, 20), parameters(model)
    swapped = dict(values)
    for parameter in axes.keys() & values.keys():
        axis = axes[parameter]
        order = torch.arange(values[parameter].shape[axis])
        order[:2] = torch.tensor([1, 0])
        swapped[parameter] = values[parameter].index_select(axis, order)
    assert any(not torch.equal(swapped[n], values[n]) for n in values)
    torch.testing.assert_close(call(model, swapped, x), call(model, values, x))
    assert model.symmetry().distance(values, swapped) <= 1e-8
    assert model.symmetry().distance(swapped, values) <= 1e-8


def test_complex_conjugation_of_all_tokens_is_covered(float64):
    model = example("group_representation", "plain")
    values = parameters(model)
    mirrored = {"tokens": values["tokens"] * torch.tensor([1.0, -1.0])}
    torch.testing.assert_close(call(model, mirrored, inputs(model)), model(inputs(model)))
    assert model.symmetry().distance(values, mirrored) <= 1e-8


def test_a_reflection_of_the_basis_is_covered(float64):
    model = example("group_orthogonal", "whole")
    values = parameters(model)
    reflection = torch.ones(model.config.width)
    reflection[0] = -1
    mirrored = {"tokens": reflection[:, None] * values["tokens"] * reflection}
    torch.testing.assert_close(call(model, mirrored, inputs(model)), model(inputs(model)))
    assert model.symmetry().distance(values, mirrored) <= 1e-8
