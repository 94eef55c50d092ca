"""How much higher the loss is on the straight line between two models than at its ends.

    barrier = max over t of  L((1-t) theta_0 + t theta_1) - ((1-t) L(theta_0) + t L(theta_1))

raw          as the two models are
aligned      theta_0 first carried nearest theta_1 by the symmetry (Entezari et al. 2022,
             arXiv:2110.06296; Ainsworth et al. 2023, arXiv:2209.04836)
repaired     aligned, with the statistics of hidden units set right (`repair`)
temperature  raw, the logits at every t at their best temperature, ends too: what is left when mere
             loss of confidence is taken away

The barrier is at least 0, as t = 0 is on the line, and an underestimate between the points looked
at. On a line that leaves the set a model's parameters are kept to, such as unitary matrices, the
loss is that of the weights as they are there.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.weights.evaluation import Evaluation, coolest, cross_entropy
from interpretable_arch.symmetry import Element, Parameters, Symmetry

POINTS = 11
Losses = tuple[float, ...]


@dataclass(frozen=True)
class Line:
    """Losses in nats at the shares t of the second model; `repaired` is empty where there is no
    place for repair."""

    shares: tuple[float, ...]
    raw: Losses
    aligned: Losses
    repaired: Losses
    temperature: Losses

    def barriers(self) -> dict[str, float]:
        """The barrier of each way that was gone, nats."""
        ways = {n: getattr(self, n) for n in ("raw", "aligned", "repaired", "temperature")}
        return {name: height(torch.tensor(losses)) for name, losses in ways.items() if losses}


def line(
    start: Parameters,
    end: Parameters,
    element: Element,
    symmetry: Symmetry,
    evaluation: Evaluation,
    *,
    points: int = POINTS,
) -> Line:
    """Losses on the line from `start` to `end`, `element` being what aligns start with end.

    Two evaluations a point, and for repair one more and a run a layer. Raises ValueError for
    fewer than three points.
    """
    if points < 3:
        raise ValueError(f"points: wanted 3 or more, got {points}")
    shares = tuple(torch.linspace(0, 1, points, dtype=torch.float64).tolist())
    near, answers = symmetry.act(element, start), evaluation.answers
    logits = [evaluation.logits_of(between(start, end, t)) for t in shares]
    middles = [between(near, end, t) for t in shares]
    repair, repaired = evaluation.repair, ()
    if repair is not None:
        mended = repair(near, end)
        fixed = (mended(m, t) for m, t in zip(middles, shares, strict=True))
        repaired = tuple(evaluation.loss(m) for m in fixed)
    return Line(
        shares=shares,
        raw=tuple(cross_entropy(each, answers) for each in logits),
        aligned=tuple(evaluation.loss(m) for m in middles),
        repaired=repaired,
        temperature=tuple(coolest(each, answers)[1] for each in logits),
    )


def between(start: Parameters, end: Parameters, share: float) -> dict[str, Tensor]:
    """(1-t) start + t end; whole numbers, such as counts, are the start's."""
    return {
        name: torch.lerp(value, end[name], share)
        if value.is_floating_point() or value.is_complex()
        else value
        for name, value in start.items()
    }


def height(losses: Float[Tensor, "point"]) -> float:
    """The barrier of losses at evenly spaced points from one end to the other; 0 or more."""
    if len(losses) < 3:
        raise ValueError(f"losses: wanted 3 points or more, got {len(losses)}")
    shares = torch.linspace(0, 1, len(losses), dtype=losses.dtype, device=losses.device)
    return max(0.0, float((losses - torch.lerp(losses[:1], losses[-1:], shares)).max()))
