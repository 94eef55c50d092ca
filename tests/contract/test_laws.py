"""Every law of the contract, for every registered layer and model, in every example config."""

import pytest
import torch
from registered_examples import call, cases, example, inputs, parameters

from interpretable_arch import laws
from interpretable_arch.edits import Edit, edited
from interpretable_arch.layers.written_out import write_out
from interpretable_arch.symmetries.groups import Permutation

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


@cases
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_parts_sum_to_forward(name, which, training, dtype):
    torch.set_default_dtype(dtype)
    try:
        model = example(name, which).train(training)
        x = inputs(model)
        parts = model.decompose(x)
        assert parts.relative_error(model(x)) <= TOLERANCE[dtype]
        stacked = torch.stack([c.value() for c in parts.components]).sum(0)
        torch.testing.assert_close(stacked, parts.total(), rtol=1e-5, atol=1e-5)
    finally:
        torch.set_default_dtype(torch.float32)


@cases
def test_parts_ignore_batch_mates_and_order(float64, name, which):
    model = example(name, which).eval()
    x = inputs(model)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    whole, shuffled, alone = model.decompose(x), model.decompose(x[order]), model.decompose(x[2:3])
    for component in whole.components:
        value = component.value()
        torch.testing.assert_close(value[order], shuffled[component.name].value())
        torch.testing.assert_close(value[2:3], alone[component.name].value())


@cases
def test_padding_changes_no_real_position(float64, name, which):
    model = example(name, which).eval()
    x = inputs(model)
    if not getattr(model, "causal", False):
        pytest.skip("takes no sequence")
    padded = x.clone()
    padded[:, 3:] = inputs(model, seed=2)[:, 3:]
    real, other = model.decompose(x), model.decompose(padded)
    for component in real.components:
        torch.testing.assert_close(component.value()[:, :3], other[component.name].value()[:, :3])
    torch.testing.assert_close(model(x[:, :3]), model(x)[:, :3])


@cases
def test_sampled_element_leaves_forward_unchanged(float64, name, which, generator):
    model = example(name, which).eval()
    x, values, symmetry = inputs(model), parameters(model), model.symmetry()
    for _ in range(3):
        moved = symmetry.act(symmetry.sample(generator), values)
        before, after = call(model, values, x), call(model, moved, x)
        assert float((after - before).norm() / before.norm()) <= 1e-10
        if symmetry.continuous_dimension or symmetry.log_order:
            assert any(not torch.allclose(moved[n], values[n]) for n in values)


@cases
def test_inverse_undoes(float64, name, which, generator):
    model = example(name, which)
    values, symmetry = parameters(model), model.symmetry()
    element = symmetry.sample(generator)
    back = symmetry.act(symmetry.inverse(element), symmetry.act(element, values))
    for n, value in values.items():
        torch.testing.assert_close(back[n], value)


@cases
def test_align_recovers_a_planted_element(float64, name, which):
    model = example(name, which)
    assert laws.unaligned(model, inputs(model)) <= 1e-8


@cases
def test_canonical_form_agrees_for_a_transformed_copy(float64, name, which, generator):
    model = example(name, which)
    values, symmetry = parameters(model), model.symmetry()
    first = symmetry.canonical(values)
    second = symmetry.canonical(symmetry.act(symmetry.sample(generator), values))
    for n, value in first.items():
        torch.testing.assert_close(second[n], value, rtol=1e-7, atol=1e-8)
    other = symmetry.canonical(parameters(example(name, which, seed=5)))
    assert any(not torch.allclose(other[n], v, atol=1e-3) for n, v in first.items())
    if symmetry.invariants is None:
        x = inputs(model)
        torch.testing.assert_close(call(model, first, x), call(model, values, x))


@cases
def test_interpretation_is_named_and_invariant(float64, name, which):
    model = example(name, which).eval()
    assert laws.reading_gap(model, inputs(model)) <= 1e-8


@cases
def test_no_feature_has_the_name_of_a_part_that_may_change_places(float64, name, which):
    """Features count such units by rank, in canonical order; parts and edits in the model's own."""
    model = example(name, which).eval()
    if not any(isinstance(f.group, Permutation) for f in model.symmetry().factors):
        pytest.skip("every part has its place")
    read = model.interpretation()
    units = tuple(f"{n}." for n, site in model.sites().items() if site.index is not None)
    nodes = () if read.graph is None else read.graph.nodes
    names = [*(f.name for f in read.features), *nodes]
    assert not [n for n in names if f"{n}.".startswith(units)]


@cases
@pytest.mark.parametrize("verb", ["ablate", "scale", "swap", "pin"])
def test_edits_change_and_are_undone(float64, name, which, verb):
    model = example(name, which).eval()
    x = inputs(model)
    before = model(x)
    for component in list(model.sites())[:4]:
        edit = {
            "ablate": Edit.ablate(component),
            "scale": Edit.scale(component, 0.5),
            "swap": Edit.swap(component, inputs(model, seed=9)),
            "pin": Edit.pin(component, 2.0),
        }[verb]
        with edited(model, Edit.from_mapping(edit.to_mapping())):
            during = model(x)
        position = component == "pos_embed" and verb == "swap"
        assert torch.allclose(during, before) == position
        torch.testing.assert_close(model(x), before, rtol=0, atol=0)


@cases
def test_direct_effect_is_the_part_itself(float64, name, which):
    model = example(name, which).eval()
    parts = model.decompose(inputs(model))
    first = parts.names[0]
    torch.testing.assert_close(parts.total() - parts.ablate(first).total(), parts[first].value())
    torch.testing.assert_close(
        parts.scale(first, 3.0).total() - parts.total(), 2 * parts[first].value()
    )
    u = torch.randn(parts.total().shape[-1])
    torch.testing.assert_close(parts.toward(u).sum(-1), parts.total() @ u)


@cases
def test_vmap_over_seeds_equals_one_at_a_time(float64, name, which):
    models = [example(name, which, seed) for seed in range(3)]
    x = inputs(models[0])
    write_out(models[0], True)
    stacked, buffers = torch.func.stack_module_state(models)

    def run(values, state, x):
        return torch.func.functional_call(models[0], (values, state), (x,))

    together = torch.func.vmap(run, in_dims=(0, 0, None))(stacked, buffers, x)
    write_out(models[0], False)
    torch.testing.assert_close(together, torch.stack([m(x) for m in models]))
