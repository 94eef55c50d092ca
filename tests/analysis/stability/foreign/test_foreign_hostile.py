"""What a hostile folder holds is named with its file and its seed, or listed as of no use."""

import json
import math
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from analysis.stability.foreign import kind_of, load_folder
from analysis.stability.foreign.folder import check_comparable
from analysis.stability.foreign.layouts import LAYOUTS

RNG = np.random.default_rng(0)


@pytest.fixture
def runs(tmp_path):
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", RNG.normal(size=(12, 4)))
    return tmp_path


def told(folder, name, value):
    (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")


@pytest.mark.parametrize(
    ("levels", "codes"),
    [
        ([0.5, 0.7], (0, 1)),
        (["adam", "sgd"], (0, 1)),
        (["sgd", "sgd"], (0, 0)),
        ([1, 1.0], (0, 0)),
        ([1, "1"], (0, 1)),
        ([False, True], (0, 1)),
    ],
)
def test_levels_of_factors_are_told_apart(runs, levels, codes):
    told(runs, "factors", {name: {"f": x} for name, x in zip("ab", levels, strict=True)})
    assert load_folder(runs).factors == {"f": codes}


@pytest.mark.parametrize("level", [None, [1], math.nan])
def test_levels_of_no_kind_are_named(runs, level):
    told(runs, "factors", {"a": {"f": 0}, "b": {"f": level}})
    with pytest.raises(ValueError, match=r"factors.json: f of seed 'b': wanted a number or text"):
        load_folder(runs)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("losses", {"a": 1, "b": math.nan}, r"losses.json: seed 'b' .*finite number, got nan;"),
        ("losses", {"a": 1, "b": "2"}, r"losses.json: seed 'b' .*finite number, got '2'"),
        ("labels", 3, r"labels.json: wanted .*, got int"),
        ("interpretations", {"names": 3, "labels": [1]}, r"interpretations.json: wanted names"),
        ("interpretations", {"labels": ["x"]}, r"interpretations.json: wanted .*got 1 entries"),
        ("interpretations", {"names": ["a", "a"], "labels": [1, 2]}, r"wanted names as a list"),
        ("features", {"a": {"x": 1}, "b": [1]}, r"features.json: features of seed 'b': wanted"),
        ("formulas", {"a": "x**2+", "b": "x"}, r"formulas.json: formulas of seed 'a'\[0\].*arith"),
    ],
)
def test_faults_name_file_and_seed(runs, name, value, message):
    told(runs, name, value)
    with pytest.raises(ValueError, match=message):
        load_folder(runs)


@pytest.mark.parametrize("value", [3, "x", None])
def test_no_list_of_labels_alone(tmp_path, value):
    told(tmp_path, "labels", value)
    with pytest.raises(ValueError, match=r"labels.json: wanted {seed: value}, or a list"):
        load_folder(tmp_path)


def test_a_failed_run_has_no_loss(runs):
    told(runs, "losses", {"a": 1.0, "b": math.nan})
    told(runs, "labels", {"a": "x"})
    told(runs, "features", {"a": {"x": 1.0}, "b": "nothing"})
    told(runs, "diverged", ["b"])
    found = load_folder(runs)
    assert found.losses[0] == 1.0
    assert found.solution_labels == ["x"]
    assert found.absent["diverged"] == "1 of 2 runs: b"
    assert found.interpretations[1] is None


def test_a_formula_may_be_its_expression(tmp_path):
    told(tmp_path, "formulas", {"a": "x**2 + sin(y)", "b": "x"})
    first, second = load_folder(tmp_path).interpretations
    assert first is not None
    assert second is not None
    assert first.formulas[0].inputs == second.formulas[0].inputs == ("x", "y")
    assert second.formulas[0].evaluate(x=3.0, y=0.0) == 3.0


def test_what_is_of_no_use_is_listed(runs):
    (runs / "c").mkdir()
    np.save(runs / "c" / "activations.npy", RNG.normal(size=(12, 4)))
    (runs / "c" / "deeper").mkdir()
    (runs / "d.npy").symlink_to("/nonexistent")
    (runs / ".hidden.npy").write_bytes(b"")
    (runs / "labels.json").mkdir()
    (runs / "notes.txt").write_text("")
    found = load_folder(runs)
    assert found.names == ("a", "b", "c")
    said = found.absent["files"]
    for reason in (
        ".hidden.npy (hidden)",
        "d.npy (a link to nothing)",
        "labels.json/ (no tensors in it)",
        "notes.txt (no file of these layouts)",
        "c/deeper/ (folders in a seed's folder are not looked into)",
    ):
        assert reason in said
    assert "a.npy" not in said.replace("/", "")


def test_a_link_to_the_folder_is_no_seed(runs):
    (runs / "loop").symlink_to(runs)
    (runs / "up").symlink_to(runs.parent)
    found = load_folder(runs)
    assert found.names == ("a", "b")
    assert found.absent["files"].count("the folder itself, or one that it is in") == 2


def test_arrays_of_no_inputs_are_empty_not_duplicates(tmp_path):
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.empty((0, 4)))
    with pytest.raises(ValueError, match=r"seed a: wanted \[input, feature\], got shape \(0, 4\)"):
        load_folder(tmp_path)


def test_duplicates_say_both_ways_to_keep_them(runs):
    np.save(runs / "c.npy", np.load(runs / "a.npy"))
    with pytest.raises(ValueError, match=r"--allow_duplicates \(in Python, allow_duplicates=True"):
        load_folder(runs)


def test_the_layouts_are_shown_where_nothing_was_laid_out_so(runs):
    np.save(runs / "b.npy", RNG.normal(size=12))
    with pytest.raises(ValueError, match="got shape") as why:
        load_folder(runs)
    assert LAYOUTS not in str(why.value)


def test_a_file_is_no_folder(runs):
    for asked in (load_folder, kind_of):
        with pytest.raises(ValueError, match=r"a.npy: .*got a file: give the folder it is in"):
            asked(runs / "a.npy")


def test_bare_weights_are_not_enough(tmp_path):
    for number, name in enumerate("ab"):
        save_file({"w": torch.full((3,), float(number))}, tmp_path / f"{name}.safetensors")
    found = load_folder(tmp_path)
    with pytest.raises(ValueError, match=re.escape("--of CONFIG.yaml")):
        check_comparable(found, tmp_path)
    told(tmp_path, "labels", ["x", "y"])
    check_comparable(load_folder(tmp_path), tmp_path)


def test_what_is_wrong_with_a_null_is_said(runs):
    (runs / "untrained").mkdir()
    for name in "ab":
        np.save(runs / "untrained" / f"{name}.npy", RNG.normal(size=(12, 4)))
    (runs / "untrained" / "stray.txt").write_text("")
    assert "stray.txt" in load_folder(runs).absent["files of untrained"]
