"""Every law of the contract, for every registered layer and model, in every example config."""

import numpy as np
import pytest
import torch
from torch import nn

from interpretable_arch.edits import Edit, edited
from interpretable_arch.hooks import state_share
from interpretable_arch.layers.attention import write_out
from interpretable_arch.registry import ENTRIES

CASES = [(name, example) for name, entry in ENTRIES.items() for example in entry.examples()]
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def example(name: str, which: str, seed: int = 0) -> nn.Module:
    """The example model at a random point: no parameter is left at zero."""
    _, model = ENTRIES[name].load()
    torch.manual_seed(seed)
    built = model(ENTRIES[name].examples()[which])
    with torch.no_grad():
        for parameter in built.parameters():
            if not parameter.any():
                parameter.normal_(std=0.3)
    return built.to(torch.get_default_dtype())


def inputs(model: nn.Module, count: int = 6, seed: int = 1) -> torch.Tensor:
    return model.example_inputs(count, torch.Generator().manual_seed(seed))


def parameters(model: nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in model.state_dict().items()}


def call(model: nn.Module, values: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    return torch.func.functional_call(model, values, (x,))


cases = pytest.mark.parametrize(("name", "which"), CASES)


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


def corank(name: str, which: str, seed: int) -> int:
    model = example(name, which, seed).eval()
    write_out(model, True)
    values = {n: p.detach() for n, p in model.named_parameters()}
    size = sum(v.numel() for v in values.values())
    count = 40 + 3 * size // call(model, values, inputs(model, 1)).numel()
    x = inputs(model, count)
    rows = torch.func.jacrev(lambda v: call(model, v, x).flatten(), chunk_size=256)(values)
    jacobian = torch.cat([r.flatten(1) for r in rows.values()], 1)
    assert jacobian.shape[0] > jacobian.shape[1]
    spectrum = torch.linalg.svdvals(jacobian / jacobian.norm(dim=0).clamp_min(1e-30))
    return size - int((spectrum > 1e-9 * spectrum[0]).sum())


@cases
def test_declared_dimension_is_the_corank_of_the_jacobian(float64, name, which):
    declared = example(name, which).symmetry().continuous_dimension
    # ReLU gates and routers are shut for all inputs on open sets of parameters, where more
    # directions are flat; the symmetry of the whole function is the least corank.
    coranks = []
    for seed in range(12):
        coranks.append(corank(name, which, seed))
        if coranks[-1] <= declared:
            break
    assert min(coranks) == declared, coranks


@cases
def test_align_recovers_a_planted_element(float64, name, which, generator):
    model = example(name, which)
    values, symmetry = parameters(model), model.symmetry()
    for _ in range(3):
        planted = symmetry.act(symmetry.sample(generator), values)
        assert symmetry.distance(values, planted) <= 1e-8


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
def test_interpretation_is_named_and_invariant(float64, name, which, generator):
    model = example(name, which).eval()
    first = model.interpretation()
    names = [f.name for f in first.features]
    assert len(set(names)) == len(names)
    symmetry = model.symmetry()
    moved = symmetry.act(symmetry.sample(generator), parameters(model))
    model.load_state_dict(moved)
    second = model.interpretation()
    assert second.label == first.label
    assert [f.name for f in second.features] == names
    np.testing.assert_allclose(
        [f.value for f in second.features], [f.value for f in first.features], atol=1e-8
    )


@cases
def test_formulas_run_on_their_own(float64, name, which):
    model = example(name, which).eval()
    for formula in model.interpretation().formulas:
        x = inputs(model)
        columns = {n: x[:, i : i + 1].numpy() for i, n in enumerate(formula.inputs)}
        got, wanted = formula.evaluate(**columns), model(x).detach().numpy()
        assert np.abs(got - wanted).max() <= formula.error + 1e-10


@cases
def test_state_is_named_recorded_and_matters(float64, name, which):
    model = example(name, which).eval()
    x = inputs(model)
    parts = model.decompose(x)
    if parts.exactness.tier != "given":
        pytest.skip(f"keeps {parts.exactness}")
    assert set(parts.exactness.state) == set(parts.state) != set()
    share = state_share(model, x, parts.exactness.state)
    assert 0 < share < 100


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
