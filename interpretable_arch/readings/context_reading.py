"""What a context mixture says of itself: the weight of every order by gate, and a formula.

For as many symbols as the vocabulary leaves small tables for, the logits are

    w0[g[x0, x1]] log(p0) + w1[g[x0, x1]] log(p1[x1]) + w2[g[x0, x1]] log(p2[x0, x1]) + ...

(here for two symbols), with g the gate, w the weights and p the distributions of each order,
written out as constants.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interpretable_arch.interpretation import Feature, Formula
from interpretable_arch.models.context_tables import ContextTables

MOST_ENTRIES = 5000  # of one table of the formula


def weight_features(
    weights: Float[Tensor, "gate order"],
    speaks: Bool[Tensor, "gate order"],
    buckets: Sequence[int],
) -> tuple[Feature, ...]:
    """`context.3.gate.5.0`: the weight of order 3 where 5 is the longest and it was seen least."""
    bounds = list(itertools.pairwise((0, *buckets)))
    often = [*(f"{low + 1} to {high} times" for low, high in bounds), "more often"]
    features = []
    for gate, order in speaks.nonzero().tolist():
        length, bucket = divmod(gate, len(often))
        what = f"weight of order {order} where the longest seen is {length}, {often[bucket]}"
        name = f"context.{order}.gate.{length}.{bucket}"
        features.append(Feature(name, float(weights[gate, order]), what))
    return tuple(features)


def logits_formula(
    tables: ContextTables,
    gate: Callable[[Sequence[Tensor]], Int[Tensor, "*index"]],
    weights: Float[Tensor, "gate order"],
) -> Formula | None:
    """The logits after the first few symbols; None where even one needs too large a table."""
    length, vocab = _length(tables), tables.vocab
    if not length:
        return None
    x = torch.cartesian_prod(*[torch.arange(vocab, device=weights.device)] * length)
    contexts = [c[:, -1] for c in tables.contexts(x.reshape(-1, length))]
    names = tuple(f"x{i}" for i in range(length))
    shape = [vocab] * length
    gates = gate(contexts)
    constants: dict[str, object] = {"g": gates.view(shape).tolist()}
    terms, logits = [], torch.zeros((), dtype=weights.dtype, device=weights.device)
    for k, log_p in enumerate(tables.log_p(contexts)):
        logits = logits + weights[gates, k, None] * log_p
        if k > length + 1:
            continue  # so long a context was not seen, and has no weight
        known = min(k, length)
        p = log_p.double().exp().view(*shape, vocab)[(0,) * (length - known)]
        constants |= {f"w{k}": weights[:, k, None].tolist(), f"p{k}": p.tolist()}
        at = f"[{', '.join(names[length - known :])}]" if known else ""
        terms.append(f"w{k}[g[{', '.join(names)}]] * log(p{k}{at})")
    formula = Formula("counts", " + ".join(terms), names, constants, "logits", 0.0)
    found = formula.evaluate(**dict(zip(names, x.reshape(-1, length).T.cpu().numpy(), strict=True)))
    error = float(np.abs(found - logits.cpu().numpy()).max())
    return Formula(formula.name, formula.expression, names, constants, "logits", error)


def _length(tables: ContextTables) -> int:
    """The most symbols, no more than the order, for which a table stays small."""
    lengths = range(1, tables.order + 1)
    return max((m for m in lengths if tables.vocab ** (m + 1) <= MOST_ENTRIES), default=0)
