"""Findings on a page: escaped, every exhibit drawn, pictures that hold their pixels."""

import base64
import re
import zlib

import numpy as np
import pytest
import vl_convert

from analysis.exhibits import Heatmap, Lines, Pictures, Table
from analysis.reading.finding import Finding
from analysis.report.exhibit_charts import heatmap, lines
from analysis.report.findings import findings
from analysis.report.model_page import write_model_page
from analysis.report.pictures import colours, data_uri

NASTY = "<script>alert(1)</script>"
EXHIBITS = (
    Table(NASTY, ("token", NASTY), ((NASTY, 0.25), ("\n", 1e-5))),
    Lines("curve", (0.0, 0.5, 1.0), {NASTY: (1.0, 2.0, 3.0), "g": (0.0, 0.0, 1.0)}, "x", "y"),
    Heatmap("map", (NASTY, "b"), ("c", "c"), ((1.0, -2.0), (0.0, float("nan")))),
    Pictures("images", (NASTY,), (((0.0, 1.0), (-1.0, 0.5)),)),
)


@pytest.fixture
def page(tmp_path):
    found = Finding("What it holds", {NASTY: 1.5}, EXHIBITS, (NASTY,))
    path = tmp_path / "model.html"
    write_model_page(NASTY, [NASTY], {found.title: found}, "0-0-0", path)
    return path.read_text(encoding="utf-8")


def test_no_text_of_a_model_becomes_markup(page):
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 6


def test_every_exhibit_is_there(page):
    assert page.count('class="chart"') == 2
    assert page.count('class="pixels"><img ') == 1
    assert "1.0 × 10⁻⁵" in page
    assert "1.50" in page


@pytest.mark.parametrize("draw", [lines, heatmap])
def test_charts_compile(draw):
    exhibit = EXHIBITS[1] if draw is lines else EXHIBITS[2]
    kind = Finding("f", {}, (exhibit,)).to_mapping()["exhibits"][0]
    assert "<svg" in vl_convert.vegalite_to_svg(draw(kind).spec)


def test_a_large_map_is_thinned():
    n = 200
    shown = Heatmap("m", ("r",) * n, ("c",) * n, ((0.0,) * n,) * n)
    spec = heatmap(Finding("f", {}, (shown,)).to_mapping()["exhibits"][0]).spec
    assert len(spec["data"]["values"]) <= 5000


def test_signed_pixels_diverge_about_zero():
    rgb = colours([[0.0, 2.0], [-2.0, float("nan")]], signed=True)
    assert rgb.tolist() == [[[255, 255, 255], [213, 94, 0]], [[0, 114, 178], [160, 160, 160]]]


def test_unsigned_pixels_go_from_white_to_black():
    assert colours([[3.0, 5.0], [4.0, 3.0]], signed=False)[..., 0].tolist() == [
        [255, 0],
        [128, 255],
    ]
    assert colours([[7.0]], signed=False).tolist() == [[[255, 255, 255]]]


def test_a_picture_holds_its_pixels():
    rgb = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    png = base64.b64decode(re.sub("^data:image/png;base64,", "", data_uri(rgb)))
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    body = png[png.index(b"IDAT") + 4 : png.index(b"IEND") - 8]
    rows = np.frombuffer(zlib.decompress(body), dtype=np.uint8).reshape(2, 1 + 9)
    assert (rows[:, 1:].reshape(2, 3, 3) == rgb).all()
    assert not rows[:, 0].any()


def test_nothing_found_is_nothing_shown():
    assert findings([{"architecture": "a", "findings": []}], lambda _: "", {"a": "#000"}) == ""
