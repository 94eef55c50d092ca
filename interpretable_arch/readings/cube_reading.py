"""What scores T(c | a, b) of a binary operation say of it, with no table given.

The operation is the model's own answer, argmax over c. If it is a group, f(g), the mean of T over
all triples with a b c^-1 = g, averaged over classes, is what a function of a b c^-1 alone would be;
order times its inner products with the irreducible characters are multiplicities. At the regular
representation f is 1 at the identity and 0 elsewhere. The formula logit = scale f(a b c^-1) is run
against the scores, and its largest error kept.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.interpretation import Feature, Formula, Interpretation
from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.finite_groups import FiniteGroup, from_table


def read_cube(scores: Float[Tensor, "order order order"], scale: float) -> Interpretation:
    """Label, score of the answers, multiplicities and formula; "no group" where there is none."""
    best = scores.topk(2, dim=-1).values
    features = (
        Feature("answer", float(best[..., 0].mean()), "mean score of the answers"),
        Feature("margin", float((best[..., 0] - best[..., 1]).min()), "least lead of an answer"),
    )
    try:
        group = from_table(scores.argmax(-1), name="learned")
    except ValueError as error:
        return Interpretation("no group", features, notes=(str(error),))
    quotient = group.table[group.table][:, :, group.inverse]
    f = _class_means(scores, quotient, group)
    table = character_table(group)
    counts = (table.on_elements.conj() @ f.to(torch.complex128)).real
    named = list(zip(table.names, counts.tolist(), strict=True))
    label = " + ".join(f"{round(m)} {n}" for n, m in named if round(m)) or "nothing"
    features += tuple(Feature(f"multiplicity.{n}", m, f"how often {n} occurs") for n, m in named)
    constants = {
        "scale": scale,
        "table": group.table.tolist(),
        "inverse": group.inverse.tolist(),
        "f": f.tolist(),
    }
    error = float(scale * (f[quotient] - scores).abs().max())
    expression = "scale * f[table[table[a, b], inverse]]"
    formula = Formula("class function", expression, ("a", "b"), constants, "logits", error)
    return Interpretation(label, features, (formula,))


def _class_means(scores: Tensor, quotient: Tensor, group: FiniteGroup) -> Float[Tensor, " order"]:
    """The mean score over the triples with a b c^-1 in the class of g, for each g."""
    owner = group.class_of[quotient].flatten()
    total = torch.zeros(len(group.classes), dtype=torch.float64)
    total.index_add_(0, owner, scores.double().cpu().flatten())
    return (total / torch.bincount(owner))[group.class_of]
