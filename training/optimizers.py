"""Adam or AdamW over the parameters of one seed or a whole stack, learning rates and clipping.

Adam acts entry by entry, so one optimiser over stacked tensors is K optimisers; only the clipping
norm mixes entries, and it is taken seed by seed.
Sources: Kingma & Ba 2015 (arXiv:1412.6980), Loshchilov & Hutter 2019 (arXiv:1711.05101).
"""

import math
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.experiment import Optimizer

_NORM_FLOOR = 1e-6  # as in torch.nn.utils.clip_grad_norm_


def learning_rate(optimizer: Optimizer, step: int, max_steps: int) -> float:
    """Learning rate of update `step` (0 is the first): linear warmup times the schedule.

    "cosine" falls to `final_fraction * lr` at `max_steps`; "half" does so over the second half
    and is constant before. A pure function of the step: a resumed training needs no state.
    """
    warmup = min(1.0, (step + 1) / optimizer.warmup_steps) if optimizer.warmup_steps else 1.0
    start = {"cosine": min(optimizer.warmup_steps, max_steps), "half": max_steps // 2}.get(
        optimizer.schedule, max_steps
    )
    progress = min(1.0, max(0.0, (step - start) / max(1, max_steps - start)))
    fall = 0.5 * (1.0 + math.cos(math.pi * progress))
    return (
        optimizer.lr * warmup * (optimizer.final_fraction + (1 - optimizer.final_fraction) * fall)
    )


def build_optimizer(
    optimizer: Optimizer, parameters: Iterable[nn.Parameter], seed_axes: int
) -> torch.optim.Adam:
    """Weight decay acts on matrices and larger arrays, not on biases, gains and scalars.

    `seed_axes` is 1 where parameters carry a leading seed axis, otherwise 0.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.ndim - seed_axes >= 2]
    kept = [parameter for parameter in trained if parameter.ndim - seed_axes < 2]
    groups = [
        {"params": decayed, "weight_decay": optimizer.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer.name]
    return kind(
        [group for group in groups if group["params"]],
        lr=optimizer.lr,
        betas=optimizer.betas,
        fused=all(parameter.is_floating_point() for parameter in trained),
    )


def clip_by_seed(gradients: Sequence[Float[Tensor, "seed ..."]], max_norm: float) -> None:
    """Scale each seed's slice of all gradients, in place, to a joint norm of at most `max_norm`.

    Equal to `torch.nn.utils.clip_grad_norm_` seed by seed. No value is fetched from the device.
    """
    norms = torch.stack([torch.linalg.vector_norm(g.reshape(len(g), -1), dim=1) for g in gradients])
    total = torch.linalg.vector_norm(norms, dim=0)
    scale = (max_norm / (total + _NORM_FLOOR)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.view(-1, *(1 for _ in gradient.shape[1:])))
