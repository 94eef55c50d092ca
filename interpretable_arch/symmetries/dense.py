"""The symmetry of a plain multilayer perceptron from anywhere: its hidden units permute.

    h_i = f(h_{i-1} W_i + b_i),  i = 1..L,   f acting coordinate by coordinate

For models that declare no symmetry of their own, as files of weights do. Weights are [in, out], or
[out, in] as `torch.nn.Linear` stores them. An activation with more symmetry, as relu's positive
scales or tanh's signs, has more than is declared here.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry


def dense_symmetry(
    parameters: Parameters,
    weights: Sequence[str],
    biases: Sequence[str] = (),
    *,
    transposed: bool = False,
) -> Symmetry:
    """One permutation for each hidden layer, of the names of weights and biases in order.

    `transposed` says that weights are [out, in]. Each layer's key is what its units read: once the
    layer before is aligned that tells copies apart exactly. Raises ValueError where widths don't
    meet, or biases are neither none nor one a layer.
    """
    if biases and len(biases) != len(weights):
        raise ValueError(f"biases: wanted none or {len(weights)}, got {len(biases)}")
    to, of = (0, 1) if transposed else (1, 0)
    factors = []
    for i, (name, after) in enumerate(pairwise(weights)):
        width, read = parameters[name].shape[to], parameters[after].shape[of]
        if width != read:
            raise ValueError(f"{after}: wanted {width} inputs, as {name} gives, got {read}")
        moved = [Action(name, to), Action(after, of)]
        moved += [Action(biases[i], 0)] if biases else []
        key = _incoming(name, biases[i] if biases else None, to)
        factors.append(Factor(f"hidden.{i}", Permutation(width), tuple(moved), key=key))
    return Symmetry(tuple(factors))


def _incoming(name: str, bias: str | None, axis: int):
    def key(parameters: Parameters) -> Float[Tensor, "unit feature"]:
        """What each unit reads, with its bias."""
        rows = parameters[name].movedim(axis, 0)
        return rows if bias is None else torch.cat([rows, parameters[bias][:, None]], 1)

    return key
