"""All distances from those of some pairs: what is missing is the shortest way over what is shown.

An upper bound of a missing distance wherever the triangle inequality holds; exact where the way
over shown pairs is a shortest one, as in a tree whose edges are shown.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def completed(
    pairs: Int[Tensor, "pair 2"], values: Float[Tensor, " pair"], points: int
) -> tuple[Float[Tensor, "point point"], float]:
    """The symmetric matrix, float64, and which share of its pairs was filled in.

    Raises ValueError for a point outside 0..points - 1, a distance that is not finite, negative or
    0 between two points, one from a point to itself that is not 0, two different distances for one
    pair, and points that no shown pairs connect.
    """
    from scipy.sparse.csgraph import shortest_path

    pairs, values = pairs.cpu(), values.cpu().to(torch.float64)
    _check(pairs, values, points)
    table = torch.full((points, points), torch.inf, dtype=torch.float64)
    first = torch.minimum(pairs[:, 0], pairs[:, 1])
    second = torch.maximum(pairs[:, 0], pairs[:, 1])
    table[first, second] = values
    again = (table[first, second] - values).abs() > 1e-9 * values.abs()
    if again.any():
        i, j = (int(x[again.nonzero()[0, 0]]) for x in (first, second))
        both = sorted(set(values[(first == i) & (second == j)].tolist()))
        raise ValueError(f"targets: wanted one distance for points {i} and {j}, got {both[:4]}")
    table = torch.minimum(table, table.T)
    table.fill_diagonal_(0)
    missing = table.isinf()
    if not missing.any():
        return table, 0.0
    ways = torch.from_numpy(shortest_path(table.masked_fill(missing, 0).numpy(), directed=False))
    lost = ways.isinf().nonzero()
    if len(lost):
        i, j = lost[0].tolist()
        raise ValueError(f"targets: no shown distances connect point {i} and point {j}")
    filled = float(missing.sum()) / (points * (points - 1))
    return torch.where(missing, ways, table), filled


def _check(pairs: Tensor, values: Tensor, points: int) -> None:
    outside = pairs[(pairs < 0) | (pairs >= points)]
    if len(outside):
        raise ValueError(f"pairs: wanted points 0 to {points - 1}, got {int(outside[0])}")
    same = pairs[:, 0] == pairs[:, 1]
    wrong = ~values.isfinite() | (values < 0) | (same & (values != 0)) | (~same & (values == 0))
    if wrong.any():
        at = int(wrong.nonzero()[0])
        i, j = pairs[at].tolist()
        wanted = "0 from a point to itself" if i == j else "a finite distance above 0"
        raise ValueError(f"targets: wanted {wanted}, got {float(values[at])} for {i} and {j}")
