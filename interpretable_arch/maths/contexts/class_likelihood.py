"""Hidden classes by maximum likelihood: expectation maximisation from a given start.

    p(left, w, right) = sum_c pi_c p(w|c) prod_u p(u|c)^l_u prod_v p(v|c)^r_v

over the occurrences of `context_tensor`, whose sides l and r count as one word each. Dempster,
Laird and Rubin 1977. The likelihood never falls, and where it ends depends on the start.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.contexts.context_tensor import Occurrences

LEAST = 1e-15


@dataclass(frozen=True, eq=False)
class ClassFit:
    """Tables pi [class], p(w|c), p(u|c), p(v|c) [class, vocab] and how far the search came.

    `likelihood`: mean log-likelihood of an occurrence, nats; `change`: the largest change of a
    table entry in the last of `steps`.
    """

    share: Float[Tensor, " class"]
    words: Float[Tensor, "class vocab"]
    left: Float[Tensor, "class vocab"]
    right: Float[Tensor, "class vocab"]
    likelihood: float = float("nan")
    change: float = float("inf")
    steps: int = 0


def maximise(found: Occurrences, start: ClassFit, steps: int, tolerance: float) -> ClassFit:
    """Up to `steps` of expectation maximisation, until no table entry moves by `tolerance`."""
    fit = start
    for step in range(steps):
        scores = _scores(found, fit)
        likelihood = float(scores.logsumexp(1).mean())
        moved = _tables(found, scores.softmax(1))
        pairs = ((moved.share, fit.share), (moved.words, fit.words), (moved.left, fit.left))
        change = max(float((new - old).abs().max()) for new, old in pairs)
        fit = replace(moved, likelihood=likelihood, change=change, steps=step + 1)
        if change <= tolerance:
            break
    return fit


def _scores(found: Occurrences, fit: ClassFit) -> Float[Tensor, "occurrence class"]:
    sides = ((found.left, fit.left), (found.right, fit.right))
    seen = [torch.from_numpy(side @ table.log().T.numpy()) for side, table in sides]
    return fit.share.log() + fit.words.log().T[found.words] + seen[0] + seen[1]


def _tables(found: Occurrences, given: Float[Tensor, "occurrence class"]) -> ClassFit:
    vocab, weight = found.left.shape[1], given.numpy()
    words = torch.zeros(vocab, given.shape[1], dtype=given.dtype)
    words.index_add_(0, found.words, given)
    sides = [torch.from_numpy(side.T @ weight) for side in (found.left, found.right)]
    seen, left, right = (_distribution(t.T) for t in (words, *sides))
    return ClassFit(_distribution(given.sum(0)), seen, left, right)


def _distribution(table: Float[Tensor, "*row entry"]) -> Float[Tensor, "*row entry"]:
    shares = table / table.sum(-1, keepdim=True).clamp_min(LEAST)
    positive = shares.clamp_min(LEAST)
    return positive / positive.sum(-1, keepdim=True)
