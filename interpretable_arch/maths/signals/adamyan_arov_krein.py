"""The best Hankel approximation of rank k, in closed form from one Schmidt pair.

    g(z) = sum_k h_k z^{-k-1},   H v = s u,   s = s_{k+1}
    v(z) = sum_j v_j z^j,   u(z) = sum_i u_i z^{-i-1},   error(z) = s u(z) / v(z)

If s_{k+1} < s_k, exactly one Hankel operator of rank k or less is at distance s_{k+1} from H, and
none is nearer: that of the poles inside the circle of g - error (Adamyan, Arov and Krein 1971).
They are the zeros of v there, k of them. g - error is a / v with a(z) = g v - s u, which has no
negative powers: the residue at q is a(q) / v'(q). |u| = |v| on the circle, so that the error has
modulus s there: s times a quotient of Blaschke products, which winds -(2 k + 1) times. For
state-space formulas see Glover (1984).

Zeros are found from the samples of the approximation itself, which are a Fourier transform of the
error and of rank k exactly, and then polished by Newton's method on v.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.maths.signals.hankel_operator import Signal, hankel, realised

POINTS = 2**14  # on the circle
POLISH = 4  # Newton steps; two are enough from what the transform gives


@dataclass(frozen=True)
class Reduction:
    """Poles and residues of the approximation, all singular values of H, and the Schmidt pair.

    `winding` is that of v about 0 on the circle: how many zeros it has inside.
    """

    poles: Complex[Tensor, " pole"]
    residues: Complex[Tensor, " pole"]
    values: Float[Tensor, " sample"]
    u: Signal
    v: Signal
    winding: int

    @property
    def error(self) -> float:
        """s_{k+1}, the least that rank k can reach."""
        return float(self.values[len(self.poles)])


def best_approximation(h: Signal, count: int, points: int = POINTS) -> Reduction:
    """The best approximation of rank `count` to the signal h, zero after its last sample.

    Meant for s_{count+1} clearly below s_count and above rounding; the result says both.
    """
    U, s, Vh = torch.linalg.svd(hankel(h))
    u, v = U[:, count], Vh[count].conj()
    inside = h - _negative(u, v, len(h), points) * s[count]
    poles, _ = realised(inside, count)
    for _ in range(POLISH):
        poles = poles - taylor(v, poles) / taylor_slope(v, poles)
    residues = taylor(_analytic(h, v), poles) / taylor_slope(v, poles)
    circle = on_circle(v, points)
    turns = (circle.roll(-1) / circle).angle().sum() / (2 * torch.pi)
    return Reduction(poles, residues, s, u, v, round(float(turns)))


def taylor(c: Signal, z: Complex[Tensor, " point"]) -> Complex[Tensor, " point"]:
    """sum_j c_j z^j by Horner's rule."""
    found = torch.zeros_like(z)
    for coefficient in c.flip(0):
        found = found * z + coefficient
    return found


def taylor_slope(c: Signal, z: Complex[Tensor, " point"]) -> Complex[Tensor, " point"]:
    """The derivative of the same."""
    return taylor(c[1:] * torch.arange(1, len(c)), z)


def _analytic(h: Signal, v: Signal) -> Complex[Tensor, " power"]:
    """The coefficients of z^0, z^1, ... of g v: that of z^m is sum_j h_j v_{j + m + 1}."""
    return hankel(v)[1:] @ h


def on_circle(c: Signal, points: int = POINTS) -> Complex[Tensor, " point"]:
    """sum_j c_j z^j at the roots of unity z = exp(2 pi i m / points)."""
    return torch.fft.ifft(c, points) * points


def error_on_circle(u: Signal, v: Signal, points: int = POINTS) -> Complex[Tensor, " point"]:
    """u(z) / v(z) at the roots of unity: of modulus 1 where (u, v) is a Schmidt pair."""
    below = torch.fft.fft(torch.cat([u.new_zeros(1), u]), points)
    return below / on_circle(v, points)


def _negative(u: Signal, v: Signal, count: int, points: int) -> Signal:
    """The coefficients of z^{-1}, ..., z^{-count} of u / v on the circle."""
    return torch.fft.ifft(error_on_circle(u, v, points))[1 : count + 1]
