"""What training may minimise over classes in the place of the cross-entropy.

Evaluation always counts the cross-entropy, so that losses compare. With p = softmax(outputs) and
the class y that came, means over the targets that are not -100:

cross_entropy    -log p_y
label_smoothing  -(1 - e) log p_y - e mean_c log p_c     Szegedy et al. 2016, arXiv 1512.00567
squared_error    sum_c (p_c - [c = y])^2                 the score of Brier 1950
focal            -(1 - p_y)^g log p_y                    Lin et al. 2017, arXiv 1708.02002
"""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_type_hints

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from interpretable_arch.registry import nearest
from training.objective import IGNORED, Loss, cross_entropy
from training.parsing import ConfigError, parse
from training.settings import Part


def label_smoothing(
    outputs: Float[Tensor, "*index output"],
    targets: Shaped[Tensor, "*index"],
    epsilon: float = 0.1,
) -> Float[Tensor, ""]:
    """Cross-entropy, in nats, with a share `epsilon` in [0, 1) of each target spread evenly."""
    rows = outputs.flatten(end_dim=-2)
    return functional.cross_entropy(
        rows, targets.flatten(), ignore_index=IGNORED, label_smoothing=epsilon
    )


def squared_error(
    outputs: Float[Tensor, "*index output"], targets: Shaped[Tensor, "*index"]
) -> Float[Tensor, ""]:
    """Squared distance in [0, 2] of the probabilities from the class that came."""
    p = outputs.softmax(-1)
    chosen = _probability_of(targets, p)
    return _mean(p.square().sum(-1) - 2 * chosen + 1, targets)


def focal(
    outputs: Float[Tensor, "*index output"],
    targets: Shaped[Tensor, "*index"],
    gamma: float = 2.0,
) -> Float[Tensor, ""]:
    """Cross-entropy, in nats, that counts a target less the surer the model is of it already."""
    log_p = _probability_of(targets, outputs.log_softmax(-1))
    # Where p rounds to 1 the slope of (1 - p)^gamma, gamma below 1, would be infinite.
    other = (1 - log_p.exp()).clamp_min(torch.finfo(log_p.dtype).tiny)
    return _mean(-(other**gamma) * log_p, targets)


LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "label_smoothing": label_smoothing,
    "squared_error": squared_error,
    "focal": focal,
}
_RANGES: Mapping[str, tuple[str, Callable[[float], bool]]] = {
    "epsilon": ("at least 0 and below 1", lambda e: 0 <= e < 1),
    "gamma": ("0 or more", lambda g: 0 <= g < math.inf),
}


def build_loss(part: Part | None, model: nn.Module | None = None) -> Loss:
    """The loss of an experiment's `loss`; the cross-entropy for None.

    Raises ConfigError for an unknown name or argument, for one out of range, and for a `model`
    that has a loss of its own, which would go before.
    """
    if part is None:
        return cross_entropy
    if part.class_path not in LOSSES:
        raise ConfigError("loss", nearest("class_path", part.class_path, LOSSES))
    if model is not None and hasattr(model, "loss"):
        kind = type(model).__name__
        raise ConfigError("loss", f"wants a model without a loss of its own, got {kind}")
    found = LOSSES[part.class_path]
    return partial(found, **_arguments(found, part.init_args)) if part.init_args else found


def _arguments(loss: Loss, given: Mapping[str, Any]) -> dict[str, Any]:
    known = list(inspect.signature(loss).parameters)[2:]
    hints = get_type_hints(loss)
    for name, value in given.items():
        if name not in known:
            raise ConfigError("loss.init_args", nearest("argument", name, known))
        parsed = parse(hints[name], value, f"loss.init_args.{name}")
        wanted, fine = _RANGES[name]
        if not fine(parsed):
            raise ConfigError(f"loss.init_args.{name}", f"wants {wanted}, got {value!r}")
    return {name: parse(hints[name], value) for name, value in given.items()}


def _probability_of(targets: Tensor, rows: Tensor) -> Tensor:
    """The entry of each row at its target; at the first class where the target does not count."""
    at = targets.masked_fill(targets == IGNORED, 0)
    return rows.gather(-1, at[..., None]).squeeze(-1)


def _mean(values: Tensor, targets: Tensor) -> Tensor:
    counted = (targets != IGNORED).to(values.dtype)
    return torch.sum(values * counted) / counted.sum()
