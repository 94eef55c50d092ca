"""Eigenvectors of repeated eigenvalues: which form of them is meant.

Within a block of equal eigenvalues the vectors rotate freely. The declared form: rows are taken in
order; the first row whose part not yet spanned is longer than SHARE of the longest lies, but for
what is spanned already, on the next axis, on its positive side. A block of one vector is the sign
rule. Because SHARE is no ratio of small whole numbers, points that mirror each other are no tie.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

SHARE = 0.3719
SAME = 1e-6  # relative difference of two eigenvalues that count as equal


def blocks(values: Float[Tensor, " value"], scale: float | None = None) -> list[tuple[int, int]]:
    """[first, last) of the runs of equal values, which are in descending order.

    `scale` is the largest number that they were computed beside: below its rounding all are equal.
    """
    size = float(values.abs().max()) if scale is None else scale
    rounding = 200 * torch.finfo(values.dtype).eps * size
    gaps = (values[:-1] - values[1:]).abs()
    apart = gaps > SAME * torch.maximum(values[:-1].abs(), values[1:].abs()) + rounding
    ends = [0, *(int(i) + 1 for i in apart.nonzero().flatten()), len(values)]
    return list(pairwise(ends))


def settled(vectors: Float[Tensor, "row vector"]) -> Float[Tensor, "vector vector"]:
    """The rotation R for which `vectors` @ R has the declared form; 1 on what no row spans."""
    count = vectors.shape[1]
    basis = torch.zeros(count, 0, dtype=vectors.dtype, device=vectors.device)
    longest = vectors.norm(dim=1).max()
    for _ in range(count):
        left = vectors - (vectors @ basis) @ basis.T
        # Twice is enough (Kahan and Parlett): what is left is orthogonal to rounding.
        left = left - (left @ basis) @ basis.T
        lengths = left.norm(dim=1)
        if not bool(lengths.max() > 1e-9 * longest):
            break
        chosen = left[int((lengths > SHARE * lengths.max()).nonzero()[0])]
        basis = torch.cat([basis, (chosen / chosen.norm())[:, None]], 1)
    return _completed(basis)


def _completed(basis: Float[Tensor, "vector found"]) -> Float[Tensor, "vector vector"]:
    """An orthogonal matrix that begins with these columns."""
    missing = basis.shape[0] - basis.shape[1]
    if not missing:
        return basis
    rest = torch.linalg.svd(basis, full_matrices=True)[0][:, basis.shape[1] :]
    return torch.cat([basis, rest], 1)
