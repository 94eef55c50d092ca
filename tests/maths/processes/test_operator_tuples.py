"""Data as tuples: counted bigrams by hand, dense and column form against each other."""

import pytest
import torch

from interpretable_arch.maths.processes.leading_vectors import leading
from interpretable_arch.maths.processes.operator_tuples import (
    ColumnTuple,
    DenseTuple,
    bigram_tuple,
    operator_tuple,
)


def chain(n: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, n, generator=generator, dtype=torch.float64).softmax(1)


def both(n: int) -> tuple[ColumnTuple, DenseTuple]:
    root = chain(n).sqrt().to(torch.complex128)
    dense = torch.zeros(n, n, n, dtype=root.dtype)
    dense[torch.arange(n), :, torch.arange(n)] = root.T
    return ColumnTuple(root), DenseTuple(dense)


def test_bigrams_by_hand():
    text = torch.tensor([[0, 0, 1, 0]])
    found = bigram_tuple([(text[:, :-1], text[:, 1:])], 3).root.real.square()
    wanted = [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [2 / 3, 1 / 3, 0.0]]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))


def test_bigrams_need_a_pair_and_skip_what_is_not_counted():
    tokens = torch.tensor([[0, 1]])
    with pytest.raises(ValueError, match="batches: wanted a token with one that follows"):
        bigram_tuple([(tokens, torch.full_like(tokens, -100))], 2)
    found = bigram_tuple([(tokens, torch.tensor([[-100, 0]]))], 2).root.real
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64))


@pytest.mark.parametrize("text", [[0, 3, 1], [0, 1, 3], [0, -1, 1], [4, 1, 1]])
def test_a_token_outside_the_vocabulary_is_named(text):
    tokens = torch.tensor([text])
    wrong = next(t for t in text if not 0 <= t < 3)
    with pytest.raises(ValueError, match=f"tokens: wanted 0 to 2, as there are 3, got {wrong}"):
        bigram_tuple([(tokens[:, :-1], tokens[:, 1:])], 3)


def test_columns_and_dense_are_one_operator(generator):
    n, d = 5, 2
    columns, dense = both(n)
    X = torch.randn(n, d, d, generator=generator, dtype=torch.complex128)
    U = torch.randn(n, d, generator=generator, dtype=torch.complex128)
    torch.testing.assert_close(columns.push(U, X), dense.push(U, X))
    torch.testing.assert_close(columns.pull(U, X), dense.pull(U, X))
    torch.testing.assert_close(columns.compress(U.mT, U), dense.compress(U.mT, U))
    torch.testing.assert_close(columns.mixed(X), dense.mixed(X))
    assert columns.sizes() == pytest.approx(dense.sizes(), abs=1e-9)


def test_pull_is_the_adjoint_of_push(generator):
    _, dense = both(4)
    X = torch.randn(4, 2, 2, generator=generator, dtype=torch.complex128)
    U, V = (torch.randn(4, 2, generator=generator, dtype=torch.complex128) for _ in range(2))
    inner = (V.conj() * dense.push(U, X)).sum()
    torch.testing.assert_close((dense.pull(V, X).conj() * U).sum(), inner)


def test_columns_are_recognised():
    _, dense = both(4)
    assert isinstance(operator_tuple(torch.view_as_real(dense.A)), ColumnTuple)
    other = dense.A.clone()
    other[0, 1, 2] = 0.1
    assert isinstance(operator_tuple(torch.view_as_real(other)), DenseTuple)


def test_arnoldi_and_all_eigenvalues_agree(generator, monkeypatch):
    columns, _ = both(12)
    X = torch.randn(12, 3, 3, generator=generator, dtype=torch.complex128)
    whole = leading(columns, X)
    monkeypatch.setattr("interpretable_arch.maths.processes.leading_vectors.DENSE", 0)
    part = leading(columns, X)
    torch.testing.assert_close(part.mu, whole.mu)
    assert part.gap == pytest.approx(whole.gap, abs=1e-9)
    for got, wanted in ((part.U, whole.U), (part.V, whole.V)):
        overlap = (got.conj() * wanted).sum().abs() / got.norm() / wanted.norm()
        assert float(overlap) == pytest.approx(1, abs=1e-9)
