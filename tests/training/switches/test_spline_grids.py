"""Grids that follow the data: the function stays, other seeds stay, and YAML can ask for it."""

import pytest
import torch

from interpretable_arch.layers.spline import Spline, SplineConfig
from interpretable_arch.maths.splines import regridded, spline_basis, straight
from training.experiment import Experiment
from training.fit import fit
from training.switches.spline_grids import SplineGrids, follow


def layer() -> Spline:
    torch.manual_seed(0)
    built = Spline(SplineConfig(d_model=2, d_out=3, grid=6, low=-1.0, high=1.0, std=0.5))
    with torch.no_grad():
        built.C.copy_(straight(built.ends, 6)[..., None] * torch.randn(2, 1, 3))
    return built


def test_a_line_is_the_same_on_every_grid(float64):
    old, new = torch.tensor([-1.0, 1.0]), torch.tensor([-0.3, 4.0])
    moved = regridded(straight(old, 5)[:, None], old, new)
    torch.testing.assert_close(moved[:, 0], straight(new, 5))


def test_a_cubic_is_kept_where_both_grids_are(float64):
    old, new = torch.tensor([-1.0, 1.0]), torch.tensor([-0.9, 0.8])
    x = torch.linspace(-0.9, 0.8, 40)
    basis = spline_basis(torch.linspace(-1, 1, 60), old, 5)
    C = torch.linalg.lstsq(basis, torch.linspace(-1, 1, 60)[:, None] ** 3).solution
    moved = regridded(C, old, new)
    torch.testing.assert_close((spline_basis(x, new, 5) @ moved)[:, 0], x**3)


def test_the_grid_goes_where_the_data_are_and_the_function_stays(float64):
    built, x = layer(), torch.randn(50, 2)
    before = built(x)
    built.seen.copy_(torch.tensor([[-4.0, 5.0], [-0.98, 0.99]]))
    follow(built, margin=0.1, fills=0.9)
    torch.testing.assert_close(built.ends[0], torch.tensor([-4.9, 5.9]))
    torch.testing.assert_close(built.ends[1], torch.tensor([-1.0, 1.0]))  # fills its grid
    torch.testing.assert_close(built(x), before)


def test_a_diverged_seed_stays_and_the_other_is_refitted(float64):
    built = layer()
    stacked = {n: torch.stack([v, v]) for n, v in built.state_dict().items()}
    for name in ("W_b", "C"):
        setattr(built, name, torch.nn.Parameter(stacked[name]))
    for name in ("ends", "seen"):
        setattr(built, name, stacked[name])
    with torch.no_grad():
        built.C[0, 0, 0, 0] = torch.nan
        built.seen[:] = torch.tensor([-2.0, 2.0])
        built.seen[0, 1] = torch.nan
    follow(built, margin=0.0, fills=0.9)
    assert built.ends[1].tolist() == [[-2.0, 2.0], [-2.0, 2.0]]
    assert bool(built.C[1].isfinite().all())


def test_a_constant_coordinate_keeps_its_grid(float64):
    built = layer()
    built.seen.copy_(torch.tensor([[0.5, 0.5], [3.0, 3.0]]))
    follow(built, margin=0.1, fills=0.9)
    assert built.ends.tolist() == [[-1.0, 1.0], [-1.0, 1.0]]


@pytest.mark.parametrize("seeds", [1, 2])
def test_an_experiment_asks_for_it_by_path(tmp_path, seeds):
    grids = {"class_path": "training.switches.spline_grids.SplineGrids", "init_args": {"until": 20}}
    experiment = Experiment.from_mapping(
        {
            "name": "grids",
            "model": {"class_path": "kan", "init_args": {"hidden": [1], "grid": 4}},
            "task": {"class_path": "formulas", "init_args": {"examples": 60, "held_out": 20}},
            "optimizer": {"name": "adam", "lr": 0.05},
            "trainer": {"max_steps": 30, "precision": "64", "callbacks": [grids], "block": seeds},
            "seeds": seeds,
        }
    )
    runs = fit(experiment, tmp_path, progress=False)
    assert [run.status for run in runs] == ["finished"] * seeds
    for run in runs:
        assert run.weights["layers.1.ends"].tolist() != [[-1.0, 1.0]]
        assert run.weights["layers.0.off_grid"].tolist() == [0.0, 0.0]
    losses = runs[0].metrics.to_pydict()["held_out_loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"until": 0}, "until"),
        ({"until": 5, "every": 0}, "every"),
        ({"until": 5, "margin": -1.0}, "margin"),
        ({"until": 5, "fills": 1.0}, "fills"),
    ],
)
def test_a_mistake_is_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        SplineGrids(**arguments)
