"""The reader of spline networks that were trained on values: does the network say a formula?

It is given only where every edge is explained to `symbolic.ACCEPTED_R2` and the whole explains
held-out data at least as well as the network; otherwise the note says which edge was not.
"""

import copy
import math

import torch
from torch import nn

from analysis.exhibits import Lines
from analysis.reading.finding import Finding
from analysis.reading.formulas.candidates import Fit
from analysis.reading.formulas.snapped_network import EdgeReading, value
from analysis.reading.formulas.symbolic import ACCEPTED_R2, Symbolic, same_formula, symbolic
from interpretable_arch.layers.spline import Spline
from interpretable_arch.maths.splines import off_grid
from interpretable_arch.models.kan import KAN
from training.data.formulas import variables
from training.data.task import Split, Task

MOST_EDGES = 48
SHOWN = 12


def read_symbolic(model: nn.Module, task: Task) -> Finding | None:
    """Test RMSE before and after snapping, whether the true formula came out, and the curves.

    "formula recovered" is 1 where sympy finds no difference from the task's truth, else 0; what
    needs a formula is NaN where none was accepted. None for other models and for classes.
    """
    if not isinstance(model, KAN) or not isinstance(task.held_out, Split):
        return None
    if not isinstance(task.train, Split) or not task.held_out.targets.is_floating_point():
        return None
    if sum(layer.get_parameter("W_b").numel() for layer in model.layers) > MOST_EDGES:
        return None
    exact = copy.deepcopy(model).cpu().double().eval()
    data = [(part.inputs.cpu().double(), part.targets.cpu().double()) for part in _parts(task)]
    with torch.no_grad():
        formula, edges = symbolic(exact, *data, names=_names(task))
        figures = _figures(exact, task, formula, edges, data[1])
    notes = _notes(formula, edges)
    return Finding("Formula", figures, tuple(_curve(e, formula) for e in _widest(edges)), notes)


def _parts(task: Task) -> tuple[Split, Split]:
    assert isinstance(task.train, Split)
    assert isinstance(task.held_out, Split)
    return task.train, task.held_out


def _names(task: Task) -> tuple[str, ...]:
    """The formula's own variables, where they are known."""
    if task.truth is not None:
        return variables(task.truth)
    return tuple(f"x{i}" for i in range(task.train.take(torch.tensor([0]))[0].shape[-1]))


def _figures(
    model: KAN,
    task: Task,
    formula: Symbolic | None,
    edges: tuple[EdgeReading, ...],
    held_out: tuple[torch.Tensor, torch.Tensor],
) -> dict[str, float]:
    inputs, targets = held_out
    figures = {
        "test RMSE": float((model(inputs) - targets).square().mean().sqrt()),
        "RMSE after snapping": formula.rmse if formula else math.nan,
        "1 - R^2, worst edge": 1 - min(_fit(e, formula).r2 for e in edges),
        "printed formula, largest distance from snapped": formula.reprint if formula else math.nan,
        "formula from network, RMS, held out": formula.apart if formula else math.nan,
        "formula from network, RMS, off the grid": formula.apart_off_grid if formula else math.nan,
        "share of units off their grid": _share_off_grid(model, inputs),
    }
    if task.truth is not None:
        said = formula is not None and same_formula(formula.expressions[0], task.truth)
        figures["formula recovered"] = float(said)
    return figures


def _share_off_grid(model: KAN, inputs: torch.Tensor) -> float:
    """Of all that any layer reads on `inputs`, the share that lies off its grid, from 0 to 1."""
    left, x = [], inputs
    for layer in model.layers:
        assert isinstance(layer, Spline)
        left.append(off_grid(x, layer.ends).flatten())
        x = layer(x)
    return float(torch.cat(left).double().mean())


def _notes(formula: Symbolic | None, edges: tuple[EdgeReading, ...]) -> tuple[str, ...]:
    if formula is not None:
        said = tuple(f"output {k} = {text}" for k, text in enumerate(formula.expressions))
        return (*said, f"APPROXIMATE({formula.apart:.3g}): RMS distance from the network, held out")
    poor = [e for e in edges if not e.accepted(ACCEPTED_R2)]
    if not poor:
        return ("no formula: the snapped network explains held-out data worse than the network",)
    return tuple(
        f"no formula: {e.name} fits no known function to R^2 >= {ACCEPTED_R2} "
        f"(best: {e.fits[0].candidate.name}, 1 - R^2 = {1 - e.fits[0].r2:.2g})"
        for e in poor
    )


def _widest(edges: tuple[EdgeReading, ...]) -> list[EdgeReading]:
    return sorted(edges, key=lambda e: -float(e.y.std()))[:SHOWN]


def _fit(edge: EdgeReading, formula: Symbolic | None) -> Fit:
    """The fit that the edge was snapped to, else its best one."""
    if formula is None:
        return edge.fits[0]
    name = formula.network.layers[edge.layer][edge.i][edge.j].candidate.name
    return next(f for f in edge.fits if f.candidate.name == name)


def _curve(edge: EdgeReading, formula: Symbolic | None) -> Lines:
    """The edge's curve on the data, and the function that it was snapped to (else its best fit)."""
    fit = _fit(edge, formula)
    name = fit.candidate.name
    curves = {"network": tuple(edge.y.tolist()), name: tuple(value(fit, edge.x).tolist())}
    reads = "input" if edge.layer == 0 else f"hidden unit, layer {edge.layer - 1}"
    x = tuple(edge.x.tolist())
    return Lines(f"{edge.name}: {name}", x, curves, reads, "what the edge adds")
