"""Whether matrix-valued tokens are the one optimum of the group that they answer with.

Let the answers argmax over c of Re tr(A_a A_b A_c*) be a group G of n elements. The loss on the
table of G is zero only if |A_a A_b - A_ab| = 0, so A is a representation, and only if its character
is d at the identity and -d/(n-1) elsewhere. Its multiplicities are then d d_rho/(n-1): at d = n - 1
each non-trivial irreducible as often as its dimension. A character determines a unitary
representation up to a unitary change of basis, an orthogonal one up to an orthogonal.

A trained model meets this to rounding, not exactly. The multiplicities are whole numbers, and
tokens whose character is within `OFF_IDENTITY` of it round to no others. In single precision the
defect is known to about 1e-3 only, as the root of a rounded difference.

Source: J.-P. Serre, Linear Representations of Finite Groups (1977), theorem 4 and section 13.2.
"""

import torch
from jaxtyping import Complex, Shaped
from torch import Tensor

from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.maths.groups.operation import operation_defect
from interpretable_arch.readings.token_scores import score_rows

OFF_IDENTITY = 0.01
DEFECT = 0.01
UNITARITY = 1e-4
NOT_READ = float("nan")


def group_certificate(tokens: Complex[Tensor, "order d d"], real: bool) -> Certificate:
    """The conditions at these tokens, whatever they were trained on.

    Which products were shown does not enter: that they fix the table is read beside the task.
    `real` says that the tokens are orthogonal, and kept so in training. Nothing but `tokens` is
    looked at; where the answers are no group, what needs one is NaN and fails.
    """
    order, d = tokens.shape[:2]
    A = tokens.detach().cpu()
    A = A.real if real else A
    broken, defect, off = _answers(A) if bool(torch.isfinite(A.abs()).all()) else (NOT_READ,) * 3
    conditions = (
        Condition("|d - (order - 1)|", float(abs(d - order + 1)), "below", 0.0),
        Condition("max |A A* - 1| / sqrt(d)", _unitarity(A), "below", UNITARITY),
        Condition("group laws that the answers break", float(broken), "below", 0.0),
        Condition("max |A_a A_b - A_ab| / sqrt(d)", defect, "below", DEFECT),
        Condition("max |chi + 1| off the identity", off, "below", OFF_IDENTITY),
    )
    group, kind = ("O(d) modulo +-1", "orthogonal") if real else ("PU(d)", "unitary")
    return Certificate(
        unique=f"one optimum up to {group} on the table that the model answers with: {kind} tokens "
        "of zero loss are a representation with character -1 off the identity (the regular one "
        "less the trivial one), and a character determines a representation (Serre 1977, th. 4)",
        conditions=conditions,
        notes=(_note(real),),
    )


def _note(real: bool) -> str:
    text = (
        "That training reaches this optimum is no part of the theorem; nor is that the products "
        "shown fix the table."
    )
    return text + (" Steps on orthogonal tokens never change a determinant." if real else "")


def _unitarity(A: Shaped[Tensor, "order d d"]) -> float:
    d = A.shape[-1]
    gap = torch.einsum("gij,gkj->gik", A, A.conj()) - torch.eye(d, dtype=A.dtype)
    return float(gap.norm(dim=(1, 2)).max() / d**0.5)


def _answers(A: Shaped[Tensor, "order d d"]) -> tuple[float, float, float]:
    """Laws that the answers break; max |A_a A_b - A_ab| / sqrt(d); max |tr A_a A_e* + 1|, a != e.

    |A_a A_b - A_ab|^2 = |A_a A_b|^2 - 2 d Re z_ab + |A_ab|^2 with z of the scores that gave the
    answer, and |A_a A_b|^2 = tr(A_a* A_a A_b A_b*).
    """
    d = A.shape[-1]
    size = A.flatten(1).norm(dim=1).square() / d
    left, right = (
        torch.einsum(f"{i},{j}->gik", A.conj(), A) for i, j in (("gji", "gjk"), ("gkj", "gij"))
    )
    products = torch.einsum("aij,bji->ab", left, right).real / d
    table, squares = [], []
    for a, scores in enumerate(score_rows(A)):
        best = scores.real.max(-1)
        table.append(best.indices)
        squares.append(products[a] - 2 * best.values + size[best.indices])
    operation = operation_defect(torch.stack(table))
    if operation.broken or operation.identity is None:
        return float(operation.broken), NOT_READ, NOT_READ
    e = operation.identity
    off = (torch.einsum("gij,ij->g", A, A[e].conj()) + 1).abs()
    off[e] = 0.0
    return 0.0, float(torch.stack(squares).max().clamp_min(0).sqrt()), float(off.max())
