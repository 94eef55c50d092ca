"""Snapping: planted formulas come out and run again; noise, strangers and guesses are refused."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from analysis.reading.formulas.snapped_network import read_edges
from analysis.reading.formulas.spline_formula import read_symbolic
from analysis.reading.formulas.symbolic import ACCEPTED_R2, off_grid_points, same_formula, symbolic
from interpretable_arch.maths.splines import spline_basis
from interpretable_arch.models.kan import KAN, KANConfig
from training.data.formulas import formulas

Curve = Callable[[torch.Tensor], torch.Tensor]
PI = math.pi
HIDDEN = (-1.1, 2.1)


def planted(*layers: list[list[Curve]], ends: tuple[float, float] = HIDDEN) -> KAN:
    """A network whose edge [i][j] of each layer is the spline nearest to a function."""
    widths = [len(layers[0]), *(len(layer[0]) for layer in layers)]
    model = KAN(KANConfig(widths[0], widths[-1], widths[1:-1], grid=16)).double()
    with torch.no_grad():
        for number, (built, edges) in enumerate(zip(model.layers, layers, strict=True)):
            if number:
                built.ends[:] = torch.tensor(ends)
            built.W_b.zero_()
            for i, row in enumerate(edges):
                x = torch.linspace(*built.ends[i].tolist(), 200, dtype=torch.float64)
                basis = spline_basis(x, built.ends[i], 16)
                wanted = torch.stack([f(x) for f in row], 1)
                built.C[i] = torch.linalg.lstsq(basis, wanted).solution
    return model.eval()


def hellokan() -> KAN:
    """sin(pi x) + y^2, less a little and scaled, so that constants have to be traded back."""
    first = [[lambda x: 0.9 * (PI * x).sin() + 0.2], [lambda y: 0.9 * y**2 - 0.1]]
    return planted(first, [[lambda h: ((h - 0.1) / 0.9).exp()]])


def bumps(x: torch.Tensor) -> torch.Tensor:
    """What no function of the library is like."""
    return (7 * x).sin() + (x * 4).cos() * x.exp()


def test_hellokan_is_recovered_and_its_print_is_the_model(float64):
    found = read_symbolic(hellokan(), formulas())
    figures = found.figures
    assert figures["formula recovered"] == 1
    assert figures["RMSE after snapping"] <= 1e-12 < figures["test RMSE"]
    assert figures["printed formula, largest distance from snapped"] <= 1e-12
    assert figures["1 - R^2, worst edge"] < 1 - ACCEPTED_R2
    assert found.notes[0] == "output 0 = exp(y**2 + sin(pi*x))"
    assert found.notes[1].startswith("APPROXIMATE(")
    assert len(found.exhibits) == 3


@pytest.mark.parametrize(
    ("formula", "layers"),
    [
        ("sin(2 * x) + y**2", ([[lambda x: (2 * x).sin()], [lambda y: y**2]],)),
        (
            "exp(-(x**2 + y**2))",
            ([[lambda x: x**2], [lambda y: y**2]], [[lambda h: (-h).exp()]]),
        ),
        (
            "x * y",
            (
                [[lambda x: x, lambda x: x], [lambda y: y, lambda y: -y]],
                [[lambda h: h**2 / 4], [lambda h: -(h**2) / 4]],
            ),
        ),
        (
            "sqrt(x**2 + y**2 + 1)",
            ([[lambda x: x**2], [lambda y: y**2]], [[lambda h: (h + 1).sqrt()]]),
        ),
    ],
)
def test_other_formulas_are_recovered(float64, formula, layers):
    ends = (-0.1, 2.1) if "sqrt" in formula else (-2.0, 2.0)
    found = read_symbolic(planted(*layers, ends=ends), formulas(formula))
    assert found.figures["formula recovered"] == 1, found.notes
    assert found.figures["RMSE after snapping"] <= 1e-9


def test_an_edge_outside_the_library_is_refused_by_name(float64):
    task = formulas("exp(x) * cos(4 * x) + sin(7 * x) + y**2")
    found = read_symbolic(planted([[bumps], [lambda y: y**2]]), task)
    assert math.isnan(found.figures["RMSE after snapping"])
    assert found.figures["formula recovered"] == 0
    assert "edge 0.0->0 fits no known function" in found.notes[0]


def test_noise_is_refused(float64):
    torch.manual_seed(0)
    model = KAN(KANConfig(2, 1, (1,), grid=16, std=2.0)).double().eval()
    found = read_symbolic(model, formulas())
    assert math.isnan(found.figures["RMSE after snapping"])
    assert all("no formula" in note for note in found.notes)


def test_a_formula_worse_than_its_network_is_refused(float64):
    """Every edge is a known function, but the network answers another question than the data."""
    task = formulas("cos(5 * x) * y")
    found = read_symbolic(hellokan(), task)
    assert found.figures["test RMSE"] > 0.1
    if not math.isnan(found.figures["RMSE after snapping"]):
        assert found.figures["RMSE after snapping"] <= found.figures["test RMSE"]
    assert found.figures["formula recovered"] == 0


def test_a_line_is_not_called_the_side_of_a_kink(float64):
    """|x - 5| fits a line as well as a line does."""
    found = read_symbolic(
        planted([[lambda x: (2 * x).sin()], [lambda y: y**2]], [[lambda h: 2 * h + 1]]),
        formulas("2 * (sin(2 * x) + y**2) + 1"),
    )
    assert found.figures["formula recovered"] == 1
    assert "abs" not in found.notes[0]


def test_a_pruned_edge_is_a_constant_and_no_nan(float64):
    pruned = planted([[lambda x: (2 * x).sin()], [torch.zeros_like]])
    task = formulas("sin(2 * x) + 0 * y")
    found = read_symbolic(pruned, task)
    assert found.figures["formula recovered"] == 1
    assert all(math.isfinite(v) for v in found.figures.values())
    edges = read_edges(pruned, task.train.inputs)
    assert [e.fits[0].candidate.name for e in edges] == ["sin", "0"]


def test_a_higher_bar_is_kept(float64):
    task = formulas()
    data = [(part.inputs, part.targets) for part in (task.train, task.held_out)]
    with torch.no_grad():
        assert symbolic(hellokan(), *data, names=("x", "y"))[0] is not None
        assert symbolic(hellokan(), *data, names=("x", "y"), r2=1 - 1e-14)[0] is None


def test_points_off_the_grid_are_and_the_formula_is_compared_there(float64):
    model, task = hellokan(), formulas()
    away = off_grid_points(model, task.held_out.inputs)
    assert bool(((away.abs() > 1).sum(1) == 1).all())
    found = read_symbolic(model, task)
    off = found.figures["formula from network, RMS, off the grid"]
    assert off > found.figures["formula from network, RMS, held out"]
    assert found.figures["share of units off their grid"] == 0


def test_without_a_truth_inputs_are_numbered_and_nothing_is_called_recovered(float64):
    found = read_symbolic(hellokan(), replace(formulas(), truth=None))
    assert "formula recovered" not in found.figures
    assert found.notes[0] == "output 0 = exp(x1**2 + sin(pi*x0))"


def test_equal_formulas_by_hand():
    assert same_formula("exp(sin(pi*x))*exp(y**2)", "exp(sin(pi * x) + y**2)")
    assert not same_formula("exp(sin(pi*x))*exp(y**2) + 1.0e-5", "exp(sin(pi * x) + y**2)")
