"""Purification: what an interaction says of one feature alone is moved into the function of it.

A sum of functions of one feature and of two has many forms: constants move between all of them,
and a function of x_i can be part of any pair with i. The pure form is the one in which

    E f_i(x_i) = 0,   E F_ij(x_i, x_j) h(x_i) = 0   and   E F_ij(x_i, x_j) h(x_j) = 0

for every basis function h: in bins these are marginals of zero mean (Lengerich, Tan, Chang, Hooker,
Caruana 2020, arXiv 1911.04974), in general the functional analysis of variance of Hooker (2007).
The first E is the mean over the training rows. The second has the weight of one more row, spread
evenly over the knots of the pair: their Laplace prior, which keeps the form unique where features
are copies of each other or leave cells without a row.

A `Parts` has the shape of the sum; its parameters are stacked as rows: intercept, functions of one
feature (feature x knot), pairs (pair x knot x knot). Pairs use every `step`-th knot, so that what
moves out of them is a function on the finer knots exactly.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpretable_arch.maths.additive.hats import hats


@dataclass(frozen=True, eq=False)
class Parts:
    """Which functions there are, and the training distribution that purity refers to.

    `mass` is the mean of each hat; `marginals` maps the values of a pair at its knots to its means
    against the hats of its first feature, then of its second.
    """

    knots: Float[Tensor, "feature knot"]
    mass: Float[Tensor, "feature knot"]
    pairs: Int[Tensor, "pair 2"]
    marginals: Float[Tensor, "pair both cell"]

    def double(self) -> "Parts":
        """The same parts in float64."""
        floats = {n: getattr(self, n).double() for n in ("knots", "mass", "marginals")}
        return replace(self, **floats)

    @property
    def coarse(self) -> int:
        """How many knots a pair has along each of its features."""
        return self.marginals.shape[1] // 2

    @property
    def step(self) -> int:
        return (self.knots.shape[1] - 1) // (self.coarse - 1)

    @property
    def rows(self) -> tuple[int, int, int]:
        """Rows of the intercept, of the functions of one feature, and of pairs."""
        return 1, self.knots.numel(), len(self.pairs) * self.coarse**2


def pair_marginals(
    x: Float[Tensor, "row feature"],
    knots: Float[Tensor, "feature coarse"],
    pairs: Int[Tensor, "pair 2"],
) -> Float[Tensor, "pair both cell"]:
    """E[(h_a(x_i), h_b(x_j)) h_c(x_i) h_d(x_j)] of each pair, with the prior's row."""
    q = knots.shape[1]
    found = hats(x, knots)
    prior = torch.cat([_repeated(q, x), _tiled(q, x)], 1).T / q**2
    rows = [_marginals(found[:, i], found[:, j], prior) for i, j in pairs.tolist()]
    return torch.stack(rows) if rows else x.new_zeros(0, 2 * q, q * q)


def _marginals(
    first: Float[Tensor, "row coarse"],
    second: Float[Tensor, "row coarse"],
    prior: Float[Tensor, "both cell"],
) -> Float[Tensor, "both cell"]:
    cells = (first[:, :, None] * second[:, None]).flatten(1)
    return (torch.cat([first, second], 1).T @ cells + prior) / (len(first) + 1)


def gauge(parts: Parts) -> Float[Tensor, "parameter freedom"]:
    """Every way to move mass that changes no output, one a column; they are independent.

    A constant from the intercept into each function of one feature, then for each pair a function
    of its first feature and one of its second, the latter up to a constant.
    """
    one, mains, _ = parts.rows
    d, k = parts.knots.shape
    q = parts.coarse
    columns = parts.knots.new_zeros(sum(parts.rows), d + len(parts.pairs) * (2 * q - 1))
    columns[0, :d] = -1
    for i in range(d):
        columns[one + i * k : one + (i + 1) * k, i] = 1
    fine = _finer(parts)
    into = torch.cat([_repeated(q, fine), _tiled(q, fine)[:, 1:]], 1)
    for p, (i, j) in enumerate(parts.pairs.tolist()):
        at = d + p * (2 * q - 1)
        cell = one + mains + p * q * q
        columns[cell : cell + q * q, at : at + 2 * q - 1] = into
        columns[one + i * k : one + (i + 1) * k, at : at + q] -= fine[i]
        columns[one + j * k : one + (j + 1) * k, at + q : at + 2 * q - 1] -= fine[j][:, 1:]
    return columns


def constraints(parts: Parts) -> Float[Tensor, "condition parameter"]:
    """What is zero in the pure form: the mean of each function, the marginals of each pair."""
    one, mains, _ = parts.rows
    d, k = parts.knots.shape
    q = parts.coarse
    rows = parts.knots.new_zeros(d + len(parts.pairs) * 2 * q, sum(parts.rows))
    for i in range(d):
        rows[i, one + i * k : one + (i + 1) * k] = parts.mass[i]
    for p, marginals in enumerate(parts.marginals):
        cell = one + mains + p * q * q
        rows[d + 2 * q * p : d + 2 * q * (p + 1), cell : cell + q * q] = marginals
    return rows


def purifying(
    parts: Parts, values: Float[Tensor, "parameter output"]
) -> Float[Tensor, "freedom output"]:
    """How far to move along each column of `gauge` for the pure form."""
    wanted = constraints(parts)
    return torch.linalg.lstsq(wanted @ gauge(parts), -wanted @ values, driver="gelsd").solution


def purified(
    parts: Parts, values: Float[Tensor, "parameter output"]
) -> Float[Tensor, "parameter output"]:
    """The same function in its pure form."""
    return values + gauge(parts) @ purifying(parts, values)


def impurity(parts: Parts, values: Float[Tensor, "parameter output"]) -> float:
    """The largest mean that the pure form would have at zero."""
    return float((constraints(parts) @ values).abs().max())


def pure_basis(parts: Parts) -> list[Float[Tensor, "_ _"]]:
    """Orthonormal bases of the pure values of each function of one feature, then of each pair."""
    return [
        *(null_space(m[None], 1) for m in parts.mass),
        *(null_space(m, 2 * parts.coarse - 1) for m in parts.marginals),
    ]


def null_space(matrix: Float[Tensor, "row column"], rank: int) -> Float[Tensor, "column free"]:
    """An orthonormal basis of what a matrix of known rank maps to 0."""
    return torch.linalg.svd(matrix).Vh[rank:].T


def _finer(parts: Parts) -> Float[Tensor, "feature knot coarse"]:
    """The hats of a pair's knots at all knots of a feature: a coarse function on the fine knots."""
    at = parts.knots[:, :: parts.step]
    return torch.stack(
        [hats(x[:, None], t[None])[:, 0] for x, t in zip(parts.knots, at, strict=True)]
    )


def _repeated(q: int, like: Tensor) -> Float[Tensor, "cell coarse"]:
    return torch.eye(q, dtype=like.dtype, device=like.device).repeat_interleave(q, 0)


def _tiled(q: int, like: Tensor) -> Float[Tensor, "cell coarse"]:
    return torch.eye(q, dtype=like.dtype, device=like.device).repeat(q, 1)
