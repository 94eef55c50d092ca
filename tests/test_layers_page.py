"""docs/layers.md is true: every layer is in it, its example trains, its code runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from interpretable_arch import build
from interpretable_arch.registry import ENTRIES
from training.experiment import Experiment
from training.fit import check_requirement, fit

PAGE = (Path(__file__).parent.parent / "docs/layers.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL))
ELSEWHERE = {"attention", "senses", "block"}


def test_every_layer_of_the_mlps_place_is_named():
    layers = {name for name, entry in ENTRIES.items() if entry.kind == "layer"}
    first_column = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = {name for cell in first_column for name in re.findall("`(.*?)`", cell)}
    assert named == layers - ELSEWHERE


@pytest.fixture
def example(tmp_path):
    verses = tmp_path / "verses.txt"
    verses.write_text("\n".join(f"and {n} begat {n + 1}" for n in range(400)), encoding="utf-8")
    plain = yaml.safe_load(BLOCKS["yaml"])
    plain["task"]["init_args"]["source"] = str(verses)
    plain["trainer"] |= {"max_steps": 3, "batch_size": 4}
    return {**plain, "seeds": 2}


def test_the_mixed_stack_trains(example, tmp_path):
    runs = fit(Experiment.from_mapping(example), tmp_path / "runs", progress=False)
    assert [run.status for run in runs] == ["finished", "finished"]


def test_more_than_it_keeps_is_refused_with_the_layers_that_set_it(example):
    with pytest.raises(ValueError, match=r"set by blocks\.0, blocks\.1, blocks\.2, ln_final"):
        check_requirement(Experiment.from_mapping({**example, "require": "unconditional"}))


def test_the_python_example_runs(tmp_path):
    (tmp_path / "example.py").write_text(BLOCKS["python"], encoding="utf-8")
    subprocess.run([sys.executable, "example.py"], cwd=tmp_path, check=True, timeout=300)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"class_path": "mixture", "init_args": {"experts": 4, "k": 5}}, "k: wanted"),
        ({"class_path": "codebook", "init_args": {"codes": 4, "k": 5}}, "k: wanted"),
        ({"class_path": "mxd", "init_args": {"experts": 4, "k": 5}}, "k: wanted"),
        ({"class_path": "monet_horizontal", "init_args": {"keys": 4, "k": 5}}, "k: wanted"),
        ({"class_path": "peer", "init_args": {"keys": 4, "k": 5}}, "k: wanted"),
        ({"class_path": "density_senses", "init_args": {"senses": 99}}, "senses: wanted"),
        ({"class_path": "spline", "init_args": {"grid": 0}}, "grid: wanted"),
        ({"class_path": "spline", "init_args": {"outside": "wrap"}}, "one of extend, clamp"),
        ({"class_path": "bilinaer"}, "did you mean 'bilinear'"),
        ({"class_path": "mlp", "init_args": {"k": 2}}, "unknown 'k'"),
        ({"init_args": {}}, "mlp: wanted a mapping of class_path"),
    ],
)
def test_a_bad_layer_is_one_clear_line(part, message):
    sizes = {"vocab": 7, "context": 5}
    with pytest.raises(ValueError, match=message) as caught:
        build("transformer", {"d_model": 8, "heads": 2, "mlp": part}, sizes)
    assert "\n" not in str(caught.value)


def test_heads_that_do_not_divide_are_refused():
    for name in ("transformer", "attention_only"):
        with pytest.raises(ValueError, match="heads: must divide d_model = 8, got 3"):
            build(name, {"d_model": 8, "heads": 3}, {"vocab": 7, "context": 5})
