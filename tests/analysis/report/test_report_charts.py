"""Charts: every one compiles to Vega; axes, trees and staircases say what the numbers say."""

import json
import math

import pytest
import vl_convert

from analysis.report.charts import Figure, decades, palette, short_seed, specification, thinned
from analysis.report.curves import learning_curves, loss_axis
from analysis.report.page import Gallery, page
from analysis.report.similarity import farthest, similarity_map
from analysis.report.stability_charts import entropy_against_threshold, loss_against_stability


def test_every_chart_compiles(result, monkeypatch):
    hung = []
    monkeypatch.setattr(Gallery, "hang", lambda self, figure: hung.append(figure) or "")
    page(result)
    assert len(hung) == 2 * (3 + 3 + 2) + 2 * 2 + 1
    for figure in hung:
        assert isinstance(figure, Figure)
        vl_convert.vegalite_to_vega(figure.spec)


def cell_with(losses, status="finished"):
    steps = list(range(len(losses)))
    curve = {
        "seed": "0-0-0",
        "step": steps,
        "train_loss": losses,
        "held_out_loss": losses,
        "held_out_accuracy": [0.5] * len(losses),
    }
    return {"architecture": "a", "unit": "nats", "curves": [curve], "status": [status]}


def test_loss_axis_is_logarithmic_where_losses_span_decades():
    assert loss_axis([cell_with([4.0, 1.5])]).logarithmic is False
    wide = loss_axis([cell_with([4.0, 2e-3, math.nan, math.inf])])
    assert (wide.logarithmic, wide.high) == (True, 10.0)
    assert wide.low == pytest.approx(1e-3)


def test_losses_under_the_floor_are_drawn_on_it():
    axis = loss_axis([cell_with([1.0, 0.0])])
    assert axis.low == pytest.approx(1e-8)
    assert axis.place(0.0) == axis.place(1e-30) == pytest.approx(1e-8)
    assert axis.place(math.nan) is axis.place(None) is None


def test_a_diverged_seed_ends_in_a_cross_at_its_last_finite_loss():
    cell = cell_with([3.0, 2.0, math.nan, math.inf], "diverged")
    figure = learning_curves(cell, loss_axis([cell]), "#000000")
    ends = figure.spec["vconcat"][0]["layer"][-1]["data"]["values"]
    assert ends == [{"seed": "0", "step": 1, "held out": 2.0}]
    assert "1 diverged" in figure.caption


def test_the_map_is_ordered_by_clustering():
    """Seeds 0 and 2 are near, 1 and 3 are near: each pair stands side by side."""
    near, far = 0.01, 0.5
    matrix = [
        [0 if a == b else near if (a - b) % 2 == 0 else far for b in range(4)] for a in range(4)
    ]
    cell = {
        "architecture": "a",
        "seeds": [f"{n}-{n}-{n}" for n in range(4)],
        "stability": {"threshold": 0.1, "divergence": {"seeds": [0, 1, 2, 3], "matrix": matrix}},
    }
    figure = similarity_map(cell, farthest([cell]), "#000000")
    assert figure is not None
    tree, heat = figure.spec["hconcat"]
    order = [row["seed"] for row in heat["data"]["values"]]
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset("02"), frozenset("13")}
    assert sorted(max(link["height"]) for link in tree["data"]["values"]) == [near, near, far]


def test_the_colour_scale_has_the_threshold_in_its_middle(result):
    figure = similarity_map(result["cells"][1], farthest(result["cells"]), "#000000")
    assert figure is not None
    scale = figure.spec["hconcat"][1]["layer"][1]["encoding"]["color"]["scale"]
    assert scale["domain"][:2] == [0, 0.1]
    assert scale["domain"][2] >= 0.2


def test_the_staircase_is_dotted_where_it_is_a_bound():
    def point(threshold, classes, bits, bound):
        entropy = None if bits is None else {"estimate": bits, "low": bits, "high": bits}
        return {"threshold": threshold, "classes": classes, "entropy": entropy, "at_least": bound}

    curve = [point(0.0, 4, None, 1.2), point(0.05, 2, 1.0, 0.3), point(0.4, 1, 0.0, 0.0)]
    cell = {"architecture": "a", "stability": {"curve": curve}}
    figure = entropy_against_threshold([cell], 0.1, {"a": "#000000"})
    bound, resolved = figure.spec["layer"][1]["data"]["values"]
    assert (bound["resolved"], bound["threshold"], bound["bits"]) == (False, [0, 0.05], [1.2, 1.2])
    assert (resolved["resolved"], resolved["classes"]) == (True, [2, 1, 1])
    assert resolved["threshold"][:2] == [0.05, 0.4]


def test_losses_of_different_units_are_compared_by_error(result):
    cells = [{"unit": unit, **cell} for unit, cell in zip("aab", result["cells"][:3], strict=True)]
    colours = palette(tuple(cell["architecture"] for cell in cells))
    same = loss_against_stability(cells[:2], colours)
    mixed = loss_against_stability(cells, colours)
    assert "held-out loss (a)" in json.dumps(same.spec)
    assert "held-out error rate" in json.dumps(mixed.spec)
    assert mixed.spec["data"]["values"][0]["lost"] == 0.0


def test_small_pieces():
    assert decades(0.002, 5.0) == pytest.approx((1e-3, 10))
    assert thinned(3, 5) == [0, 1, 2]
    assert thinned(101, 3) == [0, 50, 100]
    assert (short_seed("7-7-7"), short_seed("7-7-8"), short_seed(4)) == ("7", "7-7-8", "4")
    assert callable(specification)
