"""The Hankel operator of a signal h_0, h_1, ...: H[i, j] = h_{i+j}, infinite in both directions.

H has rank m exactly when sum_k h_k z^{-k-1} is a rational function of degree m (Kronecker 1881), a
sum of r_j p_j^k where its poles are simple. A signal that ends, h_k = 0 from n on, has the n x n
upper left triangle as the whole of its operator: no further truncation. Of a signal cut off at n
the rest is a Hankel operator too, of norm at most sum_{k >= n} |h_k|.
"""

import math

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

Signal = Complex[Tensor, " sample"]


def hankel(h: Signal) -> Complex[Tensor, "sample sample"]:
    """The operator of the signal that is zero after its last sample."""
    n = len(h)
    at = torch.arange(n)[:, None] + torch.arange(n)
    return torch.cat([h, h.new_zeros(n)])[at.to(h.device)]


def hankel_norm(h: Signal) -> float:
    """The largest singular value of the operator."""
    return float(torch.linalg.matrix_norm(hankel(h), 2))


def error_norm(
    h: Signal, poles: Complex[Tensor, " pole"], residues: Complex[Tensor, " pole"]
) -> float:
    """The Hankel norm of h, zero after its last sample, less sum_j r_j p_j^k, which goes on.

    Followed until no more than 1e-14 of the poles' powers is left, for twice the samples at most.
    """
    radius = float(poles.abs().max().clamp(1e-3, 1 - 1e-3))
    count = min(2 * len(h), max(len(h), samples_needed(radius, 1e-14)))
    goes_on = torch.cat([h, h.new_zeros(count - len(h))])
    return hankel_norm(goes_on - pole_sum(poles, residues, torch.arange(count)))


def pole_sum(
    poles: Complex[Tensor, " pole"],
    residues: Complex[Tensor, " pole"],
    at: Int[Tensor, " sample"],
) -> Signal:
    """sum_j r_j p_j^k at each k of `at`; 0^0 is 1."""
    return powers(poles, at) @ residues


def powers(
    poles: Complex[Tensor, " pole"], at: Int[Tensor, " sample"]
) -> Complex[Tensor, "sample pole"]:
    """p_j^k; torch's own power of a complex 0 is not a number."""
    some = torch.where(poles == 0, 1, poles).pow(at[:, None])
    return torch.where((poles == 0) & (at[:, None] > 0), 0, some)


def samples_needed(radius: float, share: float) -> int:
    """The least n with radius^n / (1 - radius) <= share: what is cut off at n of radius^k."""
    return math.ceil(math.log(share * (1 - radius)) / math.log(radius))


def realised(h: Signal, count: int) -> tuple[Tensor, Tensor]:
    """Poles and residues of the `count` leading singular vectors' shift (Kung 1978; ESPRIT).

    Exact for a signal of that degree, else an approximation without a promise. Residues are least
    squares on the samples.
    """
    n = len(h)
    at = torch.arange(n - n // 2)[:, None] + torch.arange(n // 2)
    u = torch.linalg.svd(h[at], full_matrices=False).U[:, :count]
    poles = torch.linalg.eigvals(torch.linalg.lstsq(u[:-1], u[1:]).solution)
    return poles, residues_of(h, poles)


def residues_of(h: Signal, poles: Complex[Tensor, " pole"]) -> Complex[Tensor, " pole"]:
    """Least squares on the samples, with the powers of each pole brought to length 1."""
    columns = powers(poles, torch.arange(len(h)))
    length = columns.norm(dim=0)
    found = torch.linalg.lstsq(columns / length, h[:, None], driver="gelsd").solution[:, 0]
    return found / length


def gramian_norm(poles: Complex[Tensor, " pole"], residues: Complex[Tensor, " pole"]) -> Tensor:
    """All singular values of the infinite operator of sum_j r_j p_j^k, from its Gramians.

    In the orthonormal basis of Takenaka (1925) and Malmquist,
    f_a(z) = sqrt(1 - |p_a|^2) / (1 - conj p_a z) prod_{b < a} (z - p_b) / (1 - conj p_b z),
    the operator is F^T diag(r) F with F[j, a] = f_a(p_j): no Gramian is inverted, and poles that
    come near each other do no harm. Another way to the same numbers than the samples'.
    """
    columns, product = [], torch.ones_like(poles)
    for p in poles:
        columns.append((1 - p.abs() ** 2).sqrt() / (1 - p.conj() * poles) * product)
        product = product * (poles - p) / (1 - p.conj() * poles)
    F = torch.stack(columns, 1)
    return torch.linalg.svdvals(torch.einsum("ja,j,jb->ab", F, residues, F))


def singular_values(h: Signal) -> Float[Tensor, " sample"]:
    """Of the operator, in falling order."""
    return torch.linalg.svdvals(hankel(h))
