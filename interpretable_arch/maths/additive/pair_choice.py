"""Which pairs to add to an additive model: those that its residuals ask for most.

After Lou, Caruana, Gehrke, Hooker (2013, "Accurate intelligible models with pairwise interactions":
FAST ranks pairs by how far a small function of both lowers the residual error). Here the small
function is the pair's own pure one, and its gain is that of one penalised Newton step,

    gain_ij = 1/2 sum_c g_c^T (kappa Z^T Z / n + S)^-1 g_c,    g = Z^T (wanted - said) / n

with Z the pure cells of the pair at the rows: a fixed function of the rows and of the one optimum
without pairs, so that every start takes the same pairs. Ties go to the pair that comes first.
"""

from itertools import combinations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interpretable_arch.maths.additive.hats import hats
from interpretable_arch.maths.additive.purification import null_space, pair_marginals


def pair_gains(
    x: Float[Tensor, "row feature"],
    knots: Float[Tensor, "feature coarse"],
    residual: Float[Tensor, "row output"],
    penalty: Float[Tensor, "cell cell"],
    curvature: float,
    varies: Bool[Tensor, " feature"],
) -> tuple[Int[Tensor, "pair 2"], Float[Tensor, " pair"]]:
    """Every pair of features, in order, and its gain; 0 where a feature does not vary."""
    q = knots.shape[1]
    pairs = torch.tensor(list(combinations(range(x.shape[1]), 2)), dtype=torch.long)
    found = hats(x, knots)
    gains = []
    for i, j in pairs.tolist():
        if not bool(varies[i] & varies[j]):
            gains.append(0.0)
            continue
        marginals = pair_marginals(x, knots, torch.tensor([[i, j]]))[0]
        basis = null_space(marginals, 2 * q - 1)
        cells = (found[:, i, :, None] * found[:, j, None]).flatten(1) @ basis
        pull = cells.T @ residual / len(x)
        bent = curvature * cells.T @ cells / len(x) + basis.T @ penalty @ basis
        gains.append(float((pull * torch.linalg.solve(bent, pull)).sum()) / 2)
    return pairs, torch.tensor(gains, dtype=torch.float64)


def strongest(
    pairs: Int[Tensor, "pair 2"], gains: Float[Tensor, " pair"], count: int
) -> tuple[Int[Tensor, "chosen 2"], float]:
    """The `count` pairs of largest gain, in the features' order, and how clear the cut is.

    The second is the relative gap between the last one taken and the first one left, from 0
    to 1; 1 where none is left or none taken.
    """
    order = gains.argsort(descending=True, stable=True)
    taken = order[:count].sort().values
    if not 0 < count < len(gains):
        return pairs[taken], 1.0
    last, left = float(gains[order[count - 1]]), float(gains[order[count]])
    return pairs[taken], (last - left) / max(last, torch.finfo(torch.float64).tiny)
