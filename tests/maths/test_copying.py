"""Copying scores: planted heads, the whole token matrix as a slow reference, a head of zeros."""

import pytest
import torch

from interpretable_arch.maths.copying import copying_scores

VOCAB, D_MODEL, HEADS, D_HEAD = 7, 4, 2, 3


def drawn(generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    """W_E, W_V, W_O, W_U."""
    shapes = ((VOCAB, D_MODEL), (D_MODEL, HEADS, D_HEAD), (HEADS, D_HEAD, D_MODEL))
    return tuple(torch.randn(*s, generator=generator) for s in (*shapes, (D_MODEL, VOCAB)))


def test_a_head_that_copies_scores_one_and_its_negative_minus_one(float64):
    one = torch.eye(D_MODEL)
    W_V = one[:, None].expand(D_MODEL, HEADS, D_MODEL)
    scores = copying_scores(one, W_V, torch.stack([one, -one]), one)
    assert scores.tolist() == pytest.approx([1.0, -1.0])


def test_it_is_that_of_the_whole_token_matrix(float64, generator):
    W_E, W_V, W_O, W_U = drawn(generator)
    for h, score in enumerate(copying_scores(W_E, W_V, W_O, W_U).tolist()):
        found = torch.linalg.eigvals(W_E @ W_V[:, h] @ W_O[h] @ W_U)
        assert score == pytest.approx(float(found.real.sum() / found.abs().sum()), abs=1e-6)


def test_a_head_of_zeros_neither_copies_nor_fails(float64, generator):
    W_E, W_V, W_O, W_U = drawn(generator)
    W_O[1] = 0
    scores = copying_scores(W_E, W_V, W_O, W_U)
    assert float(scores[1]) == 0.0
    torch.testing.assert_close(scores[:1], copying_scores(W_E, W_V[:, :1], W_O[:1], W_U))
