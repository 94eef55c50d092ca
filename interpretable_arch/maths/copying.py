"""How far an attention head copies: whether attending to a token raises that token's own logit.

    sum of eigenvalues / sum of their moduli,  of W_E W_V W_O W_U  (Elhage et al. 2021,
    transformer-circuits.pub/2021/framework)

The non-zero eigenvalues of this [vocab, vocab] matrix are those of W_O W_U W_E W_V, which is
d_head x d_head: that is what is solved.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def copying_scores(
    W_E: Float[Tensor, "vocab d_model"],
    W_V: Float[Tensor, "d_model head d_head"],
    W_O: Float[Tensor, "head d_head d_model"],
    W_U: Float[Tensor, "d_model vocab"],
) -> Float[Tensor, " head"]:
    """Per head, in [-1, 1]: 1 copies, -1 lowers what it attends to, 0 for a head of zeros."""
    small = torch.einsum("hke,ed,dhj->hkj", W_O, W_U @ W_E, W_V)
    eigenvalues = torch.linalg.eigvals(small.detach())
    size = eigenvalues.abs().sum(-1)
    return eigenvalues.real.sum(-1) / size.clamp_min(torch.finfo(size.dtype).tiny)
