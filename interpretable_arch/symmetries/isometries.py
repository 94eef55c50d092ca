"""Isometries of the three geometries, acting on stored points x [copies, width, point].

O(n + 1) turns the sphere, E(n) turns and moves flat space, O(n, 1) with t > 0 kept moves hyperbolic
space, of which the space-like coordinates are stored. Elements are matrices [copies, n + 1, n + 1];
each group has dimension n (n + 1) / 2 and two components. Canonical: the second moments diagonal,
in order of size (flat: also the centre of mass at 0), and what that leaves free is settled by
`maths.geometry.blocks`.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.maths.geometry.blocks import blocks, settled
from interpretable_arch.maths.geometry.hyperboloid import Hyperboloid, height
from interpretable_arch.maths.geometry.space import Space
from interpretable_arch.symmetries.groups import Pairs, Views, polar
from interpretable_arch.symmetry import Group, Side


def isometries(space: Space) -> Group:
    """The group of a space."""
    if isinstance(space, Hyperboloid):
        return HyperbolicIsometry(space.dimension)
    kind = SphericalIsometry if space.sign else FlatIsometry
    return kind(space.dimension)


class _Isometry:
    """What the three share: `n` is the dimension of the space."""

    n: int

    @property
    def dimension(self) -> int:
        return self.n * (self.n + 1) // 2

    @property
    def log_order(self) -> float:
        return math.log(2)


@dataclass(frozen=True)
class SphericalIsometry(_Isometry, Group):
    """O(n + 1)."""

    n: int

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return _rotations(copies, self.n + 1, generator, dtype)

    def inverse(self, g: Tensor) -> Tensor:
        return g.mT

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return g.to(x) @ x

    def fit(self, pairs: Pairs) -> Tensor:
        x, y, _ = pairs[0]
        return polar(y @ x.mT)

    def canonical(self, views: Views) -> Tensor:
        return torch.stack([_principal(x) for x in views[0][0]])


@dataclass(frozen=True)
class FlatIsometry(_Isometry, Group):
    """E(n): rotations, reflections and translations, the last column of an element."""

    n: int

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        moved = torch.randn(copies, self.n, generator=generator, dtype=dtype)
        return _affine(_rotations(copies, self.n, generator, dtype), moved)

    def inverse(self, g: Tensor) -> Tensor:
        turned = g[:, :-1, :-1].mT
        return _affine(turned, -(turned @ g[:, :-1, -1:]).squeeze(-1))

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        g = g.to(x)
        return g[:, :-1, :-1] @ x + g[:, :-1, -1:]

    def fit(self, pairs: Pairs) -> Tensor:
        x, y, _ = pairs[0]
        here, there = x.mean(-1, keepdim=True), y.mean(-1, keepdim=True)
        turned = polar((y - there) @ (x - here).mT)
        return _affine(turned, (there - turned @ here).squeeze(-1))

    def canonical(self, views: Views) -> Tensor:
        x = views[0][0]
        here = x.mean(-1, keepdim=True)
        turned = torch.stack([_principal(c) for c in x - here])
        return _affine(turned, -(turned @ here).squeeze(-1))


@dataclass(frozen=True)
class HyperbolicIsometry(_Isometry, Group):
    """O(n, 1) with t > 0 kept; the first row and column of an element are those of t."""

    n: int

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        """A rotation after a boost by a distance of half, in the mean square, each way."""
        way = 0.5 * torch.randn(copies, self.n, generator=generator, dtype=dtype)
        turned = torch.zeros(copies, self.n + 1, self.n + 1, dtype=dtype)
        turned[:, 0, 0] = 1
        turned[:, 1:, 1:] = _rotations(copies, self.n, generator, dtype)
        return turned @ _boost(way)

    def inverse(self, g: Tensor) -> Tensor:
        sign = _signs(g)
        return sign[:, None] * g.mT * sign

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return (g.to(x) @ _lifted(x))[:, 1:]

    def fit(self, pairs: Pairs) -> Tensor:
        """Through both canonical forms: exact for copies, near for what is nearly a copy."""
        x, y, side = pairs[0]
        return self.inverse(self.canonical([(y, side)])) @ self.canonical([(x, side)])

    def canonical(self, views: Views) -> Tensor:
        return torch.stack([_principal_boost(x) for x in _lifted(views[0][0])])


def _rotations(copies: int, n: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    return polar(torch.randn(copies, n, n, generator=generator, dtype=dtype))


def _affine(turned: Tensor, moved: Tensor) -> Tensor:
    g = torch.zeros(len(turned), *(k + 1 for k in turned.shape[1:])).to(turned)
    g[:, :-1, :-1], g[:, :-1, -1], g[:, -1, -1] = turned, moved, 1
    return g


def _lifted(x: Tensor) -> Tensor:
    """(t, s) [copies, n + 1, point]."""
    return torch.cat([height(x.mT)[:, None], x], 1)


def _signs(x: Tensor) -> Tensor:
    """The metric's diagonal for x [..., n + 1, any]: -1 for t, 1 for the others."""
    signs = torch.ones(x.shape[-2], dtype=x.dtype, device=x.device)
    signs[0] = -1
    return signs


def _boost(way: Tensor) -> Tensor:
    """The isometry that moves the origin to exp(way), way [copies, n], and turns nothing else."""
    size = way.norm(dim=-1, keepdim=True).clamp_min(1e-30)
    axis = way / size
    g = torch.eye(way.shape[1] + 1, dtype=way.dtype).expand(len(way), -1, -1).clone()
    g[:, 0, 0] = size.squeeze(-1).cosh()
    g[:, 0, 1:] = g[:, 1:, 0] = size.sinh() * axis
    g[:, 1:, 1:] += (size.cosh() - 1)[..., None] * axis[:, :, None] * axis[:, None, :]
    return g


def _principal(x: Tensor) -> Tensor:
    """The orthogonal g for which g x [width, point] has diagonal second moments, settled."""
    values, vectors = torch.linalg.eigh(x @ x.mT)
    return _settled(vectors.flip(-1).mT, values.flip(-1), x)


def _settled(g: Tensor, values: Tensor, x: Tensor) -> Tensor:
    """g with each block of equal second moments turned to the declared form."""
    rows = g @ x
    turned = g.clone()
    for first, last in blocks(values):
        turned[first:last] = settled(rows[first:last].mT).mT @ g[first:last]
    return turned


def _principal_boost(x: Tensor) -> Tensor:
    """The isometry g for which g x [n + 1, point], x = (t, s), has diagonal second moments.

    With x x^T = L L^T and the metric J, L^T J L = W M W^T: g = |M|^(1/2) W^T L^-1 keeps J. A share
    of the metric that is positive about the centre of mass, which moves with x, keeps x x^T
    invertible where the points span less than the space.
    """
    sign = _signs(x)
    centre = x.sum(1)
    centre = centre / (-(sign * centre * centre).sum()).sqrt()
    frame = 2 * torch.outer(centre, centre) + torch.diag(sign)
    moments = x @ x.mT + 1e-12 * x.shape[1] * frame
    factor = torch.linalg.cholesky(moments)
    values, vectors = torch.linalg.eigh(factor.mT @ (sign[:, None] * factor))
    order = torch.tensor([0, *range(len(values) - 1, 0, -1)], device=x.device)  # t, then descending
    values, vectors = values[order], vectors[:, order]
    g = (
        values.abs().sqrt()[:, None]
        * torch.linalg.solve_triangular(factor.mT, vectors, upper=True).mT
    )
    g = torch.cat([g[:1] * torch.sign(g[0] @ x[:, 0]), g[1:]])
    return torch.cat([g[:1], _settled(g[1:], values[1:], x)])
