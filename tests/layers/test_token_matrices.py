"""Tokens as matrices of meanings: one table for the vocabulary, one sum law, canonical meanings."""

import pytest
import torch
from torch.nn import functional as F

from interpretable_arch.edits import Edit, edited
from interpretable_arch.layers.density_senses import DensitySenses, DensitySensesConfig
from interpretable_arch.layers.operator_senses import OperatorSenses, OperatorSensesConfig
from interpretable_arch.layers.row_senses import RowSenses, RowSensesConfig
from interpretable_arch.layers.token_matrix import TokenMatrix
from interpretable_arch.maths.density import density, eigenmeanings, von_neumann_entropy

D, K = 6, 3
KINDS = {
    "row": (RowSenses, RowSensesConfig),
    "operator": (OperatorSenses, OperatorSensesConfig),
    "density": (DensitySenses, DensitySensesConfig),
}


def make(kind: str, seed: int = 0, **sizes: int) -> TokenMatrix:
    layer, config = KINDS[kind]
    torch.manual_seed(seed)
    return layer(config(**{"d_model": D, "senses": K, "d_hidden": 8, "std": 0.5, **sizes}))


@pytest.fixture(params=list(KINDS))
def layer(float64, request) -> TokenMatrix:
    return make(request.param)


def pair(count: int = 20, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    s, e = torch.randn(2, count, D, generator=generator)
    return s, e, torch.cat([s, e], -1)


def test_the_output_is_the_sum_of_amplitude_times_meaning(layer):
    _, e, x = pair()
    written = layer.meanings(e).written
    torch.testing.assert_close(torch.einsum("ni,nid->nd", layer.amplitude(x), written), layer(x))


def test_the_table_of_the_vocabulary_is_what_each_occurrence_uses(layer):
    """Backpack's trap: meanings hold no context, so they are made once and looked up."""
    W_E = torch.randn(9, D)
    tokens = torch.tensor([[3, 1, 4, 1], [5, 0, 2, 6]])
    table, direct = layer.table(W_E), layer.meanings(W_E[tokens])
    torch.testing.assert_close(table.written[tokens], direct.written)
    torch.testing.assert_close(table.rest[tokens], direct.rest)
    x = torch.cat([torch.randn(2, 4, D), W_E[tokens]], -1)
    looked_up = torch.einsum("btl,btld->btd", layer.amplitude(x), table.written[tokens])
    torch.testing.assert_close(looked_up, layer(x))


@torch.no_grad()
def test_weights_are_shares(layer):
    _, e, x = pair()
    for weights in (layer.weigh(x), layer.meanings(e).rest):
        assert weights.shape == (20, K)
        assert float(weights.min()) >= 0
        torch.testing.assert_close(weights.sum(-1), torch.ones(20))


def test_recording_the_meanings_changes_nothing(layer):
    """With the eigenvectors worked out or without, the answer is one."""
    _, _, x = pair()
    torch.testing.assert_close(layer.decompose(x).total(), layer(x))


def test_meanings_do_not_depend_on_the_gauge(layer, generator):
    _, e, x = pair()
    before, symmetry = layer.meanings(e), layer.symmetry()
    values, out = {n: p.detach() for n, p in layer.named_parameters()}, layer(x)
    if isinstance(layer, RowSenses):
        pytest.skip("its senses permute: they are matched before they are compared")
    layer.load_state_dict(symmetry.act(symmetry.sample(generator), values))
    torch.testing.assert_close(layer(x), out)
    torch.testing.assert_close(layer.meanings(e).written, before.written)
    torch.testing.assert_close(layer.meanings(e).rest, before.rest)


def test_a_token_without_meaning_is_silent_and_has_a_gradient(layer):
    x = torch.cat([torch.randn(2, D), torch.zeros(2, D)], -1).requires_grad_()
    out = layer(x)
    torch.testing.assert_close(out, torch.zeros(2, D))
    out.sum().backward()
    assert torch.isfinite(x.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in layer.parameters())
    assert torch.isfinite(layer.weigh(x)).all()


def test_gradients_are_right(layer):
    _, _, x = pair(2)
    assert torch.autograd.gradcheck(layer, (x.requires_grad_(),))


def test_an_ablated_meaning_is_gone(layer):
    _, e, x = pair()
    name = next(iter(layer.sites()))
    with edited(layer, Edit.ablate(name)):
        without = layer(x)
    written = layer.meanings(e).written[:, 0]
    gone = layer.amplitude(x)[:, :1] * written
    torch.testing.assert_close(layer(x) - without, gone)


def test_another_width_is_refused(layer):
    with pytest.raises(ValueError, match="x: wanted 2 d_model = 12 columns"):
        layer(torch.randn(3, D))


def test_a_rank_beyond_the_width_is_refused():
    for kind in ("operator", "density"):
        with pytest.raises(ValueError, match="senses: wanted at most d_model = 6"):
            make(kind, senses=7)
    assert make("row", senses=7).config.senses == 7
    with pytest.raises(ValueError, match="senses: wanted at least 1, got 0"):
        make("row", senses=0)


def test_row_senses_by_hand(float64):
    """One token after the other, one sense after the other."""
    layer = make("row")
    s, e, x = pair()
    for n in range(len(x)):
        h = F.gelu(e[n] / (e[n].square().mean() + 1e-5).sqrt() @ layer.W_in)
        scores = torch.stack([s[n] @ (h @ layer.W_K[:, i]) for i in range(K)])
        alpha = (scores / D**0.5 + h @ layer.W_prior).softmax(0)
        wanted = sum(alpha[i] * (h @ layer.W_out[:, i]) for i in range(K))
        torch.testing.assert_close(layer(x)[n], wanted)


def test_without_context_the_prior_weighs(float64):
    layer = make("row")
    _, e, _ = pair()
    x = torch.cat([torch.zeros_like(e), e], -1)
    torch.testing.assert_close(layer.weigh(x), layer.meanings(e).rest)


@pytest.mark.parametrize("rank", [2, D])
def test_the_operator_is_a_matrix_of_its_rank_acting_on_the_state(float64, rank):
    layer = make("operator", senses=rank)
    s, e, x = pair()
    A = layer.operator(e)
    torch.testing.assert_close(torch.einsum("nd,nde->ne", s, A), layer(x))
    assert (torch.linalg.matrix_rank(A) == rank).all()
    found = layer.triplets(e)
    torch.testing.assert_close(found.sizes, torch.linalg.svdvals(A)[:, :rank])
    rebuilt = torch.einsum("nid,ni,nie->nde", found.reads, found.sizes, found.writes)
    torch.testing.assert_close(rebuilt, A)
    assert (found.writes.gather(-1, found.writes.abs().argmax(-1, keepdim=True)) > 0).all()


def test_density_senses_measure_rho(float64):
    layer = make("density")
    s, e, x = pair()
    A, q = layer.rows(e), s @ layer.W_Q
    rho, size = density(A), A.square().sum((-2, -1)).sqrt()
    asked = torch.einsum("nd,nde->ne", q, rho)
    yes = torch.einsum("nd,nd->n", asked, q)
    torch.testing.assert_close(layer(x), (size / (1 + yes).sqrt())[:, None] * asked)
    found = eigenmeanings(A)
    likely = found.probabilities * torch.einsum("nid,nd->ni", found.vectors, q).square()
    torch.testing.assert_close(layer.weigh(x), likely / likely.sum(-1, keepdim=True))
    rest = layer.meanings(e).rest
    torch.testing.assert_close(rest, eigenmeanings(A).probabilities)
    torch.testing.assert_close(von_neumann_entropy(rho), torch.special.entr(rest).sum(-1))


def test_equal_eigenvalues_do_not_hurt_the_gradient(float64):
    """Through eigenvectors it would be infinite; the forward pass uses none."""
    layer = make("density")
    with torch.no_grad():
        layer.W_A.copy_(torch.eye(K, D).expand(8, K, D))
    _, _, x = pair()
    layer(x).square().sum().backward()
    spectrum = layer.meanings(x[:, D:]).rest
    torch.testing.assert_close(spectrum, torch.full_like(spectrum, 1 / K))
    assert torch.isfinite(layer.W_A.grad).all()
