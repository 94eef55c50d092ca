"""k-means: rows to k centres of least summed squared distance, by Lloyd's steps from several starts
(Lloyd 1982; starts by Arthur and Vassilvitskii 2007, each row drawn in proportion to its squared
distance from the centres so far). The start of least inertia is kept; nothing is drawn unseeded.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

STEPS = 30
ALIKE = 1e-5  # relative difference of inertia below which the earlier start is kept


@dataclass(frozen=True)
class Clusters:
    """`centres` [cluster, feature], the cluster of each row, the mean squared distance to it."""

    centres: Float[Tensor, "cluster feature"]
    labels: Int[Tensor, " row"]
    inertia: float


def k_means(
    rows: Float[Tensor, "row feature"], k: int, starts: int = 10, seed: int = 0
) -> Clusters:
    """The best of `starts` runs. Fewer rows than k leave centres equal. Raises ValueError for
    k or starts below 1, and for no rows."""
    for name, got in (("k", k), ("starts", starts), ("rows", len(rows))):
        if got < 1:
            raise ValueError(f"{name}: wanted at least 1, got {got}")
    generator = torch.Generator().manual_seed(seed)
    best = _lloyd(rows, _spread(rows, k, generator))
    for _ in range(starts - 1):
        found = _lloyd(rows, _spread(rows, k, generator))
        # One solution comes in every order of its centres: rounding must not choose between them.
        if found.inertia < (1 - ALIKE) * best.inertia:
            best = found
    return best


def _spread(rows: Tensor, k: int, generator: torch.Generator) -> Float[Tensor, "cluster feature"]:
    first = int(torch.randint(len(rows), (1,), generator=generator))
    centres = rows[first : first + 1]
    for _ in range(k - 1):
        far = torch.cdist(rows, centres).amin(1).square().cpu()
        # All rows alike: any of them will do.
        far = far if bool(far.sum() > 0) else torch.ones_like(far)
        drawn = int(torch.multinomial(far, 1, generator=generator))
        centres = torch.cat([centres, rows[drawn : drawn + 1]])
    return centres


def _lloyd(rows: Tensor, centres: Float[Tensor, "cluster feature"]) -> Clusters:
    labels = torch.cdist(rows, centres).argmin(1)
    for _ in range(STEPS):
        member = torch.nn.functional.one_hot(labels, len(centres)).to(rows)
        sizes = member.sum(0)[:, None]
        # A centre that no row is nearest to stays where it was.
        centres = torch.where(sizes > 0, member.T @ rows / sizes.clamp_min(1), centres)
        nearest = torch.cdist(rows, centres).argmin(1)
        if torch.equal(nearest, labels):
            break
        labels = nearest
    inertia = float((rows - centres[labels]).square().sum(1).mean())
    return Clusters(centres, labels, inertia)
