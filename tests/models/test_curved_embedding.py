"""Curved embedding: what it finds, what its certificate says, what it refuses."""

import math

import pytest
import torch

from analysis.reading.formulas.rerun import largest_gap
from interpretable_arch import build
from training.data import build_task


def fit(signature: str, given: dict, **more):
    task = build_task("distances", given)
    torch.manual_seed(0)
    arguments = {"signature": signature, **more}
    model = build("curved_embedding", arguments, task.dimensions)
    model.fit_data([(task.train.inputs, task.train.targets)])
    return model, task


def test_a_ring_of_twenty_is_exact_and_certified(float64):
    model, task = fit("S1", {"source": "cycle", "size": 20})
    torch.testing.assert_close(model(task.train.inputs), task.train.targets, atol=1e-6, rtol=0)
    assert model.placed()[0].kappa == pytest.approx((math.pi / 10) ** 2, rel=1e-9)
    assert model.certificate().holds
    # All its eigenvalues are repeated: the declared form puts the first point on the first axis.
    torch.testing.assert_close(model.points_S1[0, 0], torch.tensor([1.0, 0.0]), atol=1e-9, rtol=0)
    assert float(model.points_S1.detach()[0, 1, 1]) > 0


def test_the_same_distances_give_the_same_points(float64):
    given = {"source": "grid", "rows": 3, "columns": 4, "noise": 0.02}
    first, _ = fit("E2", given)
    torch.manual_seed(9)
    task = build_task("distances", given)
    second = build("curved_embedding", {"signature": "E2"}, task.dimensions)
    order = torch.randperm(len(task.train))
    second.fit_data([(task.train.inputs[order].flip(1), task.train.targets[order])])
    torch.testing.assert_close(second.points_E2, first.points_E2)


def test_a_cut_through_equal_branches_is_declared_not_unique(float64):
    model, _ = fit("H2", {"source": "tree", "depth": 3})
    found = model.certificate()
    assert not found.holds
    assert any("eigenvalue gap" in c.name for c in found.failed)
    assert any("cuts through eigenvalues 2 to 3" in note for note in found.notes)


def test_the_certificate_speaks_of_the_points_as_they_are(float64):
    model, _ = fit("S1", {"source": "cycle", "size": 12})
    with torch.no_grad():
        model.points_S1[0, 0] = model.points_S1[0, 0].flip(0)
    assert [c.name for c in model.certificate().failed] == [
        "distances moved since the fit / diameter"
    ]


def apart(points: torch.Tensor) -> torch.Tensor:
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


@pytest.mark.parametrize("signature", ["H2", "S2"])
@pytest.mark.parametrize("count", [2, 3, 6])
def test_what_lies_in_every_curvature_has_no_certified_one(float64, signature, count):
    """Three points and points on a line fit at every kappa: which is best, rounding decides."""
    torch.manual_seed(count)
    lines = [torch.arange(float(count))[:, None], torch.rand(count, 1)]
    triangles = [torch.randn(3, 2) for _ in range(4)] if count == 3 else []
    i, j = torch.triu_indices(count, count, 1)
    for points in (*lines, *triangles):
        model = build("curved_embedding", {"points": count, "signature": signature}, {})
        model.fit_data([(torch.stack([i, j], 1), apart(points)[i, j][:, None])])
        found = model.certificate()
        assert any("rise" in c.name for c in found.failed)
        assert any("not determined" in note for note in found.notes)


def test_an_unfitted_model_certifies_nothing(float64):
    assert not build("curved_embedding", {"points": 5}, {}).certificate().holds


def test_pairs_not_shown_are_filled_in_and_said(float64):
    given = {"source": "tree", "depth": 3, "share": 0.7, "split_seed": 1}
    model, task = fit("H2", given)
    failed = {c.name: c.value for c in model.certificate().failed}
    assert failed["share of pairs filled in by shortest ways"] == pytest.approx(0.3, abs=0.01)
    hidden = (model(task.held_out.inputs).detach() / task.held_out.targets - 1).abs().mean()
    assert float(hidden) < 0.3


def test_descent_from_the_closed_form_lowers_the_loss(float64):
    model, task = fit("H2", {"source": "tree", "depth": 3}, jitter=0.01, widest=10.0)
    inputs, targets = task.train.inputs, task.train.targets
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    start = model.loss(inputs, targets).item()
    for _ in range(100):
        optimiser.zero_grad()
        model.loss(inputs, targets).backward()
        optimiser.step()
    assert model.loss(inputs, targets).item() < 0.7 * start


@pytest.mark.parametrize(
    ("signature", "given"),
    [("H2", {"source": "tree", "depth": 2}), ("S1 x E1", {"source": "grid", "rows": 3})],
)
def test_the_formula_is_rerun_by_sympy(float64, signature, given):
    model, task = fit(signature, given)
    formula = model.interpretation().formulas[0]
    assert formula.error < 1e-6
    assert largest_gap(model, formula, task.sample[:2]) < 1e-9 + formula.error


def test_a_point_outside_is_refused(float64):
    model = build("curved_embedding", {"points": 5}, {})
    for outside in ([[0, 5]], [[-1, 0]]):
        with pytest.raises(ValueError, match=r"pairs: wanted points 0 to 4, got .*out of"):
            model(torch.tensor(outside))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"signature": "H1"}, "H2 or more"),
        ({"jitter": -1.0}, "jitter: wanted 0 or more"),
        ({"widest": 0.01}, "widest: wanted more"),
        ({"points": 0}, "points: wanted at least 1"),
        ({"points": 1}, "points: wanted 2 or more, got 1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        build("curved_embedding", {"points": 5, **arguments}, {})
