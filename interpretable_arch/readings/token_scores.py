"""All scores z(c | a, b) = tr(A_a A_b A_c*) / d of matrix-valued tokens, complex or real.

One row a at a time, so that the memory is that of order^3 scores and not of order^2 products.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


def score_rows(tokens: Shaped[Tensor, "order d d"]) -> Iterator[Shaped[Tensor, "order order"]]:
    """For each a in turn, z [b, c]."""
    order, d = tokens.shape[:2]
    beside = tokens.transpose(0, 1).reshape(d, order * d)
    answers = tokens.flatten(1).conj().T / d
    for a in range(order):
        products = (tokens[a] @ beside).reshape(d, order, d).transpose(0, 1)
        yield products.flatten(1) @ answers


def real_scores(tokens: Shaped[Tensor, "order d d"]) -> Float[Tensor, "order order order"]:
    """Re z [a, b, c]."""
    return torch.stack([rows.real for rows in score_rows(tokens)])
