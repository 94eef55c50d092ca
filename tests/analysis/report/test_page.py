"""The page: offline, escaped, deterministic, small, whole or not at all."""

import json
import math
import re
from html.parser import HTMLParser

import pytest
import torch

from analysis.report.charts import MOST_ROWS
from analysis.report.page import embedded, page, write_page
from analysis.stability import stability

HOSTILE = "</script><script>alert(1)</script><!-- &\" ' \\u2028"
CHARTS = re.compile(r'<script type="application/json" id="charts">(.*?)</script>', re.S)


class Links(HTMLParser):
    """Collects what a browser would fetch, and every element and event handler."""

    def __init__(self):
        super().__init__()
        self.fetched, self.handlers, self.scripts = [], [], 0

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        for name, value in attrs:
            if name in ("src", "href", "data", "action", "poster", "srcset", "xlink:href"):
                self.fetched.append(value)
            if name.startswith("on"):
                self.handlers.append((tag, name))


def parsed(html):
    links = Links()
    links.feed(html)
    return links


def charts(html):
    return json.loads(CHARTS.search(html).group(1))["specs"]


@pytest.fixture(scope="module")
def html(whole_result):
    return page(whole_result)


def test_nothing_is_fetched(html):
    links = parsed(html)
    assert all(link.startswith("#") for link in links.fetched), links.fetched
    assert "default-src 'none'" in html
    style = re.search(r"<style>(.*?)</style>", html, re.S).group(1)
    assert "url(" not in style
    assert "@import" not in style
    assert "$schema" not in json.dumps(charts(html))


def test_every_label_is_escaped(result):
    """A hostile text in every place that a user fills leaves the page's scripts as they were."""
    wanted = parsed(page(result)).scripts
    names = {"S4 at 15%": HOSTILE + "t", "group_mlp": HOSTILE + "a"}
    text = json.dumps(result)
    for plain, hostile in names.items():
        text = text.replace(json.dumps(plain), json.dumps(hostile))
    hurt = json.loads(text)
    hurt |= {
        "name": HOSTILE,
        "description": HOSTILE,
        "unit": HOSTILE,
        "versions": {HOSTILE: HOSTILE},
    }
    hurt["config"] = "name: " + json.dumps(HOSTILE)
    for cell in hurt["cells"]:
        cell["exactness"] = HOSTILE
        cell["stability"]["by_interpretation"]["names"][0] = HOSTILE
        cell["stability"]["statements"] = [HOSTILE]
    reading = hurt["cells"][0]["readings"][0]
    reading["multiplicities"][1]["name"] = HOSTILE
    reading["irreducibles"][0] |= {"name": HOSTILE, "origin": HOSTILE, "type": HOSTILE}
    reading["characters"][1]["representative"] = HOSTILE
    made = page(hurt)
    links = parsed(made)
    assert links.scripts == wanted
    assert not links.handlers
    assert "<script>alert" not in made
    assert "<!--" not in CHARTS.search(made).group(1)
    assert len(charts(made)) == len(charts(page(result)))


def test_embedded_json_survives_a_round_trip():
    assert json.loads(embedded({"a": HOSTILE})) == {"a": HOSTILE}
    assert "<" not in embedded(HOSTILE)
    with pytest.raises(ValueError, match="JSON"):
        embedded(math.nan)


def test_numbers_that_are_not_finite_are_never_drawn(result):
    """Diverged seeds bring NaN and infinities, as numbers or as null."""
    for curve in result["cells"][0]["curves"]:
        curve["held_out_loss"] = [math.inf, None, *[math.nan] * (len(curve["step"]) - 2)]
        curve["train_loss"] = [math.nan] * len(curve["step"])
    result["cells"][0]["held_out_loss"] = {"estimate": None, "low": None, "high": math.inf}
    made = page(result)
    assert "NaN" not in CHARTS.search(made).group(1)
    assert "Infinity" not in CHARTS.search(made).group(1)
    assert ">nan" not in made.lower()


def test_everything_undefined_still_makes_a_page(result):
    """One seed, nothing measured: each measure that needs more is None."""
    for cell in result["cells"]:
        for key in ("seeds", "status", "readings", "curves"):
            cell[key] = cell[key][:1]
        cell["solved"] = min(cell["solved"], 1)
        measures = ("disagreement", "divergence", "cka", "by_output", "by_interpretation")
        cell["stability"] |= {
            **dict.fromkeys(measures),
            "by_output_with_diverged": None,
            "curve": [],
        }
    assert "Learning curves" in page(result)


def test_the_same_result_gives_the_same_bytes(result, html):
    assert page(json.loads(json.dumps(result))) == html


def test_measured_stability_makes_a_page(result):
    """What `stability` returns has the keys that a page reads, with diverged seeds and without."""
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn([6, 24, 5], generator=generator)
    for place, diverged in ((0, [False] * 6), (1, [True] + [False] * 5)):
        found = stability(
            outputs,
            targets=torch.zeros(24, dtype=torch.long),
            representations=outputs,
            untrained_outputs=-outputs,
            untrained_representations=-outputs,
            interpretation_labels=list("aabbcc"),
            diverged=diverged,
        )
        cell = result["cells"][place]
        cell["stability"] = found.to_mapping()
        for key in ("seeds", "status", "readings", "curves"):
            cell[key] = cell[key][:6]
        cell["solved"] = min(cell["solved"], 6)
    assert page(json.loads(json.dumps(result))).count('class="chart"') == 21


def test_the_order_of_keys_does_not_matter(result, html):
    result["cells"] = [dict(reversed(cell.items())) for cell in result["cells"]]
    assert page(dict(reversed(result.items()))) == html


def test_the_page_is_small(html):
    """Most of it is the Vega run time, once; six cells of 20 seeds add less than a third."""
    assert html.count("window.vegaEmbed=") == 1
    assert len(html.encode()) < 1.25e6
    assert len(CHARTS.search(html).group(1)) < 2.5e5


def test_charts_stay_below_the_row_limit(result):
    def rows(spec):
        data = spec.get("data", {}).get("values", []) if isinstance(spec, dict) else []
        longest = [max([1, *(len(v) for v in row.values() if isinstance(v, list))]) for row in data]
        inner = spec.values() if isinstance(spec, dict) else spec if isinstance(spec, list) else ()
        return sum(longest) + sum(rows(part) for part in inner)

    for curve in result["cells"][0]["curves"]:
        columns = ("step", "train_loss", "held_out_loss", "held_out_accuracy")
        curve |= {name: curve[name] * 100 for name in columns}
    assert max(rows(spec) for spec in charts(page(result))) <= MOST_ROWS


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (("cells",), "result.cells: missing"),
        (("cells", 1, "stability"), r"result.cells\[1\].stability: missing"),
        (("cells", 0, "held_out_loss", "low"), r"cells\[0\].held_out_loss.low: missing"),
        (("cells", 0, "readings", 2, "defect"), r"cells\[0\].readings\[2\].defect: missing"),
    ],
)
def test_a_missing_key_is_named(result, tmp_path, path, message):
    *way, last = path
    place = result
    for key in way:
        place = place[key]
    del place[last]
    with pytest.raises(ValueError, match=message):
        write_page(result, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_a_wrong_kind_is_named(result):
    result["cells"][0]["stability"] = [1]
    with pytest.raises(ValueError, match=r"cells\[0\].stability: wanted a mapping"):
        page(result)
    result["cells"] = {}
    with pytest.raises(ValueError, match=r"result\.cells: wanted a list"):
        page(result)


def test_write_page_leaves_one_file(result, html, tmp_path):
    assert write_page(result, tmp_path / "page.html") == tmp_path / "page.html"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == html


def test_a_fit_without_steps_has_no_curve_and_no_optimiser(result):
    from analysis.report.asked import training
    from analysis.report.task import _curves

    cells = result["cells"][:1]
    for curve in cells[0]["curves"]:
        for name in ("step", "train_loss", "held_out_loss", "held_out_accuracy"):
            curve[name] = curve[name][:1]
    assert _curves(cells, {cells[0]["architecture"]: "#000"}, lambda figure: "drawn") == ""
    config = {"architectures": {"a": {"optimizer": {"name": "adamw"}, "trainer": {"max_steps": 0}}}}
    assert training(config, "a") == "fitted to the data"
