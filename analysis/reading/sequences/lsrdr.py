"""Uniform matrix product states read: LSRDR and the operator embedding, token by token.

In the Schmidt basis every token is a matrix. Its eigenvalue of largest size says with which
amplitude the token keeps a state of its own, its rank whether the past before it is forgotten
(rank 1: the token alone decides what follows), and the overlap |tr X_v X_w*| / |X_v| |X_w| which
tokens come after the same and before the same, whatever their phases.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from analysis.exhibits import Heatmap, Table
from analysis.reading.finding import Finding
from analysis.reading.words.sense_table import shown
from interpretable_arch.maths.density import entropy
from interpretable_arch.maths.processes.channels import stationary, trace_row
from interpretable_arch.maths.processes.uniform_mps import in_schmidt_basis
from interpretable_arch.models.born_machine import BornMachine
from interpretable_arch.models.lsrdr import LSRDR, MOVED
from interpretable_arch.readings.born_reading import beyond_rank_one
from training.data.task import Task

TOKENS, NEAREST = 40, 3


@torch.no_grad()
def read_lsrdr(model: nn.Module, task: Task) -> Finding | None:
    """Fidelity, imaginary part, Schmidt weights, rank and capacity; None for other models.

    The imaginary part is that of X as LSRDR stores it, canonical beside its data; the operator
    embedding has no such form, as each token's phase is free. Entropies and losses in nats.
    """
    if not isinstance(model, BornMachine):
        return None
    X, weights = in_schmidt_basis(model.matrices().cpu().to(torch.complex128))
    figures = _figures(model, X, weights) | _capacity(model, task)
    frequent = _probabilities(model).argsort(descending=True)[:TOKENS]
    return Finding(
        title="Matrix product state",
        figures=figures,
        exhibits=(
            _schmidt(weights),
            _tokens(model, X, frequent.tolist(), task.labels),
            _heatmap(X, frequent.tolist(), task.labels),
        ),
        notes=(
            "the loss of any model of this kind is at least the entropy of single tokens less "
            "log d: what is left above that bound is stated",
        ),
    )


def _figures(model: BornMachine, X: Tensor, weights: Tensor) -> dict[str, float]:
    figures: dict[str, float] = {}
    if isinstance(model, LSRDR):
        stored = model.matrices().cpu()
        if model.moved() <= MOVED:
            figures["fidelity per token"] = float(model.fitted_figures[0])
        figures["largest imaginary part"] = float(stored.imag.abs().max())
        figures["largest entry"] = float(stored.abs().max())
    for i, value in enumerate(weights.tolist()):
        figures[f"Schmidt weight {i}"] = value
    figures["entropy of a cut"] = float(entropy(weights.clamp_min(0)))
    figures["share beyond rank 1"] = float(beyond_rank_one(X).mean())
    return figures


def _capacity(model: BornMachine, task: Task) -> dict[str, float]:
    """The loss on the probe and the least that any d by d matrices could have there."""
    targets = task.probe.targets
    counted = targets >= 0
    scored = model(task.probe.inputs).gather(-1, targets.clamp_min(0)[..., None]).squeeze(-1)
    loss = -float(scored[counted].mean())
    counts = torch.bincount(targets[counted], minlength=model.vocab).double()
    single = float(entropy(counts / counts.sum()))
    return {
        "loss on the probe": loss,
        "entropy of single tokens": single,
        "loss above its bound": loss - (single - math.log(model.d)),
    }


def _probabilities(model: BornMachine) -> Float[Tensor, " vocab"]:
    """How often the model's own process shows each token."""
    S = model.operators()
    return (stationary(S.sum(0)) @ S @ trace_row(model.d, S)).cpu()


def _schmidt(weights: Tensor) -> Table:
    rows = tuple((float(i), v, max(v, 0.0) ** 0.5) for i, v in enumerate(weights.tolist()))
    return Table("A cut through the row", ("state", "weight", "Schmidt value"), rows)


def _overlaps(X: Complex[Tensor, "vocab d d"]) -> Float[Tensor, "vocab vocab"]:
    flat = X.flatten(1)
    unit = flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-300)
    return (unit @ unit.mH).abs()


def _tokens(model: BornMachine, X: Tensor, frequent: list[int], labels: tuple[str, ...]) -> Table:
    overlaps, odds, beyond = _overlaps(X), _probabilities(model), beyond_rank_one(X)
    overlaps.fill_diagonal_(-1)
    values = torch.linalg.eigvals(X)
    largest = values.gather(1, values.abs().argmax(1, keepdim=True)).squeeze(1)
    rows = []
    for w in frequent:
        near = overlaps[w].argsort(descending=True)[:NEAREST].tolist()
        names = ", ".join(f"{shown(labels[v])} {float(overlaps[w, v]):.2f}" for v in near)
        rank = float(beyond[w])
        size = float(largest[w].abs())
        rows.append(
            (shown(labels[w]), float(odds[w]), size, float(largest[w].angle()), rank, names)
        )
    columns = ("token", "probability", "|eigenvalue|", "its angle", "beyond rank 1", "nearest")
    return Table("Tokens as matrices", columns, tuple(rows))


def _heatmap(X: Tensor, frequent: list[int], labels: tuple[str, ...]) -> Heatmap:
    overlaps = _overlaps(X)[frequent][:, frequent]
    names = tuple(shown(labels[w]) for w in frequent)
    values = tuple(tuple(row) for row in overlaps.tolist())
    return Heatmap("Overlap of tokens", names, names, values, signed=False)
