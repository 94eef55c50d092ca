"""When do two hidden-state models make the same process? All words up to a finite length tell.

A model is (r, S, t): p(x_1 .. x_n) = r S_x1 .. S_xn t. Two models of n and m coordinates are equal
on every word as soon as they are on all words shorter than n + m (Schuetzenberger 1961, Tzeng
1992); squared differences over all V^l words of one length are summed without listing them:

    sum over |x| = l of (p(x) - q(x))^2 = t' Phi^l(r r') t,    Phi(X) = sum_w S_w' X S_w

for the two models side by side, r = (r_p, -r_q). A complete invariant: no canonical form is asked.
"""

import torch
from jaxtyping import Float
from torch import Tensor

# r [state], S [vocab, state, state], t [state]; two models need not have the same sizes.
States = tuple[Float[Tensor, " _"], Float[Tensor, "_ _ _"], Float[Tensor, " _"]]


def process_distance(first: States, second: States) -> float:
    """sqrt of the sum of squared differences of the probabilities of all words shorter than n + m.

    In float64; 0 for equal processes, resolved to about 1e-8; NaN where a number is.
    Raises ValueError where the two do not have the same number of tokens.
    """
    if len(first[1]) != len(second[1]):
        wanted, got = len(first[1]), len(second[1])
        raise ValueError(f"second: wanted {wanted} tokens, got {got}")
    (r, S, t), (q, T, u) = ([part.detach().double() for part in model] for model in (first, second))
    row, trace = torch.cat([r, -q]), torch.cat([t, u])
    pairs = zip(S, T, strict=True)
    both = torch.stack([torch.block_diag(a, b) for a, b in pairs])
    X, total = torch.outer(row, row), 0.0
    for _ in range(len(row)):
        total += float((trace @ X @ trace).clamp_min(0))  # max() would take a NaN for 0
        X = torch.einsum("wia,ij,wjb->ab", both, X, both)
    return total**0.5


def minimal_rank(model: States, tolerance: float = 1e-8) -> int:
    """The least number of coordinates of any (r, S, t) with the same process.

    The rank of reachable rows against observable columns, each summed over all words up to the
    number of coordinates; singular values below `tolerance` times the largest count as none.
    """
    r, S, t = (part.detach().double() for part in model)
    rows, columns = _span(r, S, tolerance), _span(t, S.mT, tolerance)
    values = torch.linalg.svdvals(rows @ columns.mT)
    return int((values > tolerance * values[0]).sum())


def _span(start: Tensor, S: Tensor, tolerance: float) -> Tensor:
    """An orthonormal basis of all start S_x1 .. S_xn, [rank, state]."""
    basis = start[None] / start.norm()
    new = basis
    while len(new) and len(basis) < len(start):
        moved = torch.einsum("ni,wij->wnj", new, S).flatten(0, 1)
        for _ in range(2):  # twice is enough for orthogonality to rounding
            moved = moved - moved @ basis.mT @ basis
        _, size, directions = torch.linalg.svd(moved, full_matrices=False)
        new = directions[size > tolerance]
        basis = torch.cat([basis, new])
    return basis
