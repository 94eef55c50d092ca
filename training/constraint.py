"""After each update: the model's own retraction, `constrain(parameters) -> parameters`.

A diverged seed's entries are not finite, and linear algebra (SVD, QR) may refuse the whole stack
for them: then the others are constrained without it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Retraction = Callable[[dict[str, Tensor]], dict[str, Tensor]]


@torch.no_grad()
def constrain(tree: nn.Module, seed_axes: int) -> None:
    """Replace the tree's parameters by the model's retraction of them, if it defines one."""
    retraction = getattr(tree, "constrain", None)
    if retraction is None:
        return
    parameters = {name: p.detach() for name, p in tree.named_parameters()}
    for name, value in _retracted(retraction, parameters, seed_axes).items():
        if value is not parameters[name]:
            parameters[name].copy_(value)


def _retracted(
    retraction: Retraction, parameters: dict[str, Tensor], seed_axes: int
) -> dict[str, Tensor]:
    try:
        return retraction(parameters)
    except RuntimeError:  # torch.linalg.LinAlgError is one
        finite = _finite_seeds(parameters) if seed_axes else all_finite(parameters)
        if finite.all():
            raise
        if not finite.any():
            return {}
        kept = retraction({name: p[finite] for name, p in parameters.items()})
        return {name: _put_back(parameters[name], finite, value) for name, value in kept.items()}


def all_finite(parameters: dict[str, Tensor]) -> Tensor:
    return torch.stack([p.isfinite().all() for p in parameters.values()]).all()


def _finite_seeds(parameters: dict[str, Tensor]) -> Tensor:
    rows = [p.isfinite().reshape(len(p), -1).all(dim=1) for p in parameters.values()]
    return torch.stack(rows).all(dim=0)


def _put_back(whole: Tensor, rows: Tensor, value: Tensor) -> Tensor:
    result = whole.clone()
    result[rows] = value
    return result
