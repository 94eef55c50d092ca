"""Points on a page: labels escaped, drawn by Vega, thinned where many."""

import vl_convert

from analysis.exhibits import Points
from analysis.reading.finding import Finding
from analysis.report.model_page import write_model_page
from analysis.report.point_charts import MOST_POINTS, points

NASTY = "<script>alert(1)</script>"


def exhibit(count: int) -> dict:
    names, zeros = tuple(map(str, range(count))), tuple(0.5 for _ in range(count))
    path = ((0.0, 0.0), (0.5, 0.5))
    return Finding("p", {}, (Points("t", names, zeros, zeros, (path,), True),)).to_mapping()[
        "exhibits"
    ][0]


def test_a_disc_is_drawn():
    svg = vl_convert.vegalite_to_svg(points(exhibit(5)).spec)
    assert svg.count("<path") > 5


def test_many_points_are_thinned():
    layers = points(exhibit(3 * MOST_POINTS)).spec["layer"]
    assert max(len(layer["data"]["values"]) for layer in layers) <= MOST_POINTS


def test_names_are_no_markup(tmp_path):
    found = Finding("space", {}, (Points(NASTY, (NASTY,), (0.1,), (0.2,), behind=(True,)),))
    path = tmp_path / "model.html"
    write_model_page("m", ["l"], {found.title: found}, "0-0-0", path)
    assert "<script>alert" not in path.read_text(encoding="utf-8")
