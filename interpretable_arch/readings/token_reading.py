"""What matrix-valued tokens say of themselves, with no table given.

The operation is the model's own answer, argmax over c of Re tr(A_a A_b A_c*). If it is a group,
the tokens' character chi(g) = tr A_g A_e* is averaged over classes and its multiplicities
<chi, chi_rho> name the representation; the formula logit = scale chi(a b c^-1) / d is then run
against the model, and its largest error kept.
"""

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from interpretable_arch.interpretation import Feature, Formula, Interpretation
from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.finite_groups import FiniteGroup, from_table
from interpretable_arch.readings.token_scores import real_scores


def read_tokens(tokens: Complex[Tensor, "order d d"], scale: float) -> Interpretation:
    """Label, traces, multiplicities and formula; "no group" where the answers form none."""
    logits = scale * real_scores(tokens)
    features = _traces(tokens)
    try:
        group = from_table(logits.argmax(-1), name="learned")
    except ValueError as error:
        return Interpretation("no group", features, notes=(str(error),))
    chi = _character(tokens, group)
    table = character_table(group)
    counts = (table.on_elements.conj() @ chi.to(torch.complex128)).real / group.order
    named = list(zip(table.names, counts.tolist(), strict=True))
    label = " + ".join(f"{round(m)} {n}" for n, m in named if round(m)) or "nothing"
    features += tuple(Feature(f"multiplicity.{n}", m, f"how often {n} occurs") for n, m in named)
    return Interpretation(label, features, (_formula(chi, group, scale, logits),))


def _traces(tokens: Tensor) -> tuple[Feature, ...]:
    real = torch.einsum("aii->a", tokens).real
    return tuple(Feature(f"trace.{a}", float(t), "Re tr A_a") for a, t in enumerate(real))


def _character(tokens: Tensor, group: FiniteGroup) -> Complex[Tensor, " order"]:
    """tr A_g A_e*, the mean over each class; the conjugate of least imaginary sign is taken."""
    chi = torch.einsum("gij,ij->g", tokens, tokens[group.identity].conj())
    means = [chi[list(members)].mean() for members in group.classes]
    averaged = torch.stack(means)[group.class_of.to(chi.device)]
    imaginary = averaged.imag
    largest = imaginary[(imaginary.abs() > 0.5).long().argmax()]
    return averaged.conj() if float(largest) < -0.5 else averaged


def _formula(
    chi: Tensor, group: FiniteGroup, scale: float, logits: Float[Tensor, "order order order"]
) -> Formula:
    d = float(chi[group.identity].real)
    quotient: Int[Tensor, "order order order"] = group.table[group.table][:, :, group.inverse]
    error = (scale * chi.real[quotient] / d - logits).abs().max()
    constants = {
        "scale": scale,
        "d": d,
        "table": group.table.tolist(),
        "inverse": group.inverse.tolist(),
        "chi": chi.real.tolist(),
    }
    expression = "scale * chi[table[table[a, b], inverse]] / d"
    return Formula("class function", expression, ("a", "b"), constants, "logits", float(error))
