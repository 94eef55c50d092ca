"""Density matrices held as factors: rho = A* A / tr(A* A), the rows of A being vectors.

    entropy  S(rho) = -tr rho log rho = -sum over i of lambda_i log lambda_i     (nats)
    Lueders  rho -> M rho M* / tr(M rho M*)

(von Neumann 1927; Lueders 1951.) A mixture is not its rho: U A has the same rho for any unitary U,
so other sets of vectors with other weights, not orthogonal, can't be told apart from the
eigenvectors. All that is read off here depends on rho alone.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Eigenmeanings:
    """rho = sum_i probability_i v_i* v_i, in descending order of probability.

    The rows v_i are orthonormal and fixed up to a phase (a sign where real: the largest entry is
    positive); within equal probabilities any other orthonormal set is as good. `mixing` [sense,
    meaning] is unitary: rows mixing^T A are the v_i times their sizes. A row without weight is 0.
    """

    probabilities: Float[Tensor, "*index meaning"]
    vectors: Shaped[Tensor, "*index meaning d_model"]
    mixing: Shaped[Tensor, "*index sense meaning"]


def density(A: Shaped[Tensor, "*index sense d_model"]) -> Shaped[Tensor, "*index d_model d_model"]:
    """rho [.., d_model, d_model], Hermitian, positive, of trace 1; NaN where A is zero."""
    rho = A.mH @ A
    return rho / torch.einsum("...ii->...", rho)[..., None, None]


def eigenmeanings(A: Shaped[Tensor, "*index sense d_model"]) -> Eigenmeanings:
    """Eigenvectors of rho as meanings, their eigenvalues as probabilities.

    Solved on the small side, A A* [sense, sense]. Equal probabilities where A is zero. For reading:
    its gradient is unbounded where two eigenvalues meet.
    """
    power, mixing = torch.linalg.eigh(A.conj() @ A.mT)
    power, mixing = power.flip(-1).clamp_min(0), mixing.flip(-1)
    rows = mixing.mT @ A
    largest = rows.gather(-1, rows.abs().argmax(-1, keepdim=True))
    size = largest.abs()
    phase = torch.where(size > 0, largest / size.where(size > 0, torch.ones_like(size)), 1)
    mixing = mixing * phase.conj().mT
    rows = rows * phase.conj()
    norm = rows.abs().square().sum(-1, keepdim=True).sqrt()
    vectors = rows / norm.where(norm > 0, torch.ones_like(norm))
    return Eigenmeanings(shares(power), vectors, mixing)


def shares(power: Float[Tensor, "*index part"]) -> Float[Tensor, "*index part"]:
    """power / its sum, for power >= 0; equal shares where all of it is zero."""
    total = power.sum(-1, keepdim=True)
    equal = torch.full_like(power, 1 / power.shape[-1])
    return torch.where(total > 0, power / total.where(total > 0, torch.ones_like(total)), equal)


def entropy(probabilities: Float[Tensor, "*index outcome"]) -> Float[Tensor, "*index"]:
    """-sum p log p in nats, in [0, log outcomes]; 0 log 0 is 0."""
    return torch.special.entr(probabilities).sum(-1)


def von_neumann_entropy(
    rho: Shaped[Tensor, "*index d_model d_model"],
) -> Float[Tensor, "*index"]:
    """-tr rho log rho in nats, in [0, log d_model]: 0 for one meaning, log k for k equal ones."""
    return entropy(torch.linalg.eigvalsh(rho).clamp_min(0))


def measure(
    rho: Shaped[Tensor, "*index d_model d_model"], M: Shaped[Tensor, "*index d_model d_model"]
) -> tuple[Shaped[Tensor, "*index d_model d_model"], Float[Tensor, "*index"]]:
    """The state after the outcome M, M rho M* / tr, and tr M rho M*, the outcome's probability.

    The second is a probability in [0, 1] where M* M <= 1.
    """
    moved = M @ rho @ M.mH
    probability = torch.einsum("...ii->...", moved).real
    return moved / probability[..., None, None], probability
