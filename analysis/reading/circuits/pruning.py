"""A circuit found by pruning: a small part of a model that does its task nearly as well.

Weights are set to zero, none is retrained. The kept set shrinks by a fifth at a time, least
important first (w^2 times the mean squared gradient of the examples' losses, the diagonal of
Optimal Brain Damage, LeCun et al. 1990), as long as the loss stays within `MARGIN` of the whole
model's; when it does not, by half as many. When 1% can't go, every hundredth of what is left is
tried once, in the same order. Then the same for components, set to zero, least important first by
what ablating each alone does to the loss.

A circuit is found on what the model was trained on and its loss on held-out data is stated beside:
so a model that knows nonsense by heart can be read the same way. Small is not faithful: pruning
finds circuits there too (`training.data.nonsense`). An upper bound of the smallest circuit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from analysis.exhibits import Lines, Table
from analysis.reading.finding import Finding
from interpretable_arch.edits import Edit, edited
from interpretable_arch.layers.written_out import write_out
from interpretable_arch.maths.sparsity import is_matrix
from interpretable_arch.maths.spread import evenly
from training.data.task import Split, Stream, Task
from training.objective import Measure

MARGIN = 0.1  # nats, or the unit of the model's own loss
SHARE, LEAST_SHARE = 0.2, 0.01
EXAMPLES = 256
LARGEST = 10_000
TINY = 1e-30  # a loss of exactly zero has no gradient left: then the smallest weights go first


@dataclass(frozen=True)
class Circuit:
    """What is kept, its loss, and the (size, loss) of every smaller set that was within bounds."""

    kept: Bool[Tensor, " item"]
    loss: float
    path: tuple[tuple[int, float], ...]

    @property
    def size(self) -> int:
        return int(self.kept.sum())


Kept = Bool[Tensor, " item"]


Loss = Callable[[Kept], float]
Importance = Callable[[Kept], Float[Tensor, " item"]]


def shrink(kept: Kept, loss: Loss, importance: Importance, limit: float) -> Circuit:
    """Drop the least important of `kept` while the loss is at most `limit`, first many at a time,
    then every hundredth of the rest once; of equal ones the first goes first."""
    return _piece_by_piece(_in_bulk(kept, loss, importance, limit), loss, importance, limit)


def _in_bulk(kept: Kept, loss: Loss, importance: Importance, limit: float) -> Circuit:
    best, share = Circuit(kept, loss(kept), ()), SHARE
    scores = importance(kept)
    while best.size and share >= LEAST_SHARE:
        order = scores.masked_fill(~best.kept, torch.inf).argsort(stable=True)
        smaller = _without(best, order[: max(1, int(share * best.size))], loss)
        if smaller.loss <= limit:
            best, scores = smaller, importance(smaller.kept)
        else:
            share /= 2
    return best


def _piece_by_piece(best: Circuit, loss: Loss, importance: Importance, limit: float) -> Circuit:
    scores = importance(best.kept).masked_fill(~best.kept, torch.inf)
    piece = max(1, int(LEAST_SHARE * best.size))
    for items in scores.argsort(stable=True)[: best.size].split(piece):
        smaller = _without(best, items, loss)
        best = smaller if smaller.loss <= limit else best
    return best


def _without(circuit: Circuit, items: Int[Tensor, " dropped"], loss: Loss) -> Circuit:
    kept = circuit.kept.clone()
    kept[items] = False
    reached = loss(kept)
    return Circuit(kept, reached, (*circuit.path, (int(kept.sum()), reached)))


class Weights:
    """A model's matrices as one flat vector, and its loss when only some of them are kept."""

    def __init__(self, model: nn.Module) -> None:
        self.measure = Measure(model)
        named = self.measure.named_parameters()
        self.matrices = {n: p.detach() for n, p in named if is_matrix(n, p.dim())}
        self.flat = torch.cat([p.flatten() for p in self.matrices.values()])

    def split(self, flat: Tensor) -> dict[str, Tensor]:
        """The flat vector's pieces in the matrices' shapes."""
        pieces = flat.split([p.numel() for p in self.matrices.values()])
        named = zip(self.matrices.items(), pieces, strict=True)
        return {name: piece.reshape(p.shape) for (name, p), piece in named}

    def loss(self, flat: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        return functional_call(self.measure, self.split(flat), (inputs, targets))[0]

    def importance(self, flat: Tensor, data: Split) -> Float[Tensor, " weight"]:
        """w^2 times the mean over examples of the squared gradient of the example's loss."""

        def one(flat: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
            return self.loss(flat, inputs[None], targets[None])

        with torch.enable_grad():
            rows = vmap(grad(one), (None, 0, 0))(flat, data.inputs, data.targets)
        return flat.square() * (rows.nan_to_num().square().mean(0) + TINY)


def weight_circuit(model: nn.Module, data: Split, margin: float) -> Circuit:
    """The weights that a loss within `margin` of the whole model's on `data` needs, from above."""
    weights = Weights(model)
    write_out(model, True)

    def loss(kept: Kept) -> float:
        return float(weights.loss(weights.flat * kept, data.inputs, data.targets))

    def importance(kept: Kept) -> Tensor:
        return weights.importance(weights.flat * kept, data)

    try:
        everything = weights.flat != 0
        return shrink(everything, loss, importance, loss(everything) + margin)
    finally:
        write_out(model, False)


def component_circuit(model: nn.Module, data: Split, margin: float) -> Circuit:
    """The components (`sites`) that the loss needs when all others are zero, from above."""
    measure, names = Measure(model), list(model.sites())  # pyright: ignore[reportCallIssue]

    def loss(kept: Kept) -> float:
        away = [Edit.ablate(n) for n, k in zip(names, kept.tolist(), strict=True) if not k]
        with edited(model, *away):
            return float(measure(data.inputs, data.targets)[0])

    everything = torch.ones(len(names), dtype=torch.bool)
    alone = torch.tensor([loss(everything ^ one) for one in torch.eye(len(names)).bool()])
    return shrink(everything, loss, lambda _: alone, loss(everything) + margin)


def read_pruning(model: nn.Module, task: Task) -> Finding | None:
    """Sizes and losses of both circuits; None where there is no loss, no component, or more
    than `LARGEST` weights, where the search would take minutes.

    Losses are those of `Measure`; the circuit's is on at most 256 examples of the training part,
    evenly spread, "held-out" on the task's probe.
    """
    if not readable(model, task):
        return None
    weights = Weights(model)
    data = some_examples(task.train)
    found, nodes = weight_circuit(model, data, MARGIN), component_circuit(model, data, MARGIN)
    whole, pruned = (
        [float(weights.loss(w, d.inputs, d.targets)) for d in (data, task.probe)]
        for w in (weights.flat, weights.flat * found.kept)
    )
    return Finding(
        title="Circuit found by pruning",
        figures={
            "circuit size": float(found.size),
            "circuit share": found.size / len(found.kept),
            "circuit loss": pruned[0],
            "whole loss": whole[0],
            "circuit held-out loss": pruned[1],
            "whole held-out loss": whole[1],
            "circuit components": float(nodes.size),
            "components": float(len(nodes.kept)),
        },
        exhibits=(_matrices(weights, found), *_path(found, task.unit)),
        notes=(
            f"Weights are zeroed, never retrained, while the loss on {len(data)} training examples "
            f"stays within {MARGIN} {task.unit} of the whole model's; components by themselves.",
            "Pruning finds circuits in a model of nonsense too: compare with that control.",
        ),
    )


def readable(model: nn.Module, task: Task) -> bool:
    """Whether the model has a loss on this task, components, and few enough weights."""
    matrices = [p for n, p in model.named_parameters() if is_matrix(n, p.dim())]
    regression = task.held_out.take(torch.tensor([0]))[1].is_floating_point()
    has_loss = hasattr(model, "loss") or not regression
    return has_loss and hasattr(model, "sites") and 0 < sum(p.numel() for p in matrices) <= LARGEST


def some_examples(data: Split | Stream) -> Split:
    """At most `EXAMPLES` examples or windows, evenly spread."""
    return Split(*data.take(evenly(len(data), EXAMPLES)))


def _matrices(weights: Weights, found: Circuit) -> Table:
    rows = []
    for name, kept in weights.split(found.kept).items():
        counts = (kept.sum(), weights.matrices[name].ne(0).sum(), kept.numel())
        rows.append((name.removeprefix("model."), *map(float, counts)))
    columns = ("matrix", "in the circuit", "non-zero", "entries")
    return Table("Weights of the circuit", columns, tuple(rows))


def _path(found: Circuit, unit: str) -> tuple[Lines, ...]:
    """The loss as weights were dropped; nothing where none could be."""
    if not found.path:
        return ()
    sizes, losses = zip(*found.path, strict=True)
    x, y = tuple(map(float, sizes)), {"loss": tuple(losses)}
    return (Lines("Loss on the way", x, y, "weights kept", f"loss, {unit}"),)
