"""The groups of `symmetry`: permutation, sign, scale, translation, orthogonal, general linear,
unitary, complex scale.

Conventions on a view x [copies, n, rest]. Linear groups carry x to g^T x, the dual to g^-1 x, so
that sum_i q_i k_i is kept when q is direct and k is dual. Fits: assignment (permutation),
Procrustes (orthogonal; Schoenemann 1966), least squares (the others).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.symmetry import Group, Side

Pairs = Sequence[tuple[Tensor, Tensor, Side]]
Views = Sequence[tuple[Tensor, Side]]


def _join(views: Views, side: Side | None = None) -> Tensor:
    """The views of one side (or all), side by side: [copies, n, sum of rest]."""
    return torch.cat([v for v, s in views if side is None or s == side], -1)


def _leading_sign(x: Tensor) -> Tensor:
    """The sign [copies, n] of the largest entry of each row of x [copies, n, rest]."""
    index = x.abs().argmax(-1, keepdim=True)
    sign = x.gather(-1, index).squeeze(-1).sign()
    return torch.where(sign == 0, torch.ones_like(sign), sign)


@dataclass(frozen=True)
class Permutation(Group):
    n: int

    @property
    def dimension(self) -> int:
        return 0

    @property
    def log_order(self) -> float:
        return math.lgamma(self.n + 1)

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return torch.stack([torch.randperm(self.n, generator=generator) for _ in range(copies)])

    def inverse(self, g: Tensor) -> Tensor:
        return g.argsort(-1)

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return torch.stack([v[p.to(v.device)] for v, p in zip(x, g, strict=True)])

    def fit(self, pairs: Pairs) -> Tensor:
        from scipy.optimize import linear_sum_assignment

        near = sum(-torch.cdist(y, x).square() for x, y, _ in pairs)
        assert isinstance(near, Tensor)
        columns = [linear_sum_assignment(c.cpu().numpy(), maximize=True)[1] for c in near.detach()]
        return torch.stack([torch.as_tensor(c) for c in columns])

    def canonical(self, views: Views) -> Tensor:
        return _join(views).norm(dim=-1).argsort(dim=-1, descending=True, stable=True).cpu()


@dataclass(frozen=True)
class Sign(Group):
    n: int

    @property
    def dimension(self) -> int:
        return 0

    @property
    def log_order(self) -> float:
        return self.n * math.log(2)

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return torch.randint(0, 2, (copies, self.n), generator=generator).to(dtype) * 2 - 1

    def inverse(self, g: Tensor) -> Tensor:
        return g

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return g[..., None] * x

    def fit(self, pairs: Pairs) -> Tensor:
        inner = torch.cat([x * y for x, y, _ in pairs], -1).sum(-1)
        return torch.where(inner < 0, -1.0, 1.0).to(inner.dtype)

    def canonical(self, views: Views) -> Tensor:
        return _leading_sign(_join(views))


@dataclass(frozen=True)
class Scale(Group):
    """Positive scales: the direct side is multiplied, the dual side divided."""

    n: int

    @property
    def dimension(self) -> int:
        return self.n

    @property
    def log_order(self) -> float:
        return 0.0

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return torch.randn(copies, self.n, generator=generator, dtype=dtype).mul(0.5).exp()

    def inverse(self, g: Tensor) -> Tensor:
        return 1 / g

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return x * g[..., None] if side == "direct" else x / g[..., None]

    def fit(self, pairs: Pairs) -> Tensor:
        wanted = _join([(y, s) for _, y, s in pairs], "direct").norm(dim=-1)
        return wanted / _join([(x, s) for x, _, s in pairs], "direct").norm(dim=-1)

    def canonical(self, views: Views) -> Tensor:
        ratio = _join(views, "dual").norm(dim=-1) / _join(views, "direct").norm(dim=-1)
        return ratio.sqrt()


@dataclass(frozen=True)
class Translation(Group):
    """x + t on the direct side, x - t on the dual; canonical: the dual side (or, alone,
    the direct one) has mean zero."""

    n: int

    @property
    def dimension(self) -> int:
        return self.n

    @property
    def log_order(self) -> float:
        return 0.0

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return torch.randn(copies, self.n, generator=generator, dtype=dtype)

    def inverse(self, g: Tensor) -> Tensor:
        return -g

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return x + g[..., None] if side == "direct" else x - g[..., None]

    def fit(self, pairs: Pairs) -> Tensor:
        return torch.cat([y - x if s == "direct" else x - y for x, y, s in pairs], -1).mean(-1)

    def canonical(self, views: Views) -> Tensor:
        duals = [v for v, s in views if s == "dual"]
        return torch.cat(duals, -1).mean(-1) if duals else -_join(views).mean(-1)


@dataclass(frozen=True)
class Orthogonal(Group):
    n: int

    @property
    def dimension(self) -> int:
        return self.n * (self.n - 1) // 2

    @property
    def log_order(self) -> float:
        return math.log(2)

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return polar(torch.randn(copies, self.n, self.n, generator=generator, dtype=dtype))

    def inverse(self, g: Tensor) -> Tensor:
        return g.mT

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return g.mT @ x

    def fit(self, pairs: Pairs) -> Tensor:
        return polar(sum((x @ y.mT for x, y, _ in pairs), torch.zeros((), dtype=pairs[0][0].dtype)))

    def canonical(self, views: Views) -> Tensor:
        x = _join(views)
        basis = torch.linalg.eigh(x @ x.mT).eigenvectors.flip(-1)
        return basis * _leading_sign(basis.mT @ x)[:, None, :]


@dataclass(frozen=True)
class GeneralLinear(Group):
    n: int

    @property
    def dimension(self) -> int:
        return self.n**2

    @property
    def log_order(self) -> float:
        return math.log(2)

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        noise = torch.randn(copies, self.n, self.n, generator=generator, dtype=dtype)
        scales = torch.linspace(0.5, 2, self.n, dtype=dtype)
        return polar(noise) * scales

    def inverse(self, g: Tensor) -> Tensor:
        return torch.linalg.inv(g)

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return g.mT @ x if side == "direct" else torch.linalg.solve(g, x)

    def fit(self, pairs: Pairs) -> Tensor:
        x = _join([(x, s) for x, _, s in pairs], "direct")
        y = _join([(y, s) for _, y, s in pairs], "direct")
        return _invertible(torch.linalg.lstsq(x.mT, y.mT).solution)

    def canonical(self, views: Views) -> Tensor:
        """Balanced form: the product direct^T dual = U S V^T is split as (U sqrt S)(sqrt S V^T)."""
        direct, dual = _join(views, "direct"), _join(views, "dual")
        # The product is [m1, m2] of rank n: two thin QRs keep the decomposition at n x n.
        q1, r1 = torch.linalg.qr(direct.mT)
        _, r2 = torch.linalg.qr(dual.mT)
        u, s, _ = torch.linalg.svd(r1 @ r2.mT)
        wanted = (q1 @ u * s.sqrt()[:, None, :]).mT
        wanted = wanted * _leading_sign(wanted)[..., None]
        return _invertible(torch.linalg.lstsq(direct.mT, wanted.mT).solution)


@dataclass(frozen=True)
class ComplexScale(Group):
    """Non-zero complex numbers on `n` interleaved pairs: direct by c, dual by 1/conj(c)."""

    n: int

    @property
    def dimension(self) -> int:
        return 2 * self.n

    @property
    def log_order(self) -> float:
        return 0.0

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        log = torch.randn(copies, self.n, 2, generator=generator, dtype=dtype)
        return torch.polar(log[..., 0].mul(0.5).exp(), log[..., 1] * math.pi)

    def inverse(self, g: Tensor) -> Tensor:
        return 1 / g

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        z = _pairs(x) * (g if side == "direct" else 1 / g.conj())[..., None]
        return torch.stack((z.real, z.imag), -2).flatten(-3, -2)

    def fit(self, pairs: Pairs) -> Tensor:
        x = torch.cat([_pairs(x) for x, _, s in pairs if s == "direct"], -1)
        y = torch.cat([_pairs(y) for _, y, s in pairs if s == "direct"], -1)
        return (x.conj() * y).sum(-1) / x.abs().square().sum(-1)

    def canonical(self, views: Views) -> Tensor:
        direct = torch.cat([_pairs(x) for x, s in views if s == "direct"], -1)
        dual = torch.cat([_pairs(x) for x, s in views if s == "dual"], -1)
        size = (dual.norm(dim=-1) / direct.norm(dim=-1)).sqrt()
        largest = direct.gather(-1, direct.abs().argmax(-1, keepdim=True)).squeeze(-1)
        return size * largest.conj() / largest.abs()


def polar(x: Tensor) -> Tensor:
    """The unitary factor of x: the closest orthogonal (unitary) matrix."""
    u, _, vh = torch.linalg.svd(x, full_matrices=False)
    return u @ vh


def _invertible(g: Tensor) -> Tensor:
    """g, where directions that matrices have lost (zeroed weights) are carried along unchanged."""
    u, s, vh = torch.linalg.svd(g)
    lost = s <= 100 * g.shape[-1] * torch.finfo(g.dtype).eps * s[..., :1]
    return u * s.masked_fill(lost, 1.0)[..., None, :] @ vh if lost.any() else g


def _pairs(x: Tensor) -> Tensor:
    """Interleaved rows [copies, 2n, rest] as complex [copies, n, rest]."""
    return torch.complex(x[:, 0::2], x[:, 1::2])
