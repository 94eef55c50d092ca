"""One number for all weights of a run, by which a run given twice is found."""

import hashlib
from collections.abc import Mapping

import torch
from jaxtyping import Shaped
from torch import Tensor

from training.runs import Run


def weights_checksum(weights: Run | Mapping[str, Shaped[Tensor, "..."]]) -> str:
    """SHA-256, as 64 hexadecimal digits, over names, types, shapes and bytes, in order of names.

    The same for the same numbers whatever their device and the order they are given in. Two seeds
    with one checksum are one run given twice, or repeats of one seed on a machine that computes
    alike twice; tensors of equal values but another type have another checksum, and so have 0 and
    -0. Cost: one pass over the weights.
    """
    named = weights.weights if isinstance(weights, Run) else weights
    digest = hashlib.sha256()
    for name in sorted(named):
        tensor = named[name].detach().cpu().contiguous()
        digest.update(f"{name!r} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
