"""What a quadratic classifier computes, from its weights (Pearce et al. 2024, arXiv 2410.08417).

Each class is a quadratic form of the features, output_c = rest_c + sum_i lambda_i (v_i . x)^2, and
the rest is linear (the skip path; nothing for a bilinear head alone). The eigenvectors
of large positive lambda speak for the class, the negative ones against it; on pixels they are
pictures. Effective rank is exp of the entropy of |lambda| / sum |lambda|.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from analysis.exhibits import Exhibit, Lines, Pictures, Table
from analysis.reading.finding import Finding
from interpretable_arch.layers.bilinear import Bilinear
from interpretable_arch.maths.quadratic import Eigenfeatures
from interpretable_arch.models.feedforward import FeedForward
from interpretable_arch.models.quadratic_form import QuadraticForm
from training.data.task import Split, Task

KEPT = (1, 5, 10)
SHOWN = 2


def read_eigenfeatures(model: nn.Module, task: Task) -> Finding | None:
    """Spectrum, effective rank and eigenvectors per class, and what the first few alone can do.

    For a `QuadraticForm`, and a `FeedForward` whose outputs are quadratic: a bilinear head alone,
    or one bilinear layer before W_U; None for other models and for streams of tokens.
    """
    if not isinstance(task.held_out, Split):
        return None
    found = _quadratic(model, task.held_out.inputs)
    if found is None:
        return None
    forms, x, rest, outputs = found
    targets = task.held_out.targets
    everything = restored(forms, x, rest, None)
    ranks = [form.effective_rank() for form in forms]
    figures = {"effective rank (mean over classes)": sum(ranks) / len(ranks)}
    if not targets.is_floating_point():
        for keep in KEPT:
            name = f"accuracy with the top {keep} eigenvector{'s' * (keep > 1)} of each class"
            figures[name] = _accuracy(restored(forms, x, rest, keep), targets)
        figures["accuracy with all eigenvectors"] = _accuracy(everything, targets)
    figures["relative error with all eigenvectors"] = float(
        (everything - outputs).norm() / outputs.norm()
    )
    exhibits = [_table(task.labels, forms, ranks), _spectra(task.labels, forms)]
    notes = [
        "An eigenvector's sign is free (here its largest entry is positive), and eigenvectors of"
        " equal eigenvalues may be turned into each other."
    ]
    first = int(isinstance(model, QuadraticForm))  # its constant stands first, others' last
    pictures = _pictures(task, forms, first)
    return Finding("Eigenfeatures", figures, (*exhibits, *pictures), tuple(notes))


def _quadratic(
    model: nn.Module, inputs: Shaped[Tensor, "input *shape"]
) -> tuple[tuple[Eigenfeatures, ...], Tensor, Tensor, Tensor] | None:
    """Forms, what they are taken of, the outputs that are none of theirs, all outputs."""
    if isinstance(model, QuadraticForm):
        outputs = model(inputs)
        return model.eigenfeatures(), model.homogeneous(inputs), torch.zeros_like(outputs), outputs
    found = quadratic_layer(model)
    if found is None:
        return None
    layer, directions = found
    outputs = model(inputs)
    rest = outputs - layer(inputs) @ directions.T
    forms = tuple(layer.eigenfeatures(u) for u in directions)
    return forms, layer.homogeneous(inputs), rest, outputs


def quadratic_layer(model: nn.Module) -> tuple[Bilinear, Float[Tensor, "class d_out"]] | None:
    """The bilinear layer that makes the outputs, and the direction it writes to for each of them.

    None where the outputs are no quadratic form of the features.
    """
    if not isinstance(model, FeedForward):
        return None
    layers = [layer for _, layer in model.stages()]
    if len(layers) != 1 or not isinstance(layers[0], Bilinear):
        return None
    W_U = model.W_U
    direction = torch.eye(model.config.outputs).to(layers[0].W_out) if W_U is None else W_U.T
    return layers[0], direction


def restored(
    forms: Sequence[Eigenfeatures],
    x: Float[Tensor, "input d_in"],
    rest: Float[Tensor, "input class"],
    keep: int | None,
) -> Float[Tensor, "input class"]:
    """The outputs with the `keep` largest eigenvectors of each class (None: all of them)."""
    return rest + torch.stack([form.form(x, keep) for form in forms], -1)


def _accuracy(outputs: Float[Tensor, "input class"], targets: Int[Tensor, " input"]) -> float:
    return float((outputs.argmax(-1) == targets).double().mean())


def _table(labels: Sequence[str], forms: Sequence[Eigenfeatures], ranks: Sequence[float]) -> Table:
    columns = ("class", "effective rank", "positive", "negative", "largest", "smallest")
    rows = []
    for label, form, rank in zip(labels, forms, ranks, strict=True):
        positive, negative = int((form.values > 0).sum()), int((form.values < 0).sum())
        ends = float(form.values.max()), float(form.values.min())
        rows.append((label, rank, float(positive), float(negative), *ends))
    return Table("Interaction matrix of each class", columns, tuple(rows))


def _spectra(labels: Sequence[str], forms: Sequence[Eigenfeatures]) -> Lines:
    count = min(len(form.values) for form in forms)
    return Lines(
        "Eigenvalues of each class",
        tuple(float(i + 1) for i in range(count)),
        {
            label: tuple(form.values.sort(descending=True).values[:count].tolist())
            for label, form in zip(labels, forms, strict=True)
        },
        "place, from the most positive",
        "eigenvalue",
    )


def _pictures(task: Task, forms: Sequence[Eigenfeatures], first: int) -> list[Exhibit]:
    """The most positive and most negative eigenvectors of each class, where inputs have pixels.

    `first` is where the pixels begin in an eigenvector.
    """
    if task.picture is None:
        return []
    exhibits: list[Exhibit] = []
    for sign, word in ((1, "for"), (-1, "against")):
        captions, images = [], []
        for label, form in zip(task.labels, forms, strict=True):
            for i in (sign * form.values).argsort(descending=True)[:SHOWN].tolist():
                if sign * float(form.values[i]) > 0:
                    captions.append(f"{label}: {float(form.values[i]):+.3g}")
                    images.append(_picture(form.vectors[i, first:], task.picture))
        title = f"Strongest eigenvectors {word} each class"
        exhibits.append(Pictures(title, tuple(captions), tuple(images)))
    return exhibits


def _picture(
    vector: Float[Tensor, " d_in"], shape: tuple[int, int]
) -> tuple[tuple[float, ...], ...]:
    """The pixels' part of an eigenvector (without the entry of an appended 1), by rows."""
    pixels = vector[: shape[0] * shape[1]]
    signed = pixels * torch.where(pixels[pixels.abs().argmax()] < 0, -1.0, 1.0)
    return tuple(tuple(row) for row in signed.reshape(shape).tolist())
