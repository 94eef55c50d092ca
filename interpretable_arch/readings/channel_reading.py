"""What the Kraus operators of a quantum channel say of themselves, and what fixes their form.

The effect of a token, E_w = sum_i K* K, is what it asks of the state: its eigenvectors are the
token's meanings, its eigenvalues over their sum the probabilities of these in a state of which
nothing is known, and their entropy is how ambiguous the token is.
"""

from dataclasses import replace

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.interpretation import Feature, Formula, Interpretation
from interpretable_arch.maths.density import entropy, shares
from interpretable_arch.maths.processes.channel_marks import gaps, undetermined
from interpretable_arch.maths.processes.channels import (
    effects,
    hermitian_basis,
    matrices,
    spectral_gap,
    stationary,
    superoperators,
    trace_row,
)
from interpretable_arch.maths.spread import evenly

Kraus = Complex[Tensor, "vocab kraus d d"]
CLOSE = 1e-6
MIXING = 1e-5  # below this rounding moves the canonical form by more than 1e-8
MEASURED = 64  # texts on which the error of a formula is measured
POSSIBLE = 1e-12  # the probability above which a text counts as one that may come


def token_meanings(
    kraus: Kraus,
) -> tuple[Float[Tensor, "vocab meaning"], Complex[Tensor, "vocab meaning d"]]:
    """Probabilities of each token's meanings, descending, and the meanings as rows.

    The state of which nothing is known, 1 / d, answers them with these probabilities.
    """
    values, vectors = torch.linalg.eigh(effects(kraus))
    return shares(values.flip(-1).clamp_min(0)), vectors.flip(-1).mT


def read_channel(kraus: Kraus) -> Interpretation:
    """Features that no change of basis moves, and the product formula in this basis.

    The label is the stationary state's eigenvalues to one digit: what processes are told apart by
    that differ in their hidden state, which their outputs may not show.
    """
    found = gaps(kraus)
    basis = hermitian_basis(kraus.shape[-1], kraus)
    S = superoperators(kraus, basis)
    probabilities, _ = token_meanings(kraus)
    stationary_values = found.eigenvalues.clamp_min(0)
    features = [
        Feature("channel.gap", spectral_gap(S.sum(0)), "1 - |second eigenvalue| of the channel"),
        Feature("stationary.entropy", float(entropy(stationary_values)), "nats"),
    ]
    for i, value in enumerate(stationary_values.tolist()):
        features.append(Feature(f"stationary.{i}", value, "eigenvalue of the stationary state"))
    for w, ambiguity in enumerate(entropy(probabilities).tolist()):
        what = "entropy of the token's meanings, nats"
        features.append(Feature(f"token.{w}.ambiguity", ambiguity, what))
    label = "stationary " + " ".join(f"{v:.1f}" for v in stationary_values.tolist())
    return Interpretation(label, tuple(features), notes=undetermined(found))


def certify(kraus: Kraus) -> Certificate:
    """The conditions under which a channel has one stationary state and one canonical form."""
    found = gaps(kraus)
    S = superoperators(kraus, hermitian_basis(kraus.shape[-1], kraus)).sum(0)
    gap = spectral_gap(S)
    conditions = [Condition("spectral gap of the channel", gap, "above", MIXING)]
    least = {
        "smallest gap of stationary eigenvalues / largest": found.stationary,
        "smallest entry of the anchor": found.anchor,
        "smallest gap of a token's operators / largest": found.mixing,
        "smallest overlap of an operator with what fixes its phase": found.phase,
    }
    for name, values in least.items():
        if values.numel():
            conditions.append(Condition(name, float(values.min()), "above", CLOSE))
    conditions.append(Condition("distance from the mirror image", found.handed, "above", CLOSE))
    stacked = kraus.flatten(0, 2)
    eye = torch.eye(stacked.shape[-1], dtype=stacked.dtype, device=stacked.device)
    off = float((stacked.mH @ stacked - eye).abs().max())
    conditions.append(Condition("distance from an isometry", off, "below", 1e-4))
    return Certificate(
        "Operators are unique up to unitary change of basis and mixing once their channel is given "
        "(Stinespring), and the canonical form picks one of them. The likelihood is not convex: "
        "no theorem says that every start finds the same channel; that is measured over seeds.",
        tuple(conditions),
        {"stationary entropy, nats": float(entropy(found.eigenvalues.clamp_min(0)))},
        undetermined(found),
        settles="form",
    )


def product_formula(kraus: Kraus, length: int) -> Formula:
    """p(next | x0 .. x{length-1}) as a row [1, vocab], or [batch, 1, vocab] for inputs [batch].

    The superoperators of the tokens read, multiplied onto the stationary state; real throughout.
    `error` is the largest difference from the same probabilities by matrices [d, d] and no
    superoperators, over `MEASURED` texts (or all) that the channel does not exclude.
    """
    S = superoperators(kraus, hermitian_basis(kraus.shape[-1], kraus))
    t = trace_row(kraus.shape[-1], S)
    names = tuple(f"x{i}" for i in range(length))
    product = " @ ".join(["r", *(f"S[{name}]" for name in names)])
    constants = {
        "r": stationary(S.sum(0))[None].tolist(),
        "S": S.tolist(),
        "E": (S @ t).T.tolist(),
        "t": t[:, None].tolist(),
    }
    expression = f"({product} @ E) / ({product} @ t)"
    formula = Formula("product of tokens", expression, names, constants, "probability", 0.0)
    return replace(formula, error=_formula_error(formula, kraus))


def _formula_error(formula: Formula, kraus: Kraus) -> float:
    vocab, _, d, _ = kraus.shape
    length = len(formula.inputs)
    number = evenly(vocab**length, MEASURED)
    texts = torch.stack([number // vocab**i % vocab for i in range(length)], 1)
    basis = hermitian_basis(d, kraus)
    sigma = matrices(stationary(superoperators(kraus, basis).sum(0)), basis)
    sigma = sigma.expand(len(texts), d, d)
    for token in texts.to(kraus.device).unbind(1):
        sigma = torch.einsum("bkij,bjl,bkml->bim", kraus[token], sigma, kraus[token].conj())
    p = torch.einsum("wij,bji->bw", effects(kraus), sigma).real
    total = sigma.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True).real
    possible = (total > POSSIBLE).squeeze(1).cpu()
    if not bool(possible.any()):
        return 0.0
    asked = {f"x{i}": column.numpy() for i, column in enumerate(texts[possible].unbind(1))}
    said = torch.from_numpy(formula.evaluate(**asked)).squeeze(-2)
    wanted = (p / total).cpu()[possible]
    return float((said - wanted).abs().max())
