"""What the mixture over seeds is unsure of: of the answer, and of which model gives it.

predictive entropy    H(mean_k p_k)                   in [0, log C] nats, C outputs
expected entropy      mean_k H(p_k)                   what every model is unsure of by itself
ensemble information  their difference                what knowing the seed says of the output
entropy of votes      H(shares of the K argmaxes)     in [0, log min(K, C)]: hard predictions alone

Each is a rate, averaged over inputs; on other inputs, a user's stress set, it is the same call.
Depeweg et al. 2018, arXiv:1710.07283; votes: Dagan and Engelson 1995. Predictive entropy and
entropy of votes grow with the number of seeds, the latter by about (answers in use - 1)/(2K) to its
limit: Miller's term (1955) stands beside it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.stability.estimates.intervals import (
    Interval,
    from_left_out,
    mean_interval,
    undefined,
)
from analysis.stability.functional import CHUNK_ELEMENTS, check_outputs, ensemble_information


@dataclass(frozen=True)
class Predictive:
    """Entropies in nats an input, jackknife-t over seeds, cut at 0.

    Of two seeds, what is of the mixture has no interval: one left out, there is none to speak of.
    """

    predictive: Interval
    expected: Interval
    information: Interval
    votes: Interval
    votes_miller_madow: Interval


def predictive_entropies(
    outputs: Float[Tensor, "seed input output"], *, level: float = 0.95
) -> Predictive:
    """All five from logits, in chunks of inputs; cost seed * input * output.

    Raises ValueError on shapes or values that don't fit.
    """
    check_outputs(outputs)
    seeds, inputs, classes = outputs.shape
    own = torch.zeros(seeds, dtype=torch.float64)
    mixed = torch.zeros(seeds + 1, dtype=torch.float64)  # of all seeds, then of all but each
    for chunk in outputs.split(max(CHUNK_ELEMENTS // (seeds * classes), 1), dim=1):
        p = chunk.detach().double().softmax(-1).cpu()
        own += torch.special.entr(p).sum((1, 2))
        total = p.sum(0)
        mixed[0] += torch.special.entr(total / seeds).sum()
        for seed in range(seeds if seeds > 1 else 0):
            rest = (total - p[seed]).clamp(min=0.0) / (seeds - 1)
            mixed[seed + 1] += torch.special.entr(rest).sum()
    rate = mixed / inputs
    votes, corrected = vote_entropies(torch.stack([each.argmax(-1) for each in outputs]).cpu())
    return Predictive(
        predictive=_over_seeds(rate, level),
        expected=mean_interval(own / inputs, level=level).clipped(0.0, float("inf")),
        information=ensemble_information(outputs, level=level).clipped(0.0, float("inf")),
        votes=_over_seeds(votes, level),
        votes_miller_madow=_over_seeds(corrected, level),
    )


def vote_entropies(
    predicted: Int[Tensor, "seed input"],
) -> tuple[Float[Tensor, "case"], Float[Tensor, "case"]]:
    """Entropy of the seeds' answers, nats an input: plug-in, and with Miller's term.

    Case 0 is of all seeds, case i + 1 of all but seed i. Each answer's votes are how many seeds
    gave it, counted through each seed's own answer, so that no table over outputs is built.
    """
    seeds, inputs = predicted.shape
    agree = torch.stack([(each == predicted).sum(0) for each in predicted]).double()
    cases = [_vote_entropy(agree)]
    for seed in range(seeds if seeds > 1 else 0):
        others = torch.arange(seeds) != seed
        votes = agree[others] - (predicted[others] == predicted[seed]).double()
        cases.append(_vote_entropy(votes))
    if seeds == 1:
        cases.append((0.0, 0.0))
    plug_in, corrected = torch.tensor(cases, dtype=torch.float64).T
    return plug_in / inputs, corrected / inputs


def _vote_entropy(votes: Float[Tensor, "seed input"]) -> tuple[float, float]:
    """Sums over inputs: each seed carries 1/K of -log of its answer's share of the votes."""
    seeds, inputs = votes.shape
    plug_in = -float((votes / seeds).log().sum()) / seeds
    answers = float((1 / votes).sum())
    return plug_in, plug_in + (answers - inputs) / (2 * seeds)


def _over_seeds(cases: Float[Tensor, "case"], level: float) -> Interval:
    if len(cases) == 3:
        return undefined(float(cases[0]), "two seeds are one pair", level)
    found = from_left_out(float(cases[0]), cases[1:], level=level)
    return found.clipped(0.0, float("inf"))
