"""Which entries of a tensor are kept when only the largest may be: counts are exact, ties decided.

Weight sparsity (Gao et al. 2025, arXiv 2511.13653) keeps, of every matrix, the entries of largest
absolute value, and at least j of each neuron's, so that no neuron falls silent. The share that is
kept falls linearly from 1 to its target. AbsTopK keeps the k entries of an activation that are
largest in absolute value.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def is_matrix(name: str, axes: int) -> bool:
    """Whether a parameter counts as a matrix of weights: two axes or more, and no bias by name.

    A bias of attention heads, b_Q [head, d_head], has two axes and is still a bias.
    """
    own = name.rpartition(".")[2]
    return axes >= 2 and not own.startswith(("b_", "bias"))


def largest(sizes: Float[Tensor, "*index entry"], count: int) -> Bool[Tensor, "*index entry"]:
    """True for exactly `count` entries of each row, the largest; of equal ones, the first.

    NaN counts as largest. Raises ValueError unless 0 <= count <= entries.
    """
    entries = sizes.shape[-1]
    if not 0 <= count <= entries:
        raise ValueError(f"count: wanted 0 to {entries}, the entries of a row, got {count}")
    order = sizes.argsort(dim=-1, descending=True, stable=True)[..., :count]
    nothing = torch.zeros_like(sizes, dtype=torch.bool)
    return nothing.scatter(-1, order, torch.ones_like(order, dtype=torch.bool))


def kept_weights(
    weights: Float[Tensor, "..."], count: int, least: int, fan: int, seed_axes: int = 0
) -> Bool[Tensor, "..."]:
    """True for the `least` largest |w| of each neuron, then for the largest of all up to `count`.

    A neuron's weights lie along the axis `fan` (negative, from the end); `seed_axes` leading axes
    are matrices of their own. Exactly max(count, least * neurons) are kept of each matrix; of
    equal ones the first, in order of neuron, then of place in it. Raises ValueError where `least`
    exceeds what a neuron has, or `count` what the matrix has.
    """
    sizes = weights.abs().movedim(fan, -1)
    if not 0 <= least <= sizes.shape[-1]:
        raise ValueError(f"least: wanted 0 to {sizes.shape[-1]}, a neuron's weights, got {least}")
    neurons = sizes.shape[seed_axes:-1].numel()
    # The neurons' own come first, whatever their size.
    sizes = sizes.masked_fill(largest(sizes, least), torch.inf)
    kept = largest(sizes.flatten(seed_axes), max(count, least * neurons))
    return kept.unflatten(-1, sizes.shape[seed_axes:]).movedim(-1, fan)


def density_at(step: int, start: int, stop: int, target: float) -> float:
    """The share kept after `step` updates: 1 up to `start`, linear, `target` from `stop` on."""
    progress = min(1.0, max(0.0, (step - start) / (stop - start)))
    return 1.0 + progress * (target - 1.0)


def abs_topk_mask(x: Float[Tensor, "*index d"], k: int) -> Float[Tensor, "*index d"]:
    """1 for the k entries of each row that are largest in absolute value, otherwise 0."""
    return largest(x.detach().abs(), k).to(x.dtype)
