"""Arithmetic of residues: from the pair (a, b), the residue of a o b modulo p.

The usual work of grokking studies (Power et al. 2022, arXiv 2201.02177; Nanda et al. 2023, arXiv
2301.05217, with p = 113 and a share of 0.3). Addition is the cyclic group; subtraction is no group
law but is the same table with relabelled columns; multiplication has the zero that no group has;
division is a * b^-1, over b other than 0, for prime p.
"""

import torch
from jaxtyping import Int
from torch import Tensor

from interpretable_arch.maths.groups import finite_groups
from training.data.task import Task, split_examples

SIGNS: dict[str, str] = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


def modular(modulus: int, operation: str = "add", share: float = 0.3, split_seed: int = 0) -> Task:
    """All pairs of residues with a + b, a - b, a * b or a / b.

    `operation` is "add", "subtract", "multiply" or "divide"; `share` of the pairs are trained on.
    Raises ValueError for a modulus below 2, an unknown operation, division by a modulus that is
    not prime, and a share that leaves nothing to train or test on.
    """
    _check(modulus, operation)
    second = torch.arange(1 if operation == "divide" else 0, modulus)
    pairs = torch.cartesian_prod(torch.arange(modulus), second)
    results = _results(pairs, modulus, operation)
    train, held_out = split_examples(pairs, results, share, split_seed)
    return Task(
        name=f"a {SIGNS[operation]} b modulo {modulus}, {share:.3g} of the table",
        train=train,
        held_out=held_out,
        outputs=modulus,
        labels=tuple(str(residue) for residue in range(modulus)),
        dimensions={"order": modulus, "outputs": modulus},
        group=finite_groups.parse(f"Z{modulus}") if operation == "add" else None,
    )


def _results(
    pairs: Int[Tensor, "example 2"], modulus: int, operation: str
) -> Int[Tensor, " example"]:
    first, second = pairs.unbind(1)
    if operation == "add":
        return (first + second) % modulus
    if operation == "subtract":
        return (first - second) % modulus
    if operation == "divide":
        second = torch.tensor([0, *(pow(b, -1, modulus) for b in range(1, modulus))])[second]
    return first * second % modulus


def _check(modulus: int, operation: str) -> None:
    if modulus < 2:
        raise ValueError(f"modulus: wants a whole number from 2 up, got {modulus}")
    if operation not in SIGNS:
        raise ValueError(f"operation: wants one of {', '.join(SIGNS)}, got {operation!r}")
    divisor = next((d for d in range(2, int(modulus**0.5) + 1) if modulus % d == 0), None)
    if operation == "divide" and divisor is not None:
        raise ValueError(
            f"modulus: division wants a prime, got {modulus} = {divisor} * {modulus // divisor}"
        )
