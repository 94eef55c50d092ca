"""A quantum channel read: what each token asks of the state, and how sure the state is of itself.

The effect of a token has eigenvectors, its meanings, here in the basis in which the stationary
state is diagonal; their probabilities are those in a state of which nothing is known, and their
entropy says how ambiguous the token is. Along a text the von Neumann entropy of the state says how
much of what matters for the future the past has left open.
"""

import math

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from analysis.exhibits import Lines, Table
from analysis.reading.finding import Finding
from analysis.reading.words.sense_table import shown
from interpretable_arch.maths.density import entropy
from interpretable_arch.models.quantum_channel import QuantumChannel
from interpretable_arch.readings.channel_reading import token_meanings
from training.data.task import Task

TOKENS, PLACES, ROWS, MEANINGS = 40, 100, 8, 3


@torch.no_grad()
def read_channel(model: nn.Module, task: Task) -> Finding | None:
    """Mean entropies over held-out rows and tokens, the tokens' meanings, and a row read along.

    Entropies in nats; None for a model that is no quantum channel.
    """
    if not isinstance(model, QuantumChannel):
        return None
    tokens = task.sample[:ROWS]
    left_open = model.state_entropy(tokens).clamp_min(0).cpu()
    start, operators, trace = model.automaton()
    canonical = model.symmetry().canonical({"K": model.K.detach().double().cpu()})["K"]
    probabilities, vectors = token_meanings(torch.view_as_complex(canonical))
    mean, most = float(left_open.mean()), math.log(max(2, model.config.d))
    return Finding(
        title="Quantum channel",
        figures={
            "state entropy": mean,
            "state entropy, share of the most there can be": mean / most,
            "ambiguity of a token": float(entropy(probabilities).mean()),
        },
        exhibits=(
            _meanings((start @ operators @ trace).cpu(), probabilities, vectors, task.labels),
            _along(tokens[0].cpu(), left_open[0], model.config.d),
        ),
        notes=(
            f"The row read along begins: {' '.join(shown(task.labels[t]) for t in tokens[0, :30])}",
        ),
    )


def _meanings(
    frequency: Float[Tensor, " vocab"],
    probabilities: Float[Tensor, "vocab meaning"],
    vectors: Complex[Tensor, "vocab meaning d"],
    labels: tuple[str, ...],
) -> Table:
    """The most frequent tokens: how often, how ambiguous, and their likeliest meanings."""
    ambiguity = entropy(probabilities)
    rows = []
    for w in frequency.argsort(descending=True)[:TOKENS].tolist():
        told = [
            f"{float(p):.3f}: {_ket(v)}"
            for p, v in list(zip(probabilities[w], vectors[w], strict=True))[:MEANINGS]
        ]
        rows.append((shown(labels[w]), float(frequency[w]), float(ambiguity[w]), *told))
    many = min(MEANINGS, probabilities.shape[1])
    columns = ("token", "probability", "ambiguity, nats", *(f"meaning {i}" for i in range(many)))
    return Table("What each token asks of the state", columns, tuple(rows))


def _ket(vector: Complex[Tensor, " d"]) -> str:
    """The state as a sum of basis states, its first large entry positive, small ones left out."""
    first = vector[int((vector.abs() > 0.1).long().argmax())]
    turned = vector * first.conj() / first.abs()
    terms = [
        f"({z.real:+.2f}{z.imag:+.2f}i)|{i}>" if abs(z.imag) > 0.005 else f"{z.real:+.2f}|{i}>"
        for i, z in enumerate(turned.tolist())
        if abs(z) > 0.1
    ]
    return " ".join(terms)


def _along(
    tokens: Int[Tensor, " position"], left_open: Float[Tensor, " position"], d: int
) -> Lines:
    """The entropy of the state after each of a row's first tokens."""
    count = min(PLACES, len(tokens))
    return Lines(
        "How open the state is along a text",
        tuple(float(i) for i in range(count)),
        {
            "entropy of the state": tuple(left_open[:count].tolist()),
            "log d": (math.log(d),) * count,
        },
        "position",
        "nats",
    )
