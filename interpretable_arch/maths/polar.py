"""The nearest unitary matrix by Newton-Schulz steps, X -> X (15 - 10 X*X + 3 (X*X)^2) / 8.

Matrix products only (Bjoerck and Bowie 1971), so it stacks over seeds and tokens; cubic
convergence for singular values in (0, sqrt 3).
"""

import torch
from torch import Tensor


def newton_schulz(x: Tensor, steps: int = 4) -> Tensor:
    """x [.., d, d], real or complex and close to unitary, to its unitary factor."""
    eye = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    for _ in range(steps):
        gram = x.mH @ x
        x = x @ (15 * eye - 10 * gram + 3 * gram @ gram) / 8
    return x
