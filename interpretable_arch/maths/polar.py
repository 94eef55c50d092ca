"""The nearest unitary matrix by Newton-Schulz steps, X -> X (3 - X*X) / 2.

Matrix products only (Bjoerck and Bowie 1971), so it stacks over seeds and tokens; quadratic
convergence for singular values in (0, sqrt 3). At a unitary X one step changes nothing, and its
derivative is the projection on the tangent space of the unitary group.
"""

from torch import Tensor


def newton_schulz(x: Tensor, steps: int = 2) -> Tensor:
    """x [.., d, d], real or complex and close to unitary, to its unitary factor."""
    for _ in range(steps):
        x = 1.5 * x - 0.5 * x @ (x.mH @ x)
    return x
