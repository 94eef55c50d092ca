"""Maps of seeds, ladders and bars: they show the numbers, in an order that can be checked."""

import math

import numpy as np
import pytest
import torch
import vl_convert

from analysis.report.bar_charts import MOST_BARS, bars
from analysis.report.charts import MOST_ROWS
from analysis.report.ladder_chart import null_ladder
from analysis.report.pair_maps import distances, pair_map, seed_names
from analysis.report.seed_points import map_of_seeds, scaled, stress, uncrowded
from analysis.stability.level import Level
from analysis.stability.nulls import ROTATED, UNTRAINED, pair_measure


def measured(matrix, best=1.0, nulls=None, name="CKA"):
    matrix = torch.as_tensor(matrix, dtype=torch.float64)
    found = pair_measure(
        name, "unit", best=best, seeds=tuple(range(len(matrix))), matrix=matrix, nulls=nulls
    )
    return Level("l", measures=(found,)).to_mapping()["measures"][0]


def two_groups(near, far, seeds=4):
    same = (torch.arange(seeds)[:, None] - torch.arange(seeds)) % 2 == 0
    return torch.where(same, near, far).double()


def gaps(points):
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def test_points_of_the_plane_are_found_again():
    points = np.random.default_rng(0).normal(size=(12, 2)) * [3, 1]
    found = scaled(gaps(points))
    assert gaps(found) == pytest.approx(gaps(points), abs=2e-3)
    assert stress(found, gaps(points)) < 1e-3
    assert found[:, 0].var() > found[:, 1].var()
    assert np.array_equal(found, scaled(gaps(points)))


def test_the_scale_of_distances_does_not_matter():
    points = np.random.default_rng(1).normal(size=(6, 2))
    assert scaled(1e-6 * gaps(points)) == pytest.approx(1e-6 * scaled(gaps(points)), rel=1e-6)


def test_four_seeds_all_as_far_apart_bend():
    """A tetrahedron has no place in the plane: some stress is left, whatever is tried."""
    apart = 1 - np.eye(4)
    assert 0.1 < stress(scaled(apart), apart) < 0.25


def test_equal_seeds_are_no_map():
    assert map_of_seeds(measured(torch.ones(3, 3)), "abc", [""] * 3) is None
    assert map_of_seeds(measured(two_groups(1.0, 0.5, 2)), "ab", [""] * 2) is None


def test_a_map_leaves_out_seeds_without_distances():
    given = measured(two_groups(1.0, 0.5, 5))
    rows = [list(row) for row in given["matrix"]]
    for other in range(5):
        if other != 2:
            rows[2][other] = rows[other][2] = math.nan
    figure = map_of_seeds({**given, "matrix": rows}, "abcde", [""] * 5)
    assert figure is not None
    assert figure.caption.startswith("4 seeds")


def test_many_groups_become_others():
    figure = map_of_seeds(
        measured(two_groups(1.0, 0.5, 20)), ["s"] * 20, [str(n) for n in range(20)]
    )
    assert figure is not None
    rows = figure.spec["layer"][2]["data"]["values"]
    assert len({row["group"] for row in rows}) == 6
    assert "<svg" in vl_convert.vegalite_to_svg(figure.spec)


def test_names_that_would_lie_on_others_are_left_to_the_tooltip():
    pixels = np.array([[0.0, 0.0], [8.0, 3.0], [0.0, 50.0], [40.0, 50.0]])
    assert uncrowded(pixels, ["first", "second", "third", "4"]) == [False, True, True, True]
    assert uncrowded(np.zeros((3, 2)), ["a", "b", "c"]) == [True, False, False]


def test_a_map_of_pairs_is_ordered_by_its_tree():
    figure = pair_map(measured(two_groups(0.9, 0.2)), list("abcd"))
    assert figure is not None
    tree, heat = figure.spec["hconcat"]
    order = [row["seed"] for row in heat["data"]["values"]]
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset("ac"), frozenset("bd")}
    heights = sorted(max(link["height"]) for link in tree["data"]["values"])
    assert heights == pytest.approx([0.1, 0.1, 0.8])


@pytest.mark.parametrize(
    ("best", "null", "domain"),
    [(1.0, 0.1, [0.1, 1.0]), (1.0, 0.4, [0.2, 1.0]), (0.0, 0.1, [0, 0.9])],
)
def test_colours_run_from_the_farthest_pair_or_null(best, null, domain):
    nulls = {UNTRAINED: torch.full((4, 4), null)}
    figure = pair_map(measured(two_groups(0.9, 0.2), best, nulls), list("abcd"))
    assert figure is not None
    colour = figure.spec["hconcat"][1]["layer"][1]["encoding"]["color"]
    assert colour["scale"]["domain"] == pytest.approx(domain, abs=1e-6)


def test_no_pair_no_map():
    assert pair_map(measured(torch.ones(1, 1)), "a") is None
    alike = pair_map(measured(torch.ones(3, 3)), "abc")
    assert alike is not None
    vl_convert.vegalite_to_vega(alike.spec)


def test_many_seeds_stay_few_numbers():
    figure = pair_map(measured(two_groups(0.9, 0.2, 120)), [str(n) for n in range(120)])
    assert figure is not None
    assert sum(len(row["value"]) for row in figure.spec["data"]["values"]) <= MOST_ROWS
    assert "70 drawn" in figure.caption


def test_similarities_as_distances():
    assert distances(measured(two_groups(1.2, 0.25)))[0].tolist() == [0, 0.75, 0, 0.75]
    assert distances(measured(two_groups(0.5, 0.25), best=0.0))[0].tolist() == [0, 0.25, 0.5, 0.25]


def test_names_are_short_and_each_once():
    def called(*names):
        return seed_names({"seeds": range(len(names))}, names)

    assert called("3-3-3", "3-3-4") == ["3", "3-3-4"]
    assert called("a", "a", "b") == ["a", "a (1)", "b"]
    assert called("a_long_name_1", "a_long_name_23") == ["…1", "…23"]
    assert called("a_long_name_1", "another") == ["a_long_name_1", "another"]
    assert called("the_same_name", "the_same_name") == ["…", "… (1)"]
    assert seed_names({"seeds": [4]}, ["a"]) == ["4"]


def test_the_ladder_holds_every_similarity_with_its_nulls():
    nulls = {ROTATED: torch.full((4, 4), 0.3), UNTRAINED: torch.full((4, 4), 0.1)}
    asked = [
        measured(two_groups(0.9, 0.2), nulls=nulls),
        measured(two_groups(0.9, 0.2), nulls=nulls),
        measured(two_groups(0.9, 0.2), best=0.0, nulls=nulls),
        measured(two_groups(0.9, 0.2)),
    ]
    figure = null_ladder(asked)
    assert figure is not None
    rows = figure.spec["data"]["values"]
    assert len(rows) == 2 * 3
    assert {row["measure"] for row in rows} == {"0 CKA", "1 CKA"}
    kinds = figure.spec["layer"][1]["encoding"]["color"]["sort"]
    assert kinds == ["the seeds", UNTRAINED, ROTATED]
    assert next(r for r in rows if r["kind"] == "the seeds")["value"] == pytest.approx(
        2.6 / 6, abs=1e-4
    )
    assert null_ladder(asked[2:]) is None
    assert null_ladder([]) is None


def test_one_seed_has_no_ladder():
    assert null_ladder([measured(torch.ones(1, 1), nulls={UNTRAINED: torch.ones(1, 1)})]) is None


def test_bars_keep_their_order_and_say_how_many():
    count = 3 * MOST_BARS
    given = {
        "title": "t",
        "names": ["same"] * count,
        "values": [math.nan, *range(1, count)],
        "low": [None] * count,
        "high": [None] * count,
        "x_title": "share",
    }
    figure = bars(given)
    rows = figure.spec["data"]["values"]
    assert len(rows) == MOST_BARS
    assert rows[0]["value"] is None
    assert [row["value"] for row in rows[1:]] == sorted(row["value"] for row in rows[1:])
    assert figure.caption == f"{MOST_BARS} of {count} shown, evenly spread"
    assert "<svg" in vl_convert.vegalite_to_svg(figure.spec)


def test_a_share_below_0_is_shown_with_words():
    given = {
        "title": "t",
        "names": ["init", "order"],
        "values": [-0.1, 0.6],
        "low": [-0.3, 0.4],
        "high": [0.1, 0.8],
        "x_title": "share of the total variance",
    }
    spec = bars(given).spec
    assert [row["value"] for row in spec["data"]["values"]] == [-0.1, 0.6]
    assert "below 0: no sign of it" in vl_convert.vegalite_to_svg(spec)
    assert "no sign of it" not in vl_convert.vegalite_to_svg(
        bars({**given, "x_title": "difference"}).spec
    )
    assert "no sign of it" not in vl_convert.vegalite_to_svg(bars({**given, "values": [0, 1]}).spec)


def test_a_null_where_the_seeds_are_stays_in_sight():
    same = two_groups(0.9, 0.2)
    figure = null_ladder([measured(same, nulls={UNTRAINED: same})])
    assert figure is not None
    svg = vl_convert.vegalite_to_svg(figure.spec)
    ring = figure.spec["layer"][2]
    assert ring["mark"]["filled"] is False
    assert ring["mark"]["size"] > figure.spec["layer"][1]["mark"]["size"]
    assert "<svg" in svg


def test_a_map_that_bends_is_said_to_be_rough():
    apart = 1 - np.eye(12)
    figure = map_of_seeds(measured(apart, best=0.0), [str(n) for n in range(12)], [""] * 12)
    assert figure is not None
    assert figure.caption.endswith(": a rough map, whose distances the plane bends")
    flat = map_of_seeds(measured(gaps(np.eye(3)[:, :2]), best=0.0), "abc", [""] * 3)
    assert flat is not None
    assert "rough" not in flat.caption


def test_a_long_title_of_colours_is_in_lines():
    given = measured(two_groups(0.9, 0.2)) | {"unit": "correlation on the other half of the inputs"}
    figure = pair_map(given, list("abcd"))
    assert figure is not None
    title = figure.spec["hconcat"][1]["layer"][1]["encoding"]["color"]["legend"]["title"]
    assert " ".join(title) == "CKA (correlation on the other half of the inputs)"
    assert max(map(len, title)) <= 38
