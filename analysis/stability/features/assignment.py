"""One-to-one matching of two sets of unit rows: the assignment of largest total cosine.

exact     one matrix of all cosines, then the modified Jonker-Volgenant algorithm of scipy (Crouse
          2016) on it; the smaller set is matched whole. The Hungarian problem (Kuhn 1955).
blocked   above `MOST_EXACT` features the matrix does not fit: each row keeps its `candidates`
          largest cosines, found block by block, each column likewise; the best assignment of these
          edges alone, where a feature may stay out, is exact (`min_weight_full_bipartite_matching`
          of scipy). What stays out is then assigned among itself. A total is at most the optimum,
          and at most the mean of the rows' largest cosines.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

MOST_EXACT = 10_000
CANDIDATES = 32
BLOCK = 2048
# A sparse matrix holds no zeros, so costs are shifted; staying out costs as much as cosine 0.
OUT = 2.0


@dataclass(frozen=True, eq=False)
class Assignment:
    """Row `first[i]` of the one is matched with row `second[i]` of the other, in order of `first`.

    `exact` says that no assignment has a larger total cosine.
    """

    first: Int[Tensor, "match"]
    second: Int[Tensor, "match"]
    exact: bool


def assign(
    first: Float[Tensor, "one d"],
    second: Float[Tensor, "other same_d"],
    *,
    signed: bool = True,
    most_exact: int = MOST_EXACT,
    candidates: int = CANDIDATES,
) -> Assignment:
    """Match min(one, other) pairs of unit rows at the largest total cosine, or |cosine|.

    4,096 rows of 512 take one to two seconds and .5 GB; blocked, 16,384 take 3 to 12 s and .7 GB.
    Raises ValueError for rows of different lengths.
    """
    if first.shape[1] != second.shape[1]:
        got = f"{first.shape[1]} and {second.shape[1]} numbers a row"
        raise ValueError(f"second: wanted rows of the same space, got {got}")
    if max(len(first), len(second)) <= most_exact:
        rows, columns = _dense(cosines(first, second, signed))
        return Assignment(rows, columns, exact=True)
    return _blocked(first, second, signed, candidates, most_exact)


def match(
    first: Float[Tensor, "one d"], second: Float[Tensor, "other same_d"], *, signed: bool = True
) -> tuple[Assignment, Int[Tensor, "one"], Int[Tensor, "other"]]:
    """The assignment of `assign`, and the nearest row of the other for each row, there and back.

    Where the matrix of cosines fits, it is worked out once for all three.
    """
    if max(len(first), len(second)) > MOST_EXACT or first.shape[1] != second.shape[1]:
        found = assign(first, second, signed=signed)
        return found, _nearest(first, second, signed), _nearest(second, first, signed)
    similarity = cosines(first, second, signed)
    found = Assignment(*_dense(similarity), exact=True)
    return found, similarity.argmax(1), similarity.argmax(0)


def cosines(
    first: Float[Tensor, "one d"], second: Float[Tensor, "other d"], signed: bool
) -> Float[Tensor, "one other"]:
    """Inner products of unit rows within [-1, 1], or their absolute values."""
    product = (first @ second.T).clamp_(-1.0, 1.0)
    return product if signed else product.abs_()


def _nearest(x: Tensor, y: Tensor, signed: bool) -> Int[Tensor, "one"]:
    """For each row of x, the row of y with the largest cosine."""
    return torch.cat([cosines(part, y, signed).argmax(1) for part in x.split(BLOCK)])


def _dense(similarity: Float[Tensor, "one other"]) -> tuple[Tensor, Tensor]:
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(similarity.double().numpy(), maximize=True)
    return torch.from_numpy(rows), torch.from_numpy(columns)


def _blocked(first: Tensor, second: Tensor, signed: bool, candidates: int, most: int) -> Assignment:
    rows, columns, values = _edges(first, second, signed, candidates)
    one, other = len(first), len(second)
    at = _sparse_matching(rows, columns, values, one, other)
    matched = at < other
    left = torch.nonzero(~matched).flatten()
    free = torch.ones(other, dtype=torch.bool)
    free[at[matched]] = False
    room = torch.nonzero(free).flatten()
    pairs = [(torch.nonzero(matched).flatten(), at[matched])]
    # Who stayed out is matched in parts that fit, in order.
    for a, b in zip(left.split(most), room.split(most), strict=False):
        i, j = _dense(cosines(first[a], second[b], signed))
        pairs.append((a[i], b[j]))
    found = torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])
    order = found[0].argsort()
    return Assignment(found[0][order], found[1][order], exact=False)


def _edges(
    first: Tensor, second: Tensor, signed: bool, candidates: int
) -> tuple[Tensor, Tensor, Tensor]:
    """(row, column, cosine) of the largest cosines of every row and every column, each once."""
    per_row, per_column = min(candidates, len(second)), min(candidates, len(first))
    keys: list[Tensor] = []
    values: list[Tensor] = []
    best = first.new_full((len(second), 0), -2.0)
    where = torch.empty(len(second), 0, dtype=torch.int64)
    for start in range(0, len(first), BLOCK):
        block = cosines(first[start : start + BLOCK], second, signed)
        top = block.topk(per_row, 1)
        number = torch.arange(start, start + len(block))
        keys.append((number[:, None] * len(second) + top.indices).flatten())
        values.append(top.values.flatten())
        down = block.topk(min(per_column, len(block)), 0)
        best = torch.cat([best, down.values.T], 1)
        where = torch.cat([where, down.indices.T + start], 1)
        kept = best.topk(min(per_column, best.shape[1]), 1)
        best, where = kept.values, where.gather(1, kept.indices)
    keys.append((where * len(second) + torch.arange(len(second))[:, None]).flatten())
    values.append(best.flatten())
    key, at = np.unique(torch.cat(keys).numpy(), return_index=True)
    index = torch.from_numpy(key)
    return index // len(second), index % len(second), torch.cat(values)[torch.from_numpy(at)]


def _sparse_matching(
    rows: Tensor, columns: Tensor, values: Tensor, one: int, other: int
) -> Int[Tensor, "one"]:
    """The column of each row; from `other` on, it stayed out."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    alone = torch.arange(one)
    cost = torch.cat([OUT - values.double(), torch.full((one,), OUT, dtype=torch.float64)])
    i, j = torch.cat([rows, alone]), torch.cat([columns, other + alone])
    graph = csr_array((cost.numpy(), (i.numpy(), j.numpy())), shape=(one, other + one))
    return torch.from_numpy(min_weight_full_bipartite_matching(graph)[1].astype(np.int64))
