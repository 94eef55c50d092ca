"""Monet, both forms: the factored sum over M^2 experts is the sum over M^2 experts."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from interpretable_arch.edits import Edit, edited
from interpretable_arch.layers.monet import Monet, MonetConfig
from interpretable_arch.layers.monet_horizontal import MonetHorizontal
from interpretable_arch.layers.monet_vertical import MonetVertical

FORMS = {"horizontal": MonetHorizontal, "vertical": MonetVertical}
forms = pytest.mark.parametrize("form", FORMS)


def tiny(form: str, keys: int = 4, heads: int = 2, k: int = 2, seed: int = 0) -> Monet:
    torch.manual_seed(seed)
    layer = FORMS[form](MonetConfig(4, keys, heads, k, d_expert=6, std=0.6)).double()
    with torch.no_grad():
        for name, value in layer.named_parameters():
            if name[0] in "ab":
                value.normal_(std=0.5)
    return layer


def expert(layer: Monet, i: int, j: int, token: torch.Tensor) -> torch.Tensor:
    """E_ij with its two matrices and two biases built whole."""
    if isinstance(layer, MonetHorizontal):
        return F.gelu(token @ layer.U[i] + layer.b_1[i]) @ layer.V[j] + layer.b_2[j]
    assert isinstance(layer, MonetVertical)
    U = torch.cat([layer.U_1[i], layer.U_2[j]], 1)
    upper = torch.cat([layer.V_11[i], layer.V_12[i]])
    lower = torch.cat([layer.V_21[j], layer.V_22[j]])
    hidden = F.gelu(token @ U + torch.cat([layer.a_1[i], layer.a_2[j]]))
    return hidden @ torch.cat([upper, lower], 1) + torch.cat([layer.b_1[i], layer.b_2[j]])


def gates_by_hand(router: torch.Tensor, token: torch.Tensor, k: int) -> list[dict[int, float]]:
    """Per head, the gate of each key that is called."""
    out = []
    for head in range(router.shape[1]):
        r = token @ router[:, head]
        chosen = r.argsort(descending=True)[:k]
        out.append(dict(zip(chosen.tolist(), r[chosen].softmax(0), strict=True)))
    return out


def by_hand(layer: Monet, x: torch.Tensor, without: tuple[int, ...] = ()) -> torch.Tensor:
    """One token, one head, one pair of keys after the other; the rows `without` left out."""
    out = torch.zeros_like(x)
    for t, token in enumerate(x):
        firsts, seconds = (gates_by_hand(W, token, layer.config.k) for W in (layer.W_1, layer.W_2))
        for first, second in zip(firsts, seconds, strict=True):
            for i in set(first) - set(without):
                for j in second:
                    out[t] += first[i] * second[j] * expert(layer, i, j, token)
    return out


@settings(deadline=None, max_examples=25)
@given(
    form=st.sampled_from(sorted(FORMS)),
    keys=st.integers(2, 5),
    heads=st.integers(1, 3),
    data=st.data(),
    seed=st.integers(0, 2**16),
)
def test_equals_the_slow_reference_and_itself_under_vmap(form, keys, heads, data, seed):
    k = data.draw(st.integers(2, keys))
    layers = [tiny(form, keys, heads, k, seed + s) for s in range(2)]
    x = torch.randn(5, 4, dtype=torch.float64)
    wanted = torch.stack([by_hand(layer, x) for layer in layers])
    torch.testing.assert_close(torch.stack([layer(x) for layer in layers]), wanted)
    values, buffers = torch.func.stack_module_state(layers)
    together = torch.func.vmap(
        lambda v, b: torch.func.functional_call(layers[0], (v, b), (x,)), in_dims=(0, 0)
    )(values, buffers)
    torch.testing.assert_close(together, wanted)


@forms
def test_gates_of_a_token_sum_to_one_a_head(float64, form):
    layer = tiny(form, heads=3)
    routing = layer.route(torch.randn(50, 4))
    assert routing.experts == layer.experts == 16
    torch.testing.assert_close(routing.gates.sum(-1), torch.full((50,), 3.0))
    torch.testing.assert_close(routing.dense().sum(-1), torch.full((50,), 3.0))


@forms
def test_route_is_the_full_matrix_of_pairs(float64, form):
    layer, x = tiny(form), torch.randn(6, 4)
    dense = layer.route(x).dense()
    for t, token in enumerate(x):
        wanted = torch.zeros(4, 4)
        heads = [gates_by_hand(W, token, 2) for W in (layer.W_1, layer.W_2)]
        for first, second in zip(*heads, strict=True):
            for i, g1 in first.items():
                for j, g2 in second.items():
                    wanted[i, j] += g1 * g2
        torch.testing.assert_close(dense[t], wanted.flatten())
    torch.testing.assert_close(dense, layer.decompose(x).state["hook_gates"])


@forms
def test_a_row_ablated_takes_its_biases_with_it(float64, form):
    """With gates that no longer sum to 1, the authors' shorter sum would leave them behind."""
    layer, x = tiny(form), torch.randn(20, 4)
    with edited(layer, Edit.ablate("first.1")):
        torch.testing.assert_close(layer(x), by_hand(layer, x, without=(1,)))
    rows = layer.decompose(x).grouped(layer.rows())
    torch.testing.assert_close(rows.ablate("first.1").total(), by_hand(layer, x, without=(1,)))


def test_the_shorter_sum_needs_gates_that_sum_to_one(float64):
    layer, x = tiny("horizontal"), torch.randn(10, 4)
    assert isinstance(layer, MonetHorizontal)

    def shorter(scale: float) -> torch.Tensor:
        first, second = layer.key_gates(x, layer.W_1) * scale, layer.key_gates(x, layer.W_2)
        by_second = second.mT @ (first @ layer.read(x))
        return torch.einsum("tjm,jmd->td", by_second, layer.V) + second.sum(-2) @ layer.b_2

    torch.testing.assert_close(shorter(1.0), layer(x))
    halved = by_hand(layer, x) / 2
    assert (shorter(0.5) - halved).norm() > 0.1 * halved.norm()
    with edited(layer, *(Edit.scale(f"first.{i}", 0.5) for i in range(4))):
        torch.testing.assert_close(layer(x), halved)


@forms
def test_one_expert_of_all_pairs_can_be_edited(float64, form):
    layer, x = tiny(form), torch.randn(20, 4)
    gates = layer.route(x).dense()
    called = int(gates.gt(0).sum(0).argmax())
    i, j = divmod(called, 4)
    single = torch.stack([expert(layer, i, j, token) for token in x])
    wanted = by_hand(layer, x) - gates[:, called, None] * single
    with edited(layer, Edit.ablate(f"expert.{called}")):
        torch.testing.assert_close(layer(x), wanted)
    torch.testing.assert_close(layer.decompose(x).ablate(f"expert.{called}").total(), wanted)


@forms
def test_rows_and_columns_are_the_same_sum(float64, form):
    layer, x = tiny(form), torch.randn(7, 4)
    parts = layer.decompose(x)
    for groups in (layer.rows(), layer.columns()):
        torch.testing.assert_close(parts.grouped(groups).total(), layer(x))


class Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that is made."""

    size = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for value in out if isinstance(out, tuple | list) else (out,):
            if isinstance(value, torch.Tensor):
                self.size = max(self.size, value.numel())
        return out


@forms
def test_nothing_is_built_per_pair(form):
    layer = FORMS[form](MonetConfig(8, keys=64, heads=2, k=4, d_expert=2))
    tokens = 32
    with Largest() as largest, torch.no_grad():
        layer(torch.randn(tokens, 8))
    assert 0 < largest.size <= tokens * 64 * 2 * 2
    assert largest.size < tokens * layer.experts / 8


@forms
def test_the_choice_is_deterministic_in_eval_and_in_training(float64, form):
    layer, x = tiny(form), torch.randn(20, 4)
    training = layer.train()(x)
    assert torch.equal(training, layer(x))
    assert torch.equal(training, layer.eval()(x))


@forms
def test_every_parameter_learns(float64, form):
    layer = FORMS[form](MonetConfig(8, keys=4, heads=2, k=2)).double()
    layer(torch.randn(128, 8)).square().sum().backward()
    assert all(p.grad.any() for p in layer.parameters())


@pytest.mark.parametrize("k", [0, 1, 9])
def test_k_must_fit_the_keys(k):
    with pytest.raises(ValueError, match=f"k: wanted 2 to keys = 8, got {k}"):
        MonetConfig(d_model=4, keys=8, k=k)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="heads: wanted at least 1, got 0"):
        MonetConfig(d_model=4, heads=0)
    with pytest.raises(ValueError, match="d_expert: wanted at least 1, got 0"):
        MonetConfig(d_model=4, keys=32)
    with pytest.raises(ValueError, match="d_model: wanted an even number, got 5"):
        MonetVertical(MonetConfig(d_model=5, keys=4, d_expert=2))
    with pytest.raises(ValueError, match="d_expert: wanted an even number, got 3"):
        MonetVertical(MonetConfig(d_model=4, keys=4, d_expert=3))


def test_the_vertical_form_alone_fixes_the_basis():
    assert not getattr(MonetHorizontal, "fixes_basis", False)
    assert MonetVertical.fixes_basis
    assert not hasattr(MonetVertical, "residual_actions")
