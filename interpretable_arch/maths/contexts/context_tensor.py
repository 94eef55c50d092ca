"""A word and what stands on both sides of it, counted: T[w, u, v], projected to d x d matrices.

    T[w, u, v] = mean over occurrences of 1[word = w] l_u r_v

l and r are the shares of each word among the up to `window` words to the left and to the right of
the occurrence. Where a hidden class c makes word and sides independent of one another,

    T[w, u, v] = sum_c pi_c p(w|c) p(u|c) p(v|c).

T is never built: the singular vectors of the scaled co-occurrences M = sum_w T[w],
D_l^-1/2 M D_r^-1/2 = sum_i s_i x_i y_i^T with D the sides' frequencies (canonical correlation),
project both sides to U = D_l^-1/2 x s^-1/2 and V = D_r^-1/2 y s^-1/2, where sum_w U^T T[w] V = 1.
Scaling the rows and columns of a mode leaves the classes alone and balances the noise of counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

Batches = Sequence[tuple[Tensor, Tensor]]
DENSE = 300  # up to this many contexts all singular vectors are worked out
PIECE = 200_000


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Places with a word on each side: `words` [occurrence], and the shares of the words to the
    `left` and to the `right` as sparse matrices [occurrence, vocab] (scipy)."""

    words: Int[Tensor, " occurrence"]
    left: Any
    right: Any


@dataclass(frozen=True, eq=False)
class ContextTensor:
    """`slices` G_w = U^T T[w] V [vocab, d, d], `left_rows` sum_w T[w] V [vocab, d] for every left
    word, `left_basis` U [vocab, d], `singular` the d largest values,
    `dropped` the next one, 0 where there is none, `left_share` the frequency of
    each word on the left, `word_share` that of each word, over `occurrences`; `contexts` words on
    each side span the projection. All float64."""

    slices: Float[Tensor, "vocab d d"]
    left_rows: Float[Tensor, "vocab d"]
    left_basis: Float[Tensor, "vocab d"]
    singular: Float[Tensor, " d"]
    dropped: float
    left_share: Float[Tensor, " vocab"]
    word_share: Float[Tensor, " vocab"]
    occurrences: int
    contexts: int


def rows_of(batches: Batches) -> list[Int[Tensor, "row position"]]:
    """Each row of tokens with the one that follows its last, where that is known."""
    found = []
    for tokens, following in batches:
        last = following[:, -1:]
        whole = torch.cat([tokens, last], 1) if bool((last >= 0).all()) else tokens
        found.append(whole.cpu())
    return found


def occurrences_of(
    rows: Sequence[Int[Tensor, "_row _position"]], vocab: int, window: int
) -> Occurrences:
    """Every place of every row that has a word on both sides.

    Raises ValueError where no row has three tokens and for a symbol outside the vocabulary.
    """
    from scipy.sparse import vstack

    rows = [r for r in rows if len(r)]
    _check_symbols(rows, vocab)
    found = [_of_rows(r.numpy(), vocab, window) for r in rows if r.shape[1] >= 3]
    if not found:
        longest = max((r.shape[1] for r in rows), default=0)
        raise ValueError(f"batches: wanted rows of at least 3 tokens, got at most {longest}")
    words, left, right = zip(*found, strict=True)
    return Occurrences(torch.from_numpy(np.concatenate(words)), vstack(left), vstack(right))


def _check_symbols(rows: Sequence[Tensor], vocab: int) -> None:
    for each in rows:
        outside = each[(each < 0) | (each >= vocab)]
        if len(outside):
            wanted = f"symbols from 0 to {vocab - 1}, as vocab is {vocab}"
            raise ValueError(f"tokens: wanted {wanted}, got {int(outside[0])}")


def _of_rows(rows: np.ndarray, vocab: int, window: int) -> tuple[np.ndarray, Any, Any]:
    middle = rows[:, 1:-1]
    left = _shares(rows, vocab, window, -1)
    right = _shares(rows, vocab, window, 1)
    return middle.flatten(), left, right


def _shares(rows: np.ndarray, vocab: int, window: int, side: int) -> Any:
    """The words within `window` places on one side of each middle place, summing to 1."""
    from scipy.sparse import csr_matrix

    count, length = rows.shape
    places = np.arange(1, length - 1)
    at, words = [], []
    for distance in range(1, min(window, length - 2) + 1):
        there = places + side * distance
        inside = (there >= 0) & (there < length)
        number = np.arange(count)[:, None] * len(places) + np.arange(len(places))[inside]
        at.append(number.flatten())
        words.append(rows[:, there[inside]].flatten())
    which, seen = np.concatenate(at), np.concatenate(words)
    share = 1.0 / np.bincount(which, minlength=count * len(places))[which]
    return csr_matrix((share, (which, seen)), shape=(count * len(places), vocab))


def context_tensor(found: Occurrences, d: int, contexts: int) -> ContextTensor:
    """The projected tensor; the `contexts` most frequent words of each side span the projection.

    Raises ValueError where fewer than d different words stand on a side.
    """
    count, vocab = found.left.shape
    shares = [np.asarray(side.mean(0)).ravel() for side in (found.left, found.right)]
    kept = [_most_frequent(share, contexts) for share in shares]
    if min(map(len, kept)) < d:
        got = min(map(len, kept))
        raise ValueError(f"classes: wanted at most as many as contexts, {got}, got {d}")
    together = (found.left.T @ found.right / count).tocsr()
    scaled = together[kept[0]][:, kept[1]].toarray()
    scaled /= np.sqrt(np.outer(shares[0][kept[0]], shares[1][kept[1]]))
    u, s, v, dropped = _singular(scaled, d)
    bases = [np.zeros((vocab, d)), np.zeros((vocab, d))]
    root = np.sqrt(np.maximum(s, 1e-13 * s[0]))
    for basis, vectors, rows, share in zip(bases, (u, v), kept, shares, strict=True):
        basis[rows] = vectors / root / np.sqrt(share[rows])[:, None]
    words = torch.bincount(found.words, minlength=vocab)
    return ContextTensor(
        _slices(found, bases, words) / count,
        torch.from_numpy(together @ bases[1]),
        torch.from_numpy(bases[0]),
        torch.from_numpy(s.copy()),
        dropped,
        torch.from_numpy(shares[0]),
        words.double() / count,
        count,
        min(map(len, kept)),
    )


def _most_frequent(share: np.ndarray, most: int) -> np.ndarray:
    order = np.argsort(-share, kind="stable")[:most]
    return np.sort(order[share[order] > 0])


def _singular(matrix: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The d leading singular triples, signs by the largest entry on the left, and the next value;
    no randomness."""
    from scipy.sparse.linalg import svds

    if min(matrix.shape) <= max(DENSE, 2 * d):
        u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    else:
        found: Any = svds(matrix, d + 1, v0=np.ones(min(matrix.shape)))
        u, s, vt = found
    every = np.argsort(-s, kind="stable")
    order, dropped = every[:d], float(s[every[d]]) if len(s) > d else 0.0
    u, v = u[:, order], vt[order].T
    sign = np.where(u[np.abs(u).argmax(0), np.arange(d)] < 0, -1.0, 1.0)
    return u * sign, s[order], v * sign, dropped


def _slices(found: Occurrences, bases: list[np.ndarray], counts: Tensor) -> Tensor:
    """Sums of U^T l (V^T r)^T over the occurrences of each word, in pieces."""
    d = bases[0].shape[1]
    slices = torch.zeros(len(counts), d, d, dtype=torch.float64)
    for rows in _pieces(len(found.words)):
        words = found.words[rows]
        order = words.argsort(stable=True).numpy()
        left = torch.from_numpy((found.left[rows] @ bases[0])[order])
        right = torch.from_numpy((found.right[rows] @ bases[1])[order])
        here = torch.bincount(words, minlength=len(counts)).tolist()
        parts = zip(left.split(here), right.split(here), strict=True)
        for word, (a, b) in enumerate(parts):
            if len(a):
                slices[word] += a.T @ b
    return slices


def _pieces(count: int) -> Iterator[slice]:
    for first in range(0, count, PIECE):
        yield slice(first, min(first + PIECE, count))
