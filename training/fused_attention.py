"""Fused attention on the processor for a stack of seeds: the seed axis joins the batch axis.

torch has a batching rule for its CUDA attention kernels but not for the processor's
`_scaled_dot_product_flash_attention_for_cpu`, which under vmap is called seed by seed. Attention
has no parameters, so a stack of K seeds is one call with a batch K times as large.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor

_OPERATOR = "aten::_scaled_dot_product_flash_attention_for_cpu"


@cache
def teach_vmap_fused_attention() -> None:
    """Register the batching rule, unless this version of torch brings one."""
    if not torch._C._dispatch_has_kernel_for_dispatch_key(_OPERATOR, "FuncTorchBatched"):
        torch.library.register_vmap(_OPERATOR, _attend_all_seeds)


def _attend_all_seeds(
    info: Any,
    axes: tuple[Any, ...],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    dropout: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
    seeds = info.batch_size
    inputs = [_fold(t, axis, seeds) for t, axis in zip((query, key, value), axes, strict=False)]
    outputs = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        *inputs, dropout, is_causal, attn_mask=attn_mask, scale=scale
    )
    attended, log_normaliser = (output.unflatten(0, (seeds, -1)) for output in outputs)
    return (attended, log_normaliser), (0, 0)


def _fold(tensor: Tensor, axis: int | None, seeds: int) -> Tensor:
    whole = tensor.expand(seeds, *tensor.shape) if axis is None else tensor.movedim(axis, 0)
    return whole.flatten(0, 1)
