"""The nearest isometry to a tall matrix by scaled Newton steps.

    X -> (m X + X (X* X)^-1 / m) / 2,    m^4 = tr (X* X)^-1 / tr X* X

The polar retraction of the Stiefel manifold: converges from every X of full rank, each singular
value s going to (m s + 1 / (m s)) / 2, quadratically near 1; m, which is 1 at an isometry, puts the
singular values evenly about 1 first (Higham 1986, Frobenius scaling). At an isometry one step
changes nothing, and its derivative is the projection on the tangent space.
"""

import torch
from jaxtyping import Shaped
from torch import Tensor


def nearest_isometry(
    x: Shaped[Tensor, "*batch row column"], steps: int = 8
) -> Shaped[Tensor, "*batch row column"]:
    """x, real or complex with at least as many rows as columns, to its polar factor.

    Eight steps reach rounding for any scale of x, and largest singular values up to 1000 times the
    least; the rounding is that of X* X, the square of this ratio times the machine's.
    """
    eye = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    for _ in range(steps):
        gram = x.mH @ x
        inverse = torch.linalg.solve(gram, eye.expand_as(gram))
        m = (_trace(inverse) / _trace(gram)) ** 0.25
        x = 0.5 * (m * x + x @ inverse / m)
    return x


def _trace(x: Tensor) -> Tensor:
    return x.diagonal(dim1=-2, dim2=-1).real.sum(-1)[..., None, None]
