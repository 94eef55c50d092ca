"""How much the functions differ: predictions and probabilities of K models on the same inputs.

disagreement          D_ab = share of inputs on which argmax differs; with error rates e
                      |e_a - e_b| <= D_ab <= min(1, e_a + e_b)
independent errors    D_ab = e_a + e_b - e_a e_b C/(C-1): what errors that strike at random, all C-1
                      wrong answers alike likely, would give
divergence            sqrt(mean over inputs of JSD(p_a, p_b)), a metric in [0, .8326] sqrt(nats)
ensemble information  H(mean_k p_k) - mean_k H(p_k), averaged over inputs, in [0, ln K] nats

JSD is the Jensen-Shannon divergence (Lin 1991), its root a metric (Endres and Schindelin 2003);
logarithms are natural. Disagreement against errors: Madani, Pennock, Flake 2004. Ensemble
information: Lakshminarayanan et al. 2017, arXiv:1612.01474; Depeweg et al. 2018, arXiv:1710.07283.

Nothing of shape pairs x input x output is built: inputs are taken in chunks, pairs a seed at a
time.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.stability.estimates.intervals import Interval, from_left_out, undefined

CHUNK_ELEMENTS = 2**21  # seeds x inputs x outputs held in float64 at once: 16 MB a copy
LARGEST_DIVERGENCE = math.sqrt(math.log(2))


@dataclass(frozen=True)
class Disagreement:
    """Disagreement of all pairs beside what the error rates alone would let one expect.

    Without targets `errors` is None and there are no references; with them these are, in order, the
    disagreement of independent errors, the least and the most possible.
    """

    pairs: Float[Tensor, "seed seed"]
    errors: Float[Tensor, "seed"] | None = None
    references: tuple[Float[Tensor, "seed seed"], ...] = ()


def disagreement(
    outputs: Float[Tensor, "seed input output"], targets: Int[Tensor, "input"] | None = None
) -> Disagreement:
    """Share of inputs on which two models predict differently; with targets, its references too.

    Ties of the largest logit go to the first. Raises ValueError on shapes or values that don't fit.
    """
    check_outputs(outputs)
    predicted = torch.stack([each.argmax(-1) for each in outputs])
    pairs = torch.stack([(each != predicted).double().mean(1) for each in predicted]).cpu()
    if targets is None:
        return Disagreement(pairs)
    classes = outputs.shape[-1]
    _check_targets(targets, outputs.shape[1], classes)
    errors = (predicted != targets.to(predicted.device)).double().mean(1).cpu()
    a, b = errors[:, None], errors[None, :]
    independent = a + b - a * b * classes / (classes - 1)
    most = (a + b).clamp(max=1.0)
    references = (independent.fill_diagonal_(0.0), (a - b).abs(), most.fill_diagonal_(0.0))
    return Disagreement(pairs, errors, references)


def divergence(outputs: Float[Tensor, "seed input output"]) -> Float[Tensor, "seed seed"]:
    """Root mean square of sqrt(JSD) over inputs, all pairs, sqrt(nats): 0 alike, .8326 disjoint.

    A metric on the models. Worked out in float64; equal outputs give 0, near-equal ones are
    resolved to 1e-7.
    """
    return mean_divergence(outputs).sqrt()


def mean_divergence(outputs: Float[Tensor, "seed input output"]) -> Float[Tensor, "seed seed"]:
    """JSD averaged over inputs, all pairs, nats: the square of `divergence`, in [0, .6931]."""
    check_outputs(outputs)
    seeds, inputs, _ = outputs.shape
    total = torch.zeros(seeds, seeds, dtype=torch.float64)
    for p in _probabilities(outputs):
        own = _entropy(p)
        for seed in range(seeds - 1):
            later = slice(seed + 1, seeds)
            between = _entropy((p[later] + p[seed]) / 2) - (own[later] + own[seed]) / 2
            # Rounding leaves -1e-16 for equal outputs; JSD itself is never negative.
            total[seed, later] += between.clamp(min=0.0).sum(1).cpu()
    return (total + total.T) / inputs


def ensemble_information(
    outputs: Float[Tensor, "seed input output"], *, level: float = 0.95
) -> Interval:
    """H(mean p) - mean H(p) in nats: what knowing the seed says of the output; jackknife-t.

    It speaks of ensembles of this size: its expectation grows with K, about as 1 - 1/K. Two seeds
    have no interval: one left out, there is nothing to know.
    """
    check_outputs(outputs)
    seeds, inputs, _ = outputs.shape
    everyone, left_out = 0.0, torch.zeros(seeds, dtype=torch.float64)
    for p in _probabilities(outputs):
        own, total = _entropy(p).sum(1).cpu(), p.sum(0)
        everyone += float(_entropy(total / seeds).sum()) - float(own.mean())
        for seed in range(seeds if seeds > 1 else 0):
            others = (total - p[seed]).clamp(min=0.0) / (seeds - 1)
            rest = (own.sum() - own[seed]) / (seeds - 1)
            left_out[seed] += float(_entropy(others).sum()) - rest
    information = max(everyone / inputs, 0.0)
    if seeds == 2:
        return undefined(information, "two seeds are one pair", level)
    return from_left_out(information, left_out / inputs, level=level)


def check_outputs(outputs: Float[Tensor, "seed input output"]) -> None:
    """Raise ValueError unless these are finite logits of a seed, an input, two outputs or more."""
    if outputs.ndim != 3 or min(outputs.shape[:2]) < 1 or outputs.shape[2] < 2:
        wanted = "seed x input x output with at least two outputs"
        raise ValueError(f"outputs: wanted {wanted}, got shape {tuple(outputs.shape)}")
    bad = [seed for seed, each in enumerate(outputs) if not bool(each.isfinite().all())]
    if bad:
        raise ValueError(f"outputs: wanted finite logits, got others from seeds {bad}")


def _check_targets(targets: Int[Tensor, "input"], inputs: int, classes: int) -> None:
    if targets.shape != (inputs,):
        raise ValueError(f"targets: wanted shape ({inputs},), got {tuple(targets.shape)}")
    if int(targets.min()) < 0 or int(targets.max()) >= classes:
        got = f"{int(targets.min())} to {int(targets.max())}"
        raise ValueError(f"targets: wanted numbers from 0 to {classes - 1}, got {got}")


def _probabilities(
    outputs: Float[Tensor, "seed input output"],
) -> Iterator[Float[Tensor, "seed chunk output"]]:
    seeds, _, classes = outputs.shape
    for chunk in outputs.split(max(CHUNK_ELEMENTS // (seeds * classes), 1), dim=1):
        yield chunk.detach().double().softmax(-1)


def _entropy(p: Float[Tensor, "*index output"]) -> Float[Tensor, "*index"]:
    return torch.special.entr(p).sum(-1)
