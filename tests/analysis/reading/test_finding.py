"""Findings: figures over seeds, lines for a terminal, plain data for a page."""

import json
import math

import numpy as np
import pytest

from analysis.exhibits import Heatmap, Lines, Pictures, Table
from analysis.reading.finding import Finding
from analysis.reading.finding_text import finding_lines
from analysis.reading.findings import check_readers, read_all
from analysis.reading.over_seeds import over_seeds
from interpretable_arch import build
from training.data import build_task


def finding(value: float, **more: float) -> Finding:
    return Finding("Experts", {"entropy": value, **more})


def test_a_figure_has_the_mean_and_interval_of_its_seeds():
    found = over_seeds(("0", "1", "2"), [{"Experts": finding(v)} for v in (1.0, 2.0, 3.0)])
    figure = found[0].figures[0]
    assert figure.values == (1.0, 2.0, 3.0)
    assert figure.mean.estimate == pytest.approx(2.0)
    # t_2 at 97.5% is 4.303; the standard error of 1, 2, 3 is 1 / sqrt 3.
    assert figure.mean.high == pytest.approx(2 + 4.302653 / math.sqrt(3), rel=1e-6)


def test_a_seed_without_the_figure_is_counted_as_such():
    seeds = [{"Experts": finding(1.0)}, {}, {"Experts": finding(math.nan, dead=2.0)}]
    entropy, dead = over_seeds(("0", "1", "2"), seeds)[0].figures
    assert entropy.values[:2] == (1.0, None)
    assert entropy.mean.estimate == 1.0
    assert not entropy.mean.defined
    assert dead.values == (None, None, 2.0)


def test_the_first_seed_that_has_it_is_shown():
    found = over_seeds(("0", "1"), [{}, {"Experts": finding(1.0)}])[0]
    assert found.seed == "1"
    assert found.shown == finding(1.0)


def test_a_figure_without_a_finite_value_says_so():
    found = over_seeds(("0",), [{"Experts": finding(math.inf)}])[0]
    assert math.isnan(found.figures[0].mean.estimate)
    assert "no seed" in found.figures[0].mean.method


def test_plain_data_names_the_kind_of_each_exhibit():
    exhibits = (
        Table("t", ("a",), (("x",),)),
        Lines("l", (0.0, 1.0), {"f": (1.0, 2.0)}, "x", "y"),
        Heatmap("h", ("r",), ("c",), ((1.0,),)),
        Pictures("p", ("one",), (((0.0, 1.0),),)),
    )
    plain = Finding("All", {"n": 1.0}, exhibits, ("note",)).to_mapping()
    assert [e["kind"] for e in plain["exhibits"]] == ["table", "lines", "heatmap", "pictures"]
    read_back = json.loads(json.dumps(plain))
    assert read_back["figures"] == {"n": 1.0}
    assert read_back["exhibits"][1]["y"] == {"f": [1.0, 2.0]}
    assert read_back["exhibits"][3]["images"] == [[[0.0, 1.0]]]


def test_text_is_aligned_and_shows_unprintable_tokens():
    shown = Table("Tokens", ("token", "share"), (("\n", 0.25), ("long \x1b[31m", np.pi)))
    lines = finding_lines(Finding("Experts", {"n": 2.0}, (shown,), ("a note",)))
    assert lines[:3] == ["Experts:", "  n = 2", "  a note"]
    assert lines[4] == "    token          share"
    assert lines[5] == "    \\n             0.25"
    assert "\x1b" not in "".join(lines)


def test_pictures_are_left_to_the_page():
    shown = Pictures("Eigenvectors", ("one",), (((0.0, 1.0),),))
    assert "--page" in finding_lines(Finding("F", {}, (shown,)))[-1]


def test_a_reading_on_request_is_made_only_then():
    task = build_task("groups", {"group": "S3", "share": 0.5})
    model = build("group_mlp", {"d_mlp": 4}, task.dimensions)
    before = [f.title for f in read_all(model, task)]
    after = [f.title for f in read_all(model, task, ["pruning"])]
    assert len(after) == len(before) + 1


def test_an_unknown_reading_names_the_nearest():
    with pytest.raises(ValueError, match="also_read: unknown 'prunning'; did you mean 'pruning'"):
        check_readers(["prunning"])
