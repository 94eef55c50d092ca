"""Levels on a page: escaped, drawn whatever is missing, the same from objects and from JSON."""

import json
import math
import re

import pytest
import torch
import vl_convert

from analysis.exhibits import Bars, Heatmap, Lines, Pictures, Points, Table
from analysis.report.charts import Figure
from analysis.report.levels import folded_levels, groups_of, levels_section
from analysis.report.page import Gallery, page
from analysis.report.stability_page import stability_page, write_stability_page
from analysis.stability import stability
from analysis.stability.entropies.solutions import solutions
from analysis.stability.estimates.intervals import Interval, undefined
from analysis.stability.level import Figure as Number
from analysis.stability.level import Level
from analysis.stability.nulls import ROTATED, UNTRAINED, pair_measure
from analysis.stability.plain import plain

NASTY = "</script><script>alert(1)</script>\"'&"
CHARTS = re.compile(r'<script type="application/json" id="charts">(.*?)</script>', re.S)


def alike(seeds, seed=0, level=0.6):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(seeds, seeds, generator=generator, dtype=torch.float64) / 5
    return (level + (noise + noise.T) / 2).fill_diagonal_(1.0)


def measure(seeds, *, name="CKA", best=1.0, of="", nulls=(UNTRAINED,)):
    matrix = alike(seeds)
    return pair_measure(
        name,
        "similarity" if best else "angle",
        best=best,
        seeds=tuple(range(seeds)),
        matrix=matrix if best else 1 - matrix,
        nulls={null: alike(seeds, 1, 0.1) for null in nulls},
        of=of,
    )


def level(seeds, text="a"):
    shown = (
        Table(text, (text,), ((text,), (1.0,))),
        Lines(text, (0.0, 1.0), {text: (1.0, math.nan)}, text, text),
        Bars(text, (text, "b"), (1.0, math.nan), (0.5, None), (1.5, None), text),
        Heatmap(text, (text,), (text,), ((1.0,),)),
        Points(text, (text,), (0.0,), (1.0,)),
        Pictures(text, (text,), (((1.0,),),)),
    )
    return Level(
        name=text,
        measures=(
            measure(seeds, name=text, of=text, nulls=(UNTRAINED, ROTATED, text)),
            measure(seeds, name="Procrustes", best=0.0),
            measure(seeds, name="alone", nulls=()),
        ),
        classes=(solutions([f"{text}{n % 2}" for n in range(seeds)], basis=text),),
        figures=(
            Number(text, Interval(1.0, 0.5, 2.0), text, text),
            Number("no", undefined(1.0, text)),
        ),
        exhibits=shown,
        statements=(text, "second"),
        skipped=(text,),
    )


def report(seeds, text="a", **others):
    outputs = torch.randn(seeds, 6, 3, generator=torch.Generator().manual_seed(0))
    found = {
        "name": text,
        "names": [f"{text}{n}" for n in range(seeds)],
        "architectures": [text] * seeds,
        "stability": stability(outputs).to_mapping(),
        "levels": [level(seeds, text).to_mapping()],
        "statements": [text],
        "absent": {text: text},
    }
    return plain(found | others)


def specs(html):
    return json.loads(CHARTS.search(html).group(1))["specs"]


@pytest.mark.parametrize("seeds", [1, 2, 3, 60])
def test_every_chart_compiles_whatever_the_number_of_seeds(seeds):
    drawn = specs(stability_page(report(seeds)))
    assert len(drawn) >= 4
    for spec in drawn:
        vl_convert.vegalite_to_vega(spec)


def test_no_text_becomes_markup():
    html = stability_page(report(4, NASTY))
    assert "<script>alert" not in html
    assert html.count("</script>") == 3
    assert html.count("&lt;/script&gt;") > 20


def test_every_number_is_on_the_page():
    html = stability_page(report(5))
    for found in (level(5).measures[0].raw, level(5).measures[0].rungs[0].null):
        assert f"{found.estimate:.3f}" in html
    assert f"{level(5).measures[0].rungs[0].above.estimate:.3f}" in html
    for text in ("untrained", "rotated basis", "Null ladder", "Map of seeds", "Not measured"):
        assert text in html


def test_objects_and_json_give_one_section():
    raw, names = level(5).to_mapping(), ["n"] * 5
    hung = [], []
    sections = [
        levels_section([given], names, (), lambda figure, to=to: to.append(figure.spec) or "")
        for given, to in zip((raw, json.loads(json.dumps(plain(raw)))), hung, strict=True)
    ]
    assert sections[0] == sections[1]
    assert json.dumps(plain(hung[0])) == json.dumps(plain(hung[1]))


def test_a_level_of_nothing():
    empty = Level("weights", skipped=("weights: another shape",)).to_mapping()
    shown = levels_section([empty], ["a"], (), lambda _: "drawn")
    assert "Weights: another shape" in shown
    assert "drawn" not in shown
    assert "<table" not in shown
    assert levels_section([], ["a"], (), lambda _: "") == ""


def test_missing_numbers_are_dashes():
    given = plain(level(4).to_mapping())
    given["measures"][0]["matrix"][0][1] = given["measures"][0]["matrix"][1][0] = None
    given["measures"][0]["raw"] |= {"estimate": None, "low": None, "high": None}
    html = stability_page(report(4, levels=[given]))
    assert "–" in html
    for spec in specs(html):
        vl_convert.vegalite_to_vega(spec)


def test_an_interval_that_there_is_none_of_says_why():
    html = stability_page(report(2))
    assert "two seeds are one pair" in html


def test_points_are_coloured_by_architecture_else_by_class():
    given = level(4).to_mapping()
    names = [str(n) for n in range(4)]
    assert groups_of(given, names, ("x", "x", "y", "y")) == ["x", "x", "y", "y"]
    assert groups_of(given, names, ("x",) * 4) == ["class 1", "class 2", "class 1", "class 2"]
    given["measures"][0]["seeds"] = (0, 1, 2)
    assert groups_of(given, names, ()) == [""] * 4


def test_a_page_without_outputs(tmp_path):
    path = write_stability_page(report(3, stability=None, architectures=[]), tmp_path / "p.html")
    text = path.read_text(encoding="utf-8")
    assert "class threshold" not in text
    assert "default-src 'none'" in text


def test_what_is_said_comes_first():
    html = stability_page(report(4, statements=["a", "of no level"]))
    assert html.index("Of no level") < html.index("<main>") < html.index("Second</li>")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("levels"), r"report\.levels: missing"),
        (lambda r: r["levels"][0].pop("measures"), r"report\.levels\[0\]\.measures: missing"),
        (
            lambda r: r["levels"][0]["measures"][0].pop("raw"),
            r"levels\[0\]\.measures\[0\]\.raw: missing",
        ),
        (lambda r: r["levels"][0]["exhibits"][0].pop("kind"), r"exhibits\[0\]\.kind: missing"),
        (lambda r: r.update(stability=[1]), r"report\.stability: wanted a mapping"),
    ],
)
def test_a_missing_key_is_named(change, message, tmp_path):
    given = report(3)
    change(given)
    with pytest.raises(ValueError, match=message):
        write_stability_page(given, tmp_path / "p.html")
    assert not list(tmp_path.iterdir())


def test_the_page_of_a_study_folds_the_levels(result):
    plain_page = page(result)
    assert "Level by level" not in plain_page
    cell = result["cells"][0]
    cell["levels"] = [plain(level(len(cell["seeds"]), "outputs").to_mapping())]
    html = page(result)
    assert html.count("Level by level") == 1
    assert len(specs(html)) > len(specs(plain_page))
    cell["levels"] = [{}]
    with pytest.raises(ValueError, match=r"cells\[0\]\.levels\[0\]\.name: missing"):
        page(result)


def test_folded_levels_say_the_first_thing():
    shown = folded_levels([level(3, "x").to_mapping()], list("abc"), (), lambda _: "")
    assert "<summary><b>X</b> x</summary>" in shown


def test_many_measures_are_drawn_in_part(monkeypatch):
    hung = []
    monkeypatch.setattr(Gallery, "hang", lambda self, figure: hung.append(figure) or "drawn")
    many = Level("many", measures=tuple(measure(3, name=f"m{n}") for n in range(20)))
    html = stability_page(report(3, stability=None, levels=[many.to_mapping()]))
    assert len(hung) == 3 + 12
    assert "the first 12 of 19" in html
    assert all(isinstance(figure, Figure) for figure in hung)


def test_seeds_are_named_in_their_classes():
    given = Level("x", classes=(solutions(["u", "v", "u"], basis="rule"),)).to_mapping()
    shown = levels_section([given], ["s1", "s2", "s3"], (), lambda _: "")
    assert "u: 2 (s1, s3); v: 1 (s2)" in shown
    assert "u: 2; v: 1" in levels_section([given], ["s1"], (), lambda _: "")
    many = Level("x", classes=(solutions(["u"] * 20, basis="rule"),)).to_mapping()
    shown = levels_section([many], [f"s{n}" for n in range(20)], (), lambda _: "")
    assert "s7 and 12 more)" in shown


def test_how_it_was_measured_is_no_lack():
    given = Level("x", statements=("said",), notes=("on fewer inputs",)).to_mapping()
    shown = levels_section([given], ["a"], (), lambda _: "")
    assert "How it was measured" in shown
    assert "On fewer inputs" in shown
    assert "Not measured" not in shown
    del given["notes"]
    assert "How it was measured" not in stability_page(report(3, levels=[given]))


def test_levels_that_say_nothing_are_one_list():
    empty = Level("planning", skipped=("wanted four seeds, got 3",)).to_mapping()
    for section in (levels_section, folded_levels):
        shown = section([empty, level(3, "x").to_mapping()], list("abc"), (), lambda _: "")
        assert "<h2>Planning" not in shown
        assert "<summary>Not measured: planning</summary>" in shown
        assert "Planning: wanted four seeds, got 3" in shown


def test_doubts_and_what_was_not_there_stand_under_the_title():
    absent = {"files": "not opened", "duplicates": "a and b", "diverged": "1 of 4 runs: s2"}
    html = stability_page(report(3, absent=absent))
    places = [
        html.index(said) for said in ("Duplicates: a and b", "Diverged: 1 of 4", "not opened")
    ]
    assert places == sorted(places)
    assert places[-1] < html.index("<main>")
