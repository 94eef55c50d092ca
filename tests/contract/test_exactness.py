"""The promise of each decomposition: which it is, and that it is kept, inside edits too."""

import pytest
import torch
from registered_examples import cases, example, inputs

from interpretable_arch.edits import Edit, edited
from interpretable_arch.hooks import overridden, state_share
from interpretable_arch.registry import ENTRIES

# Only an output that is a polynomial of the weights is exact without holding anything.
UNCONDITIONAL = {
    "bilinear",
    "spline",
    "quadratic_layer",
    "quadratic_form",
    "group_representation",
    "group_orthogonal",
    "hypercube",
    "rational_signal",
    "rational_signal_descent",
    "additive",
    "curved_embedding",  # a part a factor; of one factor it is one part
    "curved_descent",
}
UNCONDITIONAL_EXAMPLES = {"feedforward-bilinear"}
GIVEN = {
    "attention": {"hook_pattern"},
    "mlp": {"hook_post"},
    "mlp_tanh": {"hook_post"},
    "mixture": {"hook_gates", "hook_post"},
    "mxd": {"hook_gates", "hook_post"},
    "monet_horizontal": {"hook_gates", "hook_post"},
    "monet_vertical": {"hook_gates", "hook_post"},
    "peer": {"hook_gates", "hook_post"},
    "senses": {"hook_post"},
    "row_senses": {"hook_alpha", "hook_post"},
    "operator_senses": {"hook_amplitude", "hook_post"},
    "density_senses": {"hook_amplitude", "hook_post"},
    "solu": {"hook_post"},
    "codebook": {"hook_codes"},
    "abs_topk": {"hook_read", "hook_write", "layer.hook_post"},
    "block": {"ln1.hook_scale", "attn.hook_pattern", "hook_mlp_out"},
    "transformer": {"hook_scale", "hook_pattern", "hook_mlp_out"},
    "attention_only": {"hook_pattern"},
    "backpack": {"hook_alpha"},
    "sense_softmax": {"hook_posterior"},
    "meaning_prototypes": {"hook_scale", "hook_pattern", "hook_mlp_out"},
    "lsrdr": {"hook_state"},
    "operator_embedding": {"hook_state"},
    "spectral_automaton": {"hook_state", "hook_floor"},
    "context_mixture": {"hook_gate"},
    "sense_tensor": {"hook_posterior"},
    "latent_class_em": {"hook_posterior"},
    "kan": {"layers.0.hook_out"},
    "feedforward": {"hook_read.1"},
    "sparse_autoencoder": {"hook_active"},
    "group_mlp": {"hook_post"},
    "group_transformer": {"hook_scale", "hook_pattern", "hook_mlp_out"},
    "quantum_channel": {"hook_state"},
    "quantum_channel_likelihood": {"hook_state"},
}

# A free remainder closes the sum; its share is measured, and the state held is that of both.
REMAINDER = {"core_remainder": {"hook_gate", "hook_scale", "hook_pattern", "hook_mlp_out"}}


def test_the_table_names_every_entry():
    tables = (UNCONDITIONAL, set(GIVEN), set(REMAINDER))
    assert set().union(*tables) == set(ENTRIES)
    assert sum(map(len, tables)) == len(ENTRIES)


@cases
def test_the_promise_is_no_stronger_than_it_may_be(float64, name, which):
    model = example(name, which).eval()
    parts = model.decompose(inputs(model))
    if name in UNCONDITIONAL or f"{name}-{which}" in UNCONDITIONAL_EXAMPLES:
        assert parts.exactness.tier == "unconditional"
        assert not parts.state
        return
    assert parts.exactness.tier == ("remainder" if name in REMAINDER else "given")
    assert (parts.exactness.share is not None) == (name in REMAINDER)
    assert set(parts.exactness.state) == set(parts.state)
    kinds = {n.rpartition(".")[2] for n in parts.state} | set(parts.state)
    assert kinds >= (GIVEN | REMAINDER)[name]


@cases
def test_state_held_at_its_own_values_changes_nothing_and_at_others_does(float64, name, which):
    model = example(name, which).eval()
    x = inputs(model)
    parts = model.decompose(x)
    state = parts.state
    with overridden(model, {n: lambda _, v=v: v for n, v in state.items()}):
        torch.testing.assert_close(parts.in_quantity(model(x)), model.decompose(x).total())
        held = model(x)
    torch.testing.assert_close(held, model(x))
    assert not state or 0 < state_share(model, x, state) < 100


@cases
@pytest.mark.parametrize("verb", ["ablate", "scale"])
@torch.no_grad()
def test_parts_sum_to_the_edited_forward(float64, name, which, verb):
    model = example(name, which).eval()
    x = inputs(model)
    for component in list(model.sites())[:4]:
        edit = Edit.ablate(component) if verb == "ablate" else Edit.scale(component, 0.5)
        with edited(model, edit):
            parts = model.decompose(x)
            forward = parts.in_quantity(model(x))
        # Absolute: without its only embedding a model may well answer nothing but zeros.
        assert float((parts.total() - forward).norm()) <= 1e-10 * max(1.0, float(forward.norm()))
        assert float((model.decompose(x).total() - forward).norm()) > 1e-6


@cases
@torch.no_grad()
def test_with_its_state_held_the_output_is_affine_in_every_part(float64, name, which):
    """Half of a part gives half of what all of it gives: no state that matters was left out."""
    model = example(name, which).eval()
    x = inputs(model)
    parts = model.decompose(x)
    hold = {n: lambda _, v=v: v for n, v in parts.state.items()}
    for component in model.sites():
        values = []
        for factor in (0.0, 0.5, 1.0):
            with overridden(model, hold), edited(model, Edit.scale(component, factor)):
                values.append(parts.in_quantity(model(x)))
        none, half, whole = values
        torch.testing.assert_close(half, (none + whole) / 2)


@cases
def test_several_batch_axes(float64, name, which):
    model = example(name, which).eval()
    x = inputs(model)
    parts = model.decompose(x.unflatten(0, (2, 3)))
    wanted = parts.in_quantity(model(x))
    torch.testing.assert_close(parts.total(), wanted.unflatten(0, (2, 3)))
