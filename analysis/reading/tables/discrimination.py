"""How well a model tells the classes of a table's rows apart, beside its accuracy.

AUROC, the area under the receiver operating characteristic, is the chance that a row of a class has
a higher score than a row of another: for two classes of the difference of their logits, for more
the mean over classes of each one's probability against the rest. The calibration error is the mean
distance of how sure the model is from how often it is right, in ten equal bins of the former.
Of values, how much of their variance is explained.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from analysis.reading.finding import Finding
from training.data.task import Split, Task

BINS = 10


def read_discrimination(model: nn.Module, task: Task) -> Finding | None:
    """On all held-out rows; None for tasks that are no tables."""
    if not task.features or not isinstance(task.held_out, Split):
        return None
    targets = task.held_out.targets
    with torch.no_grad():
        outputs = model(task.held_out.inputs.to(next(model.parameters()))).double()
    if targets.is_floating_point():
        return Finding(
            "Held-out rows", {"share of variance explained": explained(outputs, targets)}
        )
    figures = {"AUROC": auroc(outputs, targets), "calibration error": calibration(outputs, targets)}
    absent = sorted(set(range(task.outputs)) - set(targets.tolist()))
    notes = tuple(f"no held-out row is of class {task.labels[c]}" for c in absent)
    return Finding("Held-out rows", figures, (), notes)


def auroc(outputs: Float[Tensor, "row output"], targets: Int[Tensor, " row"]) -> float:
    """From 0 to 1, by scikit-learn; over the classes that have rows, NaN with fewer than two."""
    from sklearn.metrics import roc_auc_score

    present = targets.unique().tolist()
    if len(present) < 2 or not bool(outputs.isfinite().all()):
        return float("nan")
    if outputs.shape[1] == 2:
        return float(roc_auc_score(targets.numpy(), (outputs[:, 1] - outputs[:, 0]).numpy()))
    scores = outputs.double().softmax(1)
    found = [roc_auc_score((targets == c).numpy(), scores[:, c].numpy()) for c in present]
    return float(sum(found)) / len(found)


def explained(outputs: Float[Tensor, "row output"], values: Float[Tensor, "row output"]) -> float:
    """1 less the mean squared error over the variance of the values; at most 1."""
    values = values.double()
    return 1 - float((outputs - values).square().sum() / (values - values.mean(0)).square().sum())


def calibration(outputs: Float[Tensor, "row output"], targets: Int[Tensor, " row"]) -> float:
    """From 0 to 1."""
    sure, said = outputs.softmax(1).max(1)
    right = (said == targets).double()
    place = (sure * BINS).long().clamp(0, BINS - 1)
    gaps = torch.zeros(BINS, dtype=torch.float64).index_add(0, place, right - sure)
    return float(gaps.abs().sum()) / len(targets)
