"""Counts around words, against loops; and the projection's one property, G_0 = 1."""

import pytest
import torch

from interpretable_arch.maths.contexts.context_tensor import context_tensor, occurrences_of, rows_of


def texts(generator: torch.Generator) -> list[torch.Tensor]:
    return [torch.randint(6, (4, 7), generator=generator), torch.tensor([[0, 1, 2]])]


@pytest.mark.parametrize("window", [1, 2, 9])
def test_sides_are_the_shares_of_the_words_around(generator, window):
    rows = texts(generator)
    found = occurrences_of(rows, 6, window)
    at = 0
    for row in (r for part in rows for r in part.tolist()):
        for place in range(1, len(row) - 1):
            sides = (row[max(0, place - window) : place], row[place + 1 : place + 1 + window])
            for side, matrix in zip(sides, (found.left, found.right), strict=True):
                wanted = [side.count(word) / len(side) for word in range(6)]
                assert matrix[[at]].toarray()[0].tolist() == pytest.approx(wanted)
            assert int(found.words[at]) == row[place]
            at += 1
    assert at == len(found.words)


def test_slices_are_the_projected_tensor(float64, generator):
    found = occurrences_of(texts(generator), 6, 2)
    tensor = context_tensor(found, 3, 6)
    left, right = (torch.from_numpy(m.toarray()) for m in (found.left, found.right))
    words = torch.nn.functional.one_hot(found.words, 6).double()
    T = torch.einsum("nw,nu,nv->wuv", words, left, right) / len(left)
    torch.testing.assert_close(tensor.slices.sum(0), torch.eye(3), atol=1e-9, rtol=0)
    # The rows of all left words give G_w back through the left basis, summed over words.
    torch.testing.assert_close(tensor.left_basis.T @ tensor.left_rows, torch.eye(3))
    U, M = tensor.left_basis, T.sum(0)
    V = torch.linalg.pinv(M) @ tensor.left_rows
    torch.testing.assert_close(U.T @ M @ V, torch.eye(3), atol=1e-8, rtol=0)
    torch.testing.assert_close(tensor.left_share, left.mean(0))
    torch.testing.assert_close(tensor.word_share, words.mean(0))


def test_fewer_contexts_still_span_and_are_counted(float64, generator):
    rows = [torch.randint(6, (200, 5), generator=generator)]
    tensor = context_tensor(occurrences_of(rows, 6, 2), 2, 4)
    assert tensor.contexts == 4
    assert int((tensor.left_basis.abs().sum(1) > 0).sum()) == 4
    with pytest.raises(ValueError, match="classes: wanted at most as many as contexts, 4, got 5"):
        context_tensor(occurrences_of(rows, 6, 2), 5, 4)


def test_rows_take_the_last_token_where_it_is_known():
    known = (torch.tensor([[1, 2]]), torch.tensor([[2, 3]]))
    unknown = (torch.tensor([[1, 2]]), torch.tensor([[2, -100]]))
    assert [r.tolist() for r in rows_of([known, unknown])] == [[[1, 2, 3]], [[1, 2]]]


def test_rows_too_short_are_refused():
    with pytest.raises(ValueError, match="rows of at least 3 tokens, got at most 2"):
        occurrences_of([torch.tensor([[1, 2]])], 3, 2)
