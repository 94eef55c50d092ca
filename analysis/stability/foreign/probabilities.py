"""Outputs in files are logits or probabilities: the latter are told by their rows.

Rows that are at least 0 and sum to 1 are distributions: a softmax of them would be another model's
answer. Their logarithms are logits of the same model, for softmax(log p) = p.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

SLACK = 1e-3  # of a sum of probabilities that were rounded to half precision


def as_logits(
    names: Sequence[str], rows: Sequence[Float[Tensor, "..."]]
) -> tuple[list[Float[Tensor, "..."]], str]:
    """Outputs [input, output] of each seed as logits, and what was done or doubted, in words.

    Where each seed's are probabilities, the logarithm is taken, of 0 that of the least number there
    is; an empty tensor, of a run that failed, stays. Where only some are, all are left as they are.
    """
    told = {n: _are_probabilities(r) for n, r in zip(names, rows, strict=True) if r.numel()}
    if all(told.values()):
        said = "outputs are probabilities (rows >= 0 that sum to 1): their logarithms are compared"
        return [_logarithm(each) if each.numel() else each for each in rows], said
    some = [name for name, flag in told.items() if flag]
    if some:
        return list(rows), (
            f"outputs of {', '.join(some)} look like probabilities, the others' do not: all are"
            " taken as logits"
        )
    return list(rows), ""


def _are_probabilities(rows: Float[Tensor, "input output"]) -> bool:
    if bool((rows < 0).any()):
        return False
    return bool(((rows.sum(-1) - 1).abs() <= SLACK).all())


def _logarithm(rows: Float[Tensor, "input output"]) -> Float[Tensor, "input output"]:
    return rows.clamp_min(torch.finfo(rows.dtype).tiny).log()
