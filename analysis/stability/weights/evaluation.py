"""What any weights of one architecture answer, and how wrong that is: cross entropy in nats.

Material that holds an `Evaluation` can have loss barriers. `evaluation` makes one from a model,
with statistics repaired where the model has places for that (`repair`).
"""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from analysis.stability.weights.repair import Repair, repairing
from interpretable_arch.maths.spread import evenly
from interpretable_arch.symmetry import Parameters

ROWS, LEAST, PIECE = 2048, 16, 64  # answers looked at, examples at the least, examples at once
LARGEST_LOG = 5.0  # of an inverse temperature
PASSES, CLOSE = 30, 1e-3


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Logits [row, output] of given weights, the right answers [row], and how to repair weights.

    `repair` is None where the architecture has no place for it. Rows are the same at every call.
    """

    logits_of: Callable[[Parameters], Float[Tensor, "row output"]]
    answers: Int[Tensor, "row"]
    repair: Repair | None = None

    def loss(self, parameters: Parameters) -> float:
        """Mean cross entropy, nats."""
        return cross_entropy(self.logits_of(parameters), self.answers)


def evaluation(
    model: nn.Module,
    inputs: Shaped[Tensor, "example *shape"],
    answers: Int[Tensor, "example *row"],
    *,
    rows: int = ROWS,
) -> Evaluation:
    """The evaluation of a model's architecture on about `rows` answers of examples evenly spread.

    At least 16 examples are looked at; rows without an answer (below 0) are left out. Raises
    ValueError for answers that are not one for each of the model's outputs.
    """
    each = max(answers[0].numel(), 1)
    chosen = evenly(len(inputs), max(rows // each, LEAST))
    inputs, wanted = inputs[chosen], answers[chosen].flatten()
    model = deepcopy(model).eval()

    def logits_of(parameters: Parameters) -> Float[Tensor, "row output"]:
        with torch.no_grad():
            found = [_call(model, parameters, piece) for piece in inputs.split(PIECE)]
        logits = torch.cat(found).flatten(0, -2)
        if len(logits) != len(wanted):
            raise ValueError(f"answers: wanted one an output, {len(logits)}, got {len(wanted)}")
        return logits[wanted >= 0]

    return Evaluation(logits_of, wanted[wanted >= 0], repairing(model, inputs))


def cross_entropy(logits: Float[Tensor, "row output"], answers: Int[Tensor, "row"]) -> float:
    """Mean -log p(answer), nats."""
    return float(F.cross_entropy(logits.detach().double(), answers.long()))


def coolest(
    logits: Float[Tensor, "row output"], answers: Int[Tensor, "row"]
) -> tuple[float, float]:
    """The inverse temperature in [e^-5, e^5] of least loss, and that loss in nats.

    The loss is convex in it, so the minimum is the only one: Newton's steps by the mean and the
    variance of the logits, halved towards a bracket where they leave it. Some ten passes.
    """
    wide, right = logits.detach().double(), answers.long()
    wide = wide - wide.gather(1, right[:, None])  # then the loss is log sum exp alone
    low, high, log = -LARGEST_LOG, LARGEST_LOG, 0.0
    for _ in range(PASSES):
        _, slope, bend = _at(wide, log)
        low, high = (low, log) if slope > 0 else (log, high)
        new = log - slope / bend if bend > 0 else math.inf
        new = new if low < new < high else (low + high) / 2
        log, moved = new, abs(new - log)
        if moved <= CLOSE:
            break
    return math.exp(log), _at(wide, log)[0]


def _at(wide: Float[Tensor, "row output"], log: float) -> tuple[float, float, float]:
    """Loss at an inverse temperature e^log, its slope by log, and its second derivative there."""
    warm = math.exp(log)
    total = (wide * warm).logsumexp(1)
    share = torch.exp(wide * warm - total[:, None]).mul_(wide)
    mean = share.sum(1)
    spread = (share.mul_(wide).sum(1) - mean.square()).mean()
    slope = warm * float(mean.mean())
    return float(total.mean()), slope, warm**2 * float(spread) + slope


def _call(model: nn.Module, parameters: Parameters, inputs: Tensor) -> Tensor:
    own = model.state_dict()
    values = {n: v.to(own[n].dtype) if n in own else v for n, v in parameters.items()}
    return torch.func.functional_call(model, values, (inputs,))
