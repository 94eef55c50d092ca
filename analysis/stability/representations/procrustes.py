"""Procrustes: how near one representation comes to another by turning, or by renaming, its axes.

X and Y are centred and of Frobenius norm 1, so <X, Y> lies in [-1, 1] and |X - Y|^2 = 2 - 2<X, Y>.

orthogonal    max over orthogonal Q of <X, Y Q> = |X^T Y|_*, the nuclear norm (Schoenemann 1966).
              sqrt(2 - 2 |X^T Y|_*) in [0, sqrt 2] is a metric on representations up to rotation,
              shift and scale (Williams et al. 2021, arXiv:2110.14739); other widths: zeros added
permutation   max over one-to-one matchings of features, by the assignment problem: sees the neurons
              themselves (Li et al. 2016, arXiv:1511.07543; Khosla and Williams 2023,
              arXiv:2311.09466). Matching fits noise, so it is fitted on one half of the inputs and
              scored on the other, each half in turn; of inputs that all seeds represent alike one
              alone is kept, else the halves would share them

A similarity says little by itself: |X^T Y|_* of independent noise is .257, .749, .975 at n = 100
inputs and p = 10, 100, 1000 features.
"""

import torch
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from analysis.stability.representations.distinct import distinct_inputs
from analysis.stability.representations.given import (
    Representations,
    checked,
    padded,
    unit_size,
)

LEAST_INPUTS = 4  # two in each half


def procrustes_similarity(representations: Representations) -> Float[Tensor, "seed seed"]:
    """|X^T Y|_* of all pairs, in [0, 1]: 1 for the same up to rotation, shift and scale.

    Float64. NaN for a constant seed. Cost: K n p min(n, p), then all pairs' singular values,
    K^2/2 of min(n, p)^3. Raises ValueError on what `given.checked` refuses.
    """
    seeds = [_narrowed(unit_size(each)) for each in checked(representations)]
    varied = [seed for seed, each in enumerate(seeds) if bool(each.isfinite().all())]
    found = torch.full((len(seeds), len(seeds)), torch.nan, dtype=torch.float64)
    if varied:
        norms = nuclear_norms(padded([seeds[seed] for seed in varied]))
        found[torch.tensor(varied)[:, None], torch.tensor(varied)] = norms.cpu().clamp(max=1.0)
    return found


def procrustes_distance(representations: Representations) -> Float[Tensor, "seed seed"]:
    """sqrt(2 - 2 |X^T Y|_*) of all pairs, a metric in [0, sqrt 2], resolved to 1e-7.

    Cost, NaN and errors as of `procrustes_similarity`.
    """
    return as_distance(procrustes_similarity(representations))


def as_distance(similarity: Float[Tensor, "seed seed"]) -> Float[Tensor, "seed seed"]:
    """|X - Y| = sqrt(2 - 2 <X, Y>) of matrices of norm 1; 0 of a seed to itself."""
    # A nuclear norm of 1 is known to 1e-15 only.
    distance = (2 - 2 * similarity).clamp(min=0.0).sqrt()
    itself = torch.where(similarity.diagonal().isnan(), torch.nan, 0.0).to(distance.dtype)
    return distance.diagonal_scatter(itself)


def nuclear_norms(stack: Float[Tensor, "seed input feature"]) -> Float[Tensor, "seed seed"]:
    """Sums of singular values of X^T Y, all pairs; a seed's pairs with all later ones at a time."""
    norms = stack.new_zeros(len(stack), len(stack))
    for seed, own in enumerate(stack):
        cross = torch.einsum("if,sig->sfg", own, stack[seed:])
        norms[seed, seed:] = torch.linalg.svdvals(cross).sum(1)
    return norms.triu() + norms.triu(1).T


def permutation_procrustes(representations: Representations) -> Float[Tensor, "seed seed"]:
    """<X, Y P> of all pairs in [-1, 1], P fitted on one half of the inputs, scored on the other.

    Mean over both halves in turn, distinct inputs dealt at random (always the same way); each half
    is centred and scaled by itself. Widths may differ: what has no partner counts 0. NaN for a seed
    that is constant on a half. Cost: K^2 n p^2 multiplications and K^2 assignments of p^3 at most.
    Raises ValueError on fewer than four distinct inputs and what `given.checked` refuses.
    """
    seeds = checked(representations)
    kept = distinct_inputs(seeds)
    seeds = checked([each[kept] for each in seeds], least=LEAST_INPUTS)
    order = torch.randperm(len(seeds[0]), generator=torch.Generator().manual_seed(0))
    first, second = order.to(seeds[0].device).tensor_split(2)
    halves = [padded([unit_size(each[half]) for each in seeds]) for half in (first, second)]
    found = [_matched(*halves), _matched(*halves[::-1])]
    return (found[0] + found[1]) / 2


def permutation_procrustes_in_sample(
    representations: Representations,
) -> Float[Tensor, "seed seed"]:
    """<X, Y P> of all pairs in [0, 1], P fitted on the very inputs it is scored on: biased upwards.

    sqrt(2 - 2 <X, Y P>) is a metric on representations up to renaming of features, which the
    split-half score isn't exactly. Cost, NaN and errors as of `permutation_procrustes`.
    """
    stack = padded([unit_size(each) for each in checked(representations)])
    return _matched(stack, stack)


def _matched(
    fit: Float[Tensor, "seed input feature"], score: Float[Tensor, "seed input2 feature"]
) -> Float[Tensor, "seed seed"]:
    """Each pair's sum of `score` products over the matching that is best by `fit` products."""
    seeds = len(fit)
    found = torch.eye(seeds, dtype=torch.float64)
    for seed in range(seeds):
        later = slice(seed + 1, seeds)
        fits, scores = (
            torch.einsum("if,sig->sfg", half[seed], half[later]).cpu() for half in (fit, score)
        )
        for other, (fitted, scored) in enumerate(zip(fits, scores, strict=True), seed + 1):
            found[seed, other] = found[other, seed] = _assigned(fitted, scored)
    constant = fit.isnan().flatten(1).any(1) | score.isnan().flatten(1).any(1)
    either = (constant[:, None] | constant[None, :]).cpu()
    return found.masked_fill(either, torch.nan)


def _assigned(fitted: Float[Tensor, "a b"], scored: Float[Tensor, "a b"]) -> float:
    if not bool(fitted.isfinite().all()):
        return float("nan")
    rows, columns = linear_sum_assignment(fitted.numpy(), maximize=True)
    return float(scored[torch.as_tensor(rows), torch.as_tensor(columns)].sum())


def _narrowed(x: Float[Tensor, "input feature"]) -> Float[Tensor, "input fewer"]:
    """The same up to a rotation of the features, of which no more are left than inputs."""
    if x.shape[1] <= x.shape[0]:
        return x
    if bool(x.isnan().any()):
        return x[:, : x.shape[0]]
    return torch.linalg.qr(x.T, mode="r").R.T
