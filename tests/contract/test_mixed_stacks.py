"""Ten stacks of three blocks whose layers are drawn at random: parts still sum to the output."""

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpretable_arch import Edit, build, edited
from interpretable_arch.layers.written_out import write_out

EXPERTS = {"experts": 3, "k": 2, "d_expert": 3}
KEYS = {"keys": 2, "heads": 2, "k": 2}
LAYERS: dict[str, dict[str, Any]] = {
    "mlp": {"d_mlp": 5},
    "mlp_tanh": {"d_mlp": 5},
    "solu": {"d_mlp": 5},
    "bilinear": {"d_hidden": 5},
    "quadratic_layer": {},
    "spline": {"grid": 3},
    "codebook": {"codes": 4, "k": 2},
    "abs_topk": {"k": 3, "layer": {"class_path": "mlp", "init_args": {"d_mlp": 5}}},
    "mixture": EXPERTS,
    "mxd": {"experts": 4, "k": 2, "d_mlp": 3},
    "monet_horizontal": {**KEYS, "d_expert": 2},
    "monet_vertical": {**KEYS, "d_expert": 2},
    "peer": {"keys": 3, "heads": 2, "k": 2, "d_key": 2},
    "row_senses": {"senses": 2, "d_hidden": 5},
    "operator_senses": {"senses": 2, "d_hidden": 5},
    "density_senses": {"senses": 2, "d_hidden": 5},
}
SIZES = {"vocab": 7, "context": 5}
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}

stacks = st.lists(st.sampled_from(sorted(LAYERS)), min_size=3, max_size=3)


def stack(names: list[str], positions: str, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    parts = [{"class_path": n, "init_args": LAYERS[n]} for n in names]
    given = {"d_model": 4, "heads": 2, "layers": 3, "std": 0.5, "positions": positions}
    return build("transformer", {**given, "mlp": parts}, SIZES)


def tokens(seed: int) -> torch.Tensor:
    shape = (4, SIZES["context"])
    return torch.randint(SIZES["vocab"], shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=10, deadline=None, derandomize=True)
@given(stacks, st.sampled_from(["learned", "rotary"]), st.integers(0, 99))
def test_parts_of_a_mixed_stack_sum_to_its_output(names, positions, seed):
    for dtype, tolerance in TOLERANCE.items():
        model = stack(names, positions, seed).to(dtype)
        x = tokens(seed)
        assert model.decompose(x).relative_error(model(x)) <= tolerance


@settings(max_examples=10, deadline=None, derandomize=True)
@given(stacks, st.integers(0, 99))
@torch.no_grad()
def test_a_mixed_stack_keeps_the_other_laws(names, seed):
    model = stack(names, "learned", seed).double().eval()
    x, symmetry = tokens(seed), model.symmetry()
    values = {n: p.clone() for n, p in model.state_dict().items()}
    element = symmetry.sample(torch.Generator().manual_seed(seed))
    moved = symmetry.act(element, values)
    torch.testing.assert_close(torch.func.functional_call(model, moved, (x,)), model(x))
    before = model(x)
    write_out(model, True)
    torch.testing.assert_close(model(x), before)
    for component in ("blocks.1.mlp", "blocks.2.attn.head.1"):
        with edited(model, Edit.ablate(component)):
            parts = model.decompose(x)
            torch.testing.assert_close(parts.total(), model(x))
            assert not torch.allclose(model(x), before)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(stacks)
def test_a_mixed_stack_runs_under_vmap(names):
    models = [stack(names, "learned", seed) for seed in range(2)]
    write_out(models[0], True)
    stacked, buffers = torch.func.stack_module_state(models)
    x = tokens(0)

    def run(values, state):
        return torch.func.functional_call(models[0], (values, state), (x,))

    together = torch.func.vmap(run)(stacked, buffers)
    torch.testing.assert_close(together, torch.stack([m(x) for m in models]))


def test_the_promise_names_every_layer_that_set_it():
    parts = stack(["mlp", "mixture", "mlp"], "learned", 0).decompose(tokens(0))
    assert str(parts.exactness).startswith("GIVEN(")
    assert parts.exactness.set_by == ("blocks.0", "blocks.1", "blocks.2", "ln_final")
