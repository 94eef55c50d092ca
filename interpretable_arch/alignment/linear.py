"""The invertible matrix that carries one model's circuit closest to another's, as both sides move.

    min_g  ||g^T x - y||^2 + ||g^-1 x' - y'||^2        x, y direct;  x', y' dual

has no closed form. Gauss-Newton: for g (1 + E) the sides move by E^T x and -E x', so that E solves
the Sylvester equation  C E + E C' = x (y - x)^T - (y' - x') x'^T,  C = x x^T, C' = x' x'^T, by the
eigenvectors of C and C'. Started from the identity, the best orthogonal matrix and the least
squares of the direct side alone; the best is kept, copy by copy. A local optimum.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.symmetries.groups import GeneralLinear, Orthogonal, Pairs
from interpretable_arch.symmetry import Side

STEPS, HALVINGS, ENOUGH = 3, 4, 1e-4
Matrices = Float[Tensor, "copies n n"]
Rows = Float[Tensor, "copies n rest"]  # direct side
Others = Float[Tensor, "copies n more"]  # dual side


def fit_linear(group: GeneralLinear, pairs: Pairs) -> Matrices:
    """The element found, its cost never above that of the identity. O(copies n^2 (n + rest))."""
    x, y = _side(pairs, "direct")
    if not any(side == "dual" for _, _, side in pairs):
        return group.fit(pairs)  # least squares
    p, q = _side(pairs, "dual")
    eye = torch.eye(group.n, dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
    starts = torch.stack([eye, Orthogonal(group.n).fit(pairs), group.fit(pairs)])
    back, failed = torch.linalg.inv_ex(starts)
    costs = _cost(starts.mT @ x, y, back @ p, q).masked_fill(failed > 0, torch.inf)
    nearest = costs.nan_to_num(nan=torch.inf).argmin(0)
    return _descend(starts[nearest, torch.arange(len(x))], x, y, p, q)


def _side(pairs: Pairs, side: Side) -> tuple[Rows, Rows]:
    chosen = [(x, y) for x, y, s in pairs if s == side]
    return torch.cat([x for x, _ in chosen], -1), torch.cat([y for _, y in chosen], -1)


def _descend(g: Matrices, x: Rows, y: Rows, p: Others, q: Others) -> Matrices:
    here, there = g.mT @ x, torch.linalg.solve(g, p)
    cost = _cost(here, y, there, q)
    for _ in range(STEPS):
        before = cost
        step = _step(here, y, there, q)
        for halving in range(HALVINGS):
            move = torch.eye(g.shape[-1], dtype=g.dtype, device=g.device) + step / 2**halving
            new, other = move.mT @ here, torch.linalg.solve_ex(move, there).result
            lower = _cost(new, y, other, q)
            better = (lower < cost)[:, None, None]
            g, here = torch.where(better, g @ move, g), torch.where(better, new, here)
            there = torch.where(better, other, there)
            cost = torch.minimum(cost, lower.nan_to_num(nan=torch.inf))
            step = step.masked_fill(better, 0.0)  # this copy has moved
            if not step.any():
                break
        if bool((before - cost <= ENOUGH * before).all()):
            break
    return g


def _step(x: Rows, y: Rows, p: Others, q: Others) -> Matrices:
    a, A = torch.linalg.eigh(x @ x.mT)
    b, B = torch.linalg.eigh(p @ p.mT)
    wanted = A.mT @ (x @ (y - x).mT - (q - p) @ p.mT) @ B
    both = a[..., :, None] + b[..., None, :]
    # Directions that both sides have lost are left alone.
    floor = torch.finfo(x.dtype).eps * both.amax((-2, -1), keepdim=True)
    return A @ torch.where(both > floor, wanted / both, 0.0) @ B.mT


def _cost(x: Tensor, y: Rows, p: Tensor, q: Others) -> Float[Tensor, "*start copies"]:
    return (x - y).square().sum((-2, -1)) + (p - q).square().sum((-2, -1))
