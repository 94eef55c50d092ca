"""What a uniform matrix product state says of itself, and what fixes its canonical form.

All of it is read in the Schmidt basis: the weights of a cut, how much of the past the future needs
(their entropy, in nats: 0 for independent tokens, at most log d), and a mark, one number that tells
two tuples apart which have the same weights.
"""

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.certificate import Condition
from interpretable_arch.interpretation import Feature, Formula
from interpretable_arch.maths.density import entropy
from interpretable_arch.maths.processes.uniform_mps import (
    Anchors,
    anchors,
    in_schmidt_basis,
    isometric,
    weighted_traces,
)
from interpretable_arch.readings.channel_reading import product_formula

Tuple = Complex[Tensor, "vocab d d"]
CLOSE = 1e-6
LONGEST_FORMULA = 20_000
RANK_ONE = 1e-12
NEVER = 1e-8


def mark(X: Tuple) -> float:
    """sum_w cos(w^2 + 1/2) |tr(Q X_w)|, generic weights fixed once for all."""
    size = weighted_traces(X).abs()
    weights = torch.cos(torch.arange(len(size), dtype=size.dtype, device=size.device) ** 2 + 0.5)
    return float(weights @ size)


def features(X: Tuple) -> tuple[Feature, ...]:
    """Numbers that no change of basis and no phase moves."""
    found = anchors(X)
    weights = found.weights.clamp_min(0)
    return (
        Feature("cut.entropy", float(entropy(weights)), "of the Schmidt weights, nats"),
        Feature("transfer.gap", found.gap, "1 - |lambda_2 / lambda_1|, how fast the past is lost"),
        Feature("mark", mark(X), "sum of cos(w^2 + 1/2) |tr(Q X_w)| over tokens"),
        *(Feature(f"schmidt.{i}", float(v), "weight of a cut") for i, v in enumerate(weights)),
    )


def label(X: Tuple) -> str:
    """Schmidt weights and mark to three digits: rounded invariants, by which starts are counted."""
    weights = " ".join(f"{abs(v):.3f}" for v in anchors(X).weights.tolist())
    return f"Schmidt {weights}, mark {mark(X) + 0.0:.3f}"


def formulas(X: Tuple, length: int = 3) -> tuple[Formula, ...]:
    """p(next | x0 .. x{length-1}) as a product of matrices, none for a vocabulary too large; and
    p(next | x0) by d numbers a token, where every X_w has rank 1."""
    found = (factored(X),) if float(beyond_rank_one(X).max()) < RANK_ONE else ()
    if len(X) * X.shape[-1] ** 4 > LONGEST_FORMULA:
        return found
    return (*found, product_formula(isometric(X).mH[:, None], length))


def beyond_rank_one(X: Tuple) -> Float[Tensor, " vocab"]:
    """The share of |X_w|^2 outside its largest singular value; 0 for a token without size."""
    squared = torch.linalg.svdvals(X).square()
    total = squared.sum(-1)
    return squared[:, 1:].sum(-1) / torch.where(total > 0, total, torch.ones_like(total))


def factored(X: Tuple) -> Formula:
    """p(next | x0) = |s_x0* r_next|^2, for X_w = r_w s_w*, |s_w| = 1: whatever came before x0 is
    forgotten. Complex numbers as pairs, s = a + ib and r = p + iq."""
    X = isometric(X)
    U, size, Vh = torch.linalg.svd(X)
    s, r = Vh[:, 0].conj(), (U[..., 0] * size[:, :1]).mT
    amplitude = s.conj() @ r
    whole = torch.einsum("vi,wij,wkj,vk->vw", s.conj(), X, X.conj(), s).real
    error = float((amplitude.abs().square() - whole).abs().max())
    constants = {"a": s.real, "b": s.imag, "p": r.real, "q": r.imag}
    return Formula(
        "factored root",
        "(a[x0] @ p + b[x0] @ q) ** 2 + (a[x0] @ q - b[x0] @ p) ** 2",
        ("x0",),
        {name: value.tolist() for name, value in constants.items()},
        "probability",
        error,
    )


def token_traces(X: Tuple) -> Float[Tensor, " vocab"]:
    """|tr(Q X_w)| in canonical form; infinite for a token that never comes, |X_w| <= 1e-8 |X|: what
    is zero has no phase to be fixed."""
    moved, _ = in_schmidt_basis(X)
    size = moved.flatten(1).norm(dim=1)
    never = size <= NEVER * moved.norm()
    return torch.where(never, torch.inf, weighted_traces(X).abs())


def conditions(found: Anchors, traces: Tensor) -> list[Condition]:
    """What the canonical form rests on: unequal weights, anchors above zero, a simple rho."""
    made = [Condition("gap of the transfer operator", found.gap, "above", CLOSE)]
    if len(found.weights) > 1:
        gap, row = float(found.schmidt.min()), float(found.row.min())
        made.append(
            Condition("smallest gap of Schmidt weights / largest", gap, "above", CLOSE),
        )
        made.append(Condition("smallest weight / largest", _least(found), "above", CLOSE))
        made.append(Condition("smallest entry of the anchor row", row, "above", CLOSE))
    if found.imaginary > CLOSE:
        made.append(Condition("generic sum of imaginary parts", found.handed, "above", CLOSE**1.5))
    if len(traces):
        made.append(Condition("smallest |tr(Q X_w)|", float(traces.min()), "above", CLOSE**1.5))
    return made


def _least(found: Anchors) -> float:
    return float(found.weights[-1] / found.weights[0])


def undetermined(found: Anchors, traces: Tensor) -> tuple[str, ...]:
    """The blocks in which the canonical form is a choice, in words; none at a generic point."""
    said = []
    for i, gap in enumerate(found.schmidt.tolist()):
        if not gap > CLOSE:
            a, b = found.weights[i : i + 2].tolist()
            said.append(f"Schmidt weights {i} and {i + 1} are equal ({a:.6g}, {b:.6g})")
    for i, size in enumerate(found.row.tolist()):
        if not size > CLOSE:
            said.append(f"the anchor of Schmidt state {i + 1} is zero, its phase is free")
    silent = [w for w, size in enumerate(traces.tolist()) if not size > CLOSE**1.5]
    if silent:
        said.append(f"tr(Q X_w) is zero for tokens {silent[:8]}: their phases are free")
    return tuple(said)
