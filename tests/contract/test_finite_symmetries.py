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
PRODUCT = 3 * TWO  # two factors: their swap and a sign each, which what they write undoes
LOG_ORDER = {
    "attention-plain": TWO + 4 * TWO,
    "attention-rotary": TWO + 2 * TWO,  # complex scales are connected
    "attention-bias": TWO + 4 * TWO,
    "mlp-plain": math.log(720),
    "mlp-bias": math.log(720),
    "mlp_tanh-plain": math.log(720),
    "mlp_tanh-bias": math.log(720),
    "mxd-plain": math.log(120) + math.log(6) + 3 * TWO,
    "mxd-every": math.log(24) + math.log(6) + 3 * TWO,
    "monet_horizontal-plain": TWO + 2 * math.log(6) + TWO,
    "monet_vertical-plain": TWO + 2 * math.log(6) + 2 * TWO,
    "peer-plain": TWO + TWO + 2 * math.log(6) + 2 * TWO,
    "mixture-plain": 4 * math.log(6),
    "mixture-loss": 4 * math.log(6),
    "mixture-switch": 4 * math.log(6),
    "mixture-sigmoid": 4 * math.log(6),
    "mixture-unbalanced": 4 * math.log(6),
    "senses-plain": math.log(120),
    "row_senses-plain": math.log(6) + math.log(120),
    "operator_senses-plain": math.log(120) + TWO,
    "operator_senses-full": math.log(24) + TWO,
    "density_senses-plain": math.log(120) + TWO,
    "density_senses-full": math.log(24) + TWO,
    "solu-plain": math.log(720),
    "solu-bias": math.log(720),
    "codebook-plain": math.log(120),
    "abs_topk-plain": math.log(720),
    "abs_topk-bias": math.log(720),
    "block-plain": 5 * TWO + NEURONS,
    "transformer-learned": TWO + 2 * (5 * TWO + NEURONS),
    "transformer-tied": TWO + 5 * TWO + NEURONS,
    "transformer-bias": TWO + 5 * TWO + NEURONS,
    "transformer-mixture": TWO + 5 * TWO + 4 * math.log(6),
    "transformer-mixed": TWO + 2 * 5 * TWO + math.log(6 * 2**3 * 4**3) + TWO + math.log(6),
    "transformer-splines": math.log(24) + 5 * TWO,
    "transformer-rotary": TWO + 2 * (3 * TWO + NEURONS),
    "backpack-plain": TWO + TWO + 2 * TWO + math.log(24) + 5 * TWO + math.log(6),
    "sense_softmax-plain": TWO + 7 * math.log(6) + 5 * TWO + math.log(6),
    "meaning_prototypes-plain": TWO + 5 * TWO + NEURONS + 7 * math.log(6),
    "sense_tensor-plain": math.log(6),
    "sense_tensor-window": math.log(2),
    "latent_class_em-plain": math.log(6),
    "spline-extend": 0.0,
    "spline-clamp": 0.0,
    "lsrdr-plain": TWO,  # complex conjugation of all tokens
    "lsrdr-wide": TWO,
    "operator_embedding-plain": TWO,
    "operator_embedding-wide": TWO,
    "context_mixture-plain": 0.0,
    "context_mixture-witten_bell": 0.0,
    "core_remainder-plain": TWO + 5 * TWO + NEURONS,
    "additive-mains": 0.0,
    "additive-pairs": 0.0,
    "additive-value": 0.0,
    "kan-extend": math.log(6) + 3 * TWO,  # silu(x) - silu(-x) = x, so that signs are free
    "kan-clamp": TWO,
    "kan-deep": 2 * (TWO + 2 * TWO),
    "bilinear-plain": math.log(6) + 3 * PRODUCT,
    "bilinear-bias": math.log(6) + 3 * PRODUCT,
    "bilinear-rectangular": math.log(24) + 4 * PRODUCT,
    "feedforward-bilinear": math.log(6) + 3 * PRODUCT,
    "feedforward-stack": math.log(6) + 3 * PRODUCT + NEURONS,
    "feedforward-headed": math.log(6) + 3 * PRODUCT + NEURONS,
    "sparse_autoencoder-plain": math.log(720),
    "sparse_autoencoder-narrow": math.log(24),
    "rational_signal-plain": math.log(6),
    "rational_signal-one": 0.0,
    "rational_signal_descent-plain": math.log(6),
    "quadratic_layer-plain": 0.0,
    "quadratic_layer-bias": 0.0,
    "quadratic_layer-rectangular": 0.0,
    "quadratic_form-plain": 0.0,
    "quadratic_form-binary": 0.0,
    "attention_only-one": TWO + 3 * TWO,  # the stream, two heads, an OV circuit in each
    "attention_only-two": TWO + 2 * 3 * TWO,
    "spectral_automaton-plain": 3 * TWO,  # basis, sign of start, sign of operators
    "spectral_automaton-wide": 3 * TWO,
    "group_mlp-plain": math.log(6),
    "group_transformer-plain": TWO + 5 * TWO + NEURONS,
    "group_representation-plain": TWO,
    "group_representation-whole": TWO,
    "group_orthogonal-plain": 0.0,  # d = 3: -1 acts as 1, so that rotations are everything
    "group_orthogonal-whole": TWO,
    "hypercube-plain": 2 * TWO,  # d = 3: three determinants, and -1 everywhere moves nothing
    "hypercube-narrow": 3 * TWO,
    "quantum_channel-plain": TWO,  # all operators conjugated; unitary groups are connected
    "quantum_channel-mixed": TWO,
    "quantum_channel-wide": TWO,
    "quantum_channel_likelihood-plain": TWO,
    "quantum_channel_likelihood-wide": TWO,
    "curved_embedding-disc": TWO,  # reflections; the isometries of each factor have two components
    "curved_embedding-sphere": TWO,
    "curved_embedding-plane": TWO,
    "curved_embedding-product": 3 * TWO,
    "curved_embedding-torus": TWO + 2 * TWO,  # and the order of the two circles
    "curved_descent-disc": TWO,
    "curved_descent-product": 2 * TWO,
}

HEADS = {"W_Q": 1, "W_K": 1, "W_V": 1, "W_O": 0, "b_Q": 0}
MLP = {"W_in": 1, "W_out": 0, "b_in": 0}
BILINEAR = [{"W_in": 2, "W_out": 0, "b_in": 1}, {"W_in": 0, "b_in": 0}]
CIRCLES = {"points_S1": 0, "log_radius_S1": 0}
EXPERTS = {"W_r": 1, "W_in": 0, "W_out": 0, "balance": 0}
INSIDE_EXPERTS = {"W_in": 2, "W_out": 1}
ROW_SENSES = [
    {"W_out": 1, "W_K": 1, "W_prior": 1},
    {"W_in": 1, "W_out": 0, "W_K": 0, "W_prior": 0},
]
MONET_HORIZONTAL = [
    {"W_1": 1, "W_2": 1},
    {"W_1": 2, "U": 0, "b_1": 0},
    {"W_2": 2, "V": 0, "b_2": 0},
    {"U": 2, "b_1": 1, "V": 1},
]
MONET_VERTICAL = [
    {"W_1": 1, "W_2": 1},
    {"W_1": 2, "U_1": 0, "a_1": 0, "V_11": 0, "V_12": 0, "b_1": 0},
    {"W_2": 2, "U_2": 0, "a_2": 0, "V_21": 0, "V_22": 0, "b_2": 0},
    {"U_1": 2, "a_1": 1, "V_11": 1, "V_21": 1},
    {"U_2": 2, "a_2": 1, "V_12": 1, "V_22": 1},
]


def under(prefix: str, axes: dict[str, int]) -> dict[str, int]:
    return {prefix + name: axis for name, axis in axes.items()}


def block(prefix: str, *mlps: dict[str, int]) -> list[dict[str, int]]:
    return [under(f"{prefix}attn.", HEADS), *(under(f"{prefix}mlp.", m) for m in mlps or (MLP,))]


def transformer(which: str) -> list[dict[str, int]]:
    """Its units, block by block; coordinates are units where a layer fixes the basis."""
    mlps: dict[str, list[list[dict[str, int]]]] = {
        "learned": [[MLP], [MLP]],
        "rotary": [[MLP], [MLP]],
        "mixture": [[EXPERTS, INSIDE_EXPERTS]],
        "mixed": [BILINEAR, ROW_SENSES],
        "splines": [[{}]],
    }
    found = [u for i, m in enumerate(mlps.get(which, [[MLP]])) for u in block(f"blocks.{i}.", *m)]
    return [u for u in found if u]


def kan(layer: int) -> dict[str, int]:
    reads = {"W_b": 0, "C": 0, "ends": 0, "seen": 0, "off_grid": 0}
    return under(f"layers.{layer}.", {"W_b": 1, "C": 2}) | under(f"layers.{layer + 1}.", reads)


def units(name: str, which: str) -> list[dict[str, int]]:
    """Per kind of unit, the axis of each tensor that indexes it."""
    senses = {"W_Q": 1, "W_K": 1, "senses.W_out": 1}
    return {
        "attention": [HEADS],
        "mlp": [MLP],
        "mlp_tanh": [MLP],
        "mixture": [EXPERTS, INSIDE_EXPERTS],
        "mxd": [{"G": 1, "b": 0, "C": 0}, {"E": 1, "D": 0}],
        "monet_horizontal": MONET_HORIZONTAL,
        "monet_vertical": MONET_VERTICAL,
        "peer": [{"W_Q": 2}],
        "senses": [MLP],
        "row_senses": ROW_SENSES,
        "operator_senses": [
            {"W_read": 1, "W_write": 1},
            {"W_in": 1, "W_read": 0, "W_write": 0},
        ],
        "density_senses": [{"W_A": 1}, {"W_in": 1, "W_A": 0}],
        "solu": [MLP],
        "codebook": [{"C": 0, "idle": 0}],
        "abs_topk": [under("layer.", MLP)],
        "block": block(""),
        "transformer": transformer(which) if name == "transformer" else [],
        "backpack": [senses, under("senses.", MLP), *block("blocks.0.")],
        "spline": [],
        "lsrdr": [],
        "operator_embedding": [],
        "context_mixture": [],
        "core_remainder": block("remainder.blocks.0."),
        "additive": [],
        "kan": [kan(i) for i in range(2 if which == "deep" else 1)],
        "bilinear": BILINEAR,
        "feedforward": {
            "bilinear": [under("head.", u) for u in BILINEAR],
            "stack": [*(under("layers.0.", u) for u in BILINEAR), under("layers.1.", MLP)],
            "headed": [under("layers.0.", MLP), *(under("head.", u) for u in BILINEAR)],
        }.get(which, []),
        "attention_only": [
            under(f"blocks.{i}.attn.", HEADS) for i in range(1 if which == "one" else 2)
        ],
        "sparse_autoencoder": [{"W_enc": 1, "b_enc": 0, "W_dec": 0}],
        "rational_signal": [{"poles": 0, "residues": 0}] if which == "plain" else [],
        "rational_signal_descent": [{"poles": 0, "residues": 0}],
        "quadratic_layer": [],
        "quadratic_form": [],
        "sense_softmax": [{"D": 0}, *block("blocks.0.")],
        "meaning_prototypes": [{"M": 0}, *block("body.blocks.0.")],
        "group_mlp": [{"E_a": 1, "E_b": 1, "W_U": 0}],
        "group_transformer": block("body.blocks.0."),
        "spectral_automaton": [],
        "sense_tensor": [{"prior": 0, "evidence": 0, "emission": 0}],
        "latent_class_em": [{"prior": 0, "evidence": 0, "emission": 0}],
        "group_representation": [],
        "group_orthogonal": [],
        "hypercube": [],
        "quantum_channel": [{"K": 1}] if which != "plain" else [],
        "quantum_channel_likelihood": [{"K": 1}] if which != "plain" else [],
        "curved_embedding": [CIRCLES] if which == "torus" else [],
        "curved_descent": [],
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
