"""One trained model in words: what it computes, how exactly, and what an edit of it does.

The same and all that readers found, with pictures, as a page.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from analysis.reading.finding import Finding
from analysis.reading.finding_text import finding_lines
from analysis.reading.findings import read_all
from analysis.reading.groups.representation import GroupReading, read_group
from analysis.reading.promises import promises
from analysis.reading.words.senses import sense_tables
from interpretable_arch.edits import Edit, edited
from interpretable_arch.hooks import state_share
from training.atomic import write_file
from training.data import build_task
from training.data.task import Task
from training.objective import Measure
from training.runs import Run, load_run, run_model


@dataclass(frozen=True)
class Card:
    """What one trained model says: `lines` for a terminal, `findings` by title for a page too."""

    title: str
    seed: str
    lines: tuple[str, ...]
    findings: Mapping[str, Finding]

    def __str__(self) -> str:
        found = [line for f in self.findings.values() for line in finding_lines(f)]
        return "\n".join([self.title, *self.lines, *found])


@dataclass(frozen=True)
class Asked:
    """What is asked of a trained model.

    How many of its `features`; what `edits` do, kept beside the experiment's runs under the name
    `save`; the senses of each of `words`; the readings `also` made, which take long.
    """

    features: int = 20
    edits: tuple[Edit, ...] = ()
    save: str | None = None
    words: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.features < 0:
            raise ValueError(f"features: wanted 0 or more, got {self.features}")


def reading_card(folder: Path, asked: Asked) -> Card:
    """The card of the run in `folder`.

    Raises ValueError for a word that isn't known, for one where tokens are no matrices of senses,
    for a component or a reading that there is none of.
    """
    run = load_run(folder)
    task = build_task(run.experiment.task.class_path, run.experiment.task.init_args)
    model = run_model(run, task)
    tables = [_senses(model, task, word) for word in asked.words]
    with torch.no_grad():
        lines = _edits(model, task, asked.edits)
        lines = _exactness(model, task) + _interpretation(model, asked.features) + lines
        lines += _group(model, task)
    found = [*read_all(model, task, asked.also), *tables]
    if asked.save is not None:
        lines.append(f"edits saved: {save_edits(folder, asked.save, asked.edits, run)}")
    title = f"{run.experiment.model.class_path} on {task.name}, seed {run.seed}: {run.status}"
    return Card(title, str(run.seed), tuple(lines), {f.title: f for f in found})


def _senses(model: nn.Module, task: Task, word: str) -> Finding:
    tables = tuple(table.to_table() for table in sense_tables(model, task, word))
    return Finding(f"Senses of {word}", {}, tables)


def parse_edit(text: str) -> Edit:
    """VERB:PART[:VALUE], as in ablate:row.0, scale:blocks.0.mlp:0.5, pin:sense.1:0."""
    verb, _, rest = text.partition(":")
    part, _, value = rest.partition(":")
    if verb == "ablate" and part and not value:
        return Edit.ablate(part)
    if verb in ("scale", "pin") and part:
        try:
            return Edit.from_mapping({"verb": verb, "component": part, "value": float(value)})
        except ValueError:
            pass
    raise ValueError(
        f"--edit: wanted ablate:PART, scale:PART:FACTOR or pin:PART:VALUE, got {text!r}"
    )


def save_edits(folder: Path, name: str, edits: Sequence[Edit], run: Run) -> Path:
    """<experiment>/edits/<seed>-<name>.json; the run itself is never changed."""
    if not name.isidentifier():
        raise ValueError(f"--save: wanted letters, digits and underscores, got {name!r}")
    place = folder.resolve().parent / "edits"
    place.mkdir(exist_ok=True)
    path = place / f"{run.seed}-{name}.json"
    write_file(path, json.dumps([e.to_mapping() for e in edits], indent=1).encode())
    return path


def load_edits(path: Path) -> tuple[Edit, ...]:
    """What `save_edits` wrote; ValueError for a file that holds no edits."""
    try:
        return tuple(Edit.from_mapping(m) for m in json.loads(path.read_text(encoding="utf-8")))
    except (UnicodeDecodeError, json.JSONDecodeError, TypeError) as error:
        raise ValueError(f"{path}: wanted a list of edits as JSON ({error})") from error


def _exactness(model: nn.Module, task: Task) -> list[str]:
    if not hasattr(model, "decompose"):
        return ["parts: not offered by this model"]
    inputs = task.sample
    parts = model.decompose(inputs)  # pyright: ignore[reportCallIssue]
    error = parts.relative_error(model(inputs))
    lines = [
        f"parts: {len(parts.components)}, their sum is the {parts.quantity} within {error:.1e}",
        f"exactness: {parts.exactness}",
    ]
    if parts.exactness.set_by:
        lines.append(f"  set by {', '.join(parts.exactness.set_by)}")
    for name, (kind, kept) in promises(model, task).items():
        lines.append(f"  {name} ({kind}) alone: {kept}")
    if parts.state:
        share = state_share(model, inputs, parts.state)
        lines.append(f"  state share {share:.3g}: output change when the state is another input's")
    return lines


def _interpretation(model: nn.Module, count: int) -> list[str]:
    if not hasattr(model, "interpretation"):
        return ["interpretation: not offered by this model"]
    read: Any = model.interpretation()  # pyright: ignore[reportCallIssue]
    lines = [f"symmetry: {model.symmetry()}"]  # pyright: ignore[reportCallIssue]
    if read.label:
        lines.append(f"label: {read.label}")
    lines += [f"  {f.name} = {f.value:.4g}  ({f.description})" for f in read.features[:count]]
    if len(read.features) > count:
        lines.append(f"  ... and {len(read.features) - count} more features")
    for formula in read.formulas:
        lines.append(f"formula ({formula.quantity}): {formula.expression}")
        lines.append(f"  largest error against the model {formula.error:.2g}")
    return lines + [f"note: {note}" for note in read.notes]


def _group(model: nn.Module, task: Task) -> list[str]:
    matrices = getattr(model, "matrices", None)
    if task.group is None or matrices is None:
        return []
    return group_lines(read_group(matrices().to(torch.complex128), task.group))


def group_lines(reading: GroupReading) -> list[str]:
    """The group reading in words: what it holds and how exactly, with the exact matrices."""
    lines = [
        f"representation of {reading.group}: {reading.label}",
        f"  homomorphism defect {reading.defect:.2g},"
        f" max |chi + 1| off the identity {reading.off_identity:.2g}",
    ]
    if reading.residual is not None:
        lines.append(f"  intertwiner to the exact sum: residual {reading.residual:.2g}")
    for form in reading.irreducibles:
        lines.append(
            f"  {form.name}: {form.type}, dimension {form.dimension},"
            f" {form.products} products verified, error {form.product_error:.1g}"
        )
        for label, matrix in zip(form.generators, form.matrices, strict=True):
            lines.append(f"    {label} -> {matrix.text}")
    return lines


def _edits(model: nn.Module, task: Task, edits: Sequence[Edit]) -> list[str]:
    """Loss and accuracy on the probe with the edits in place: the total effect."""
    if not edits:
        return []
    inputs, targets = task.probe.inputs, task.probe.targets
    before = Measure(model)(inputs, targets).tolist()
    with edited(model, *edits):
        after = Measure(model)(inputs, targets).tolist()
    return [
        f"with {', '.join(f'{e.verb} {e.component}' for e in edits)} (total effect):",
        f"  held-out loss {before[0]:.4g} -> {after[0]:.4g}",
        f"  held-out accuracy {before[1]:.4g} -> {after[1]:.4g}",
    ]
